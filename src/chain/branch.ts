import type { ExecutedBlock } from './executed-block.ts'

/** Where the blocks of a branch are read. @throws StoreError from both. */
export interface BranchSource<Head> {
  head(hash: Uint8Array): Head
  executed(hash: Uint8Array): ExecutedBlock
}

/**
 * Blocks that joined or left the canonical chain together, in an order of their own. There may be any number of them, so
 * they are named here, and each is read when it is asked for: whoever goes through all of them lets other work of the thread
 * run in between, and keeps none.
 */
export class Branch<Head> implements Iterable<ExecutedBlock> {
  readonly hashes: readonly Uint8Array[]
  readonly #source: BranchSource<Head>

  constructor(hashes: readonly Uint8Array[], source: BranchSource<Head>) {
    this.hashes = hashes
    this.#source = source
  }

  /** Of blocks that are in memory. */
  static of<Head extends { readonly hash: Uint8Array }>(
    blocks: readonly { readonly head: Head; readonly executed: ExecutedBlock }[],
  ): Branch<Head> {
    const byHash = new Map(blocks.map((block) => [block.head.hash, block]))
    return new Branch([...byHash.keys()], {
      head: (hash) => byHash.get(hash)!.head,
      executed: (hash) => byHash.get(hash)!.executed,
    })
  }

  get length(): number {
    return this.hashes.length
  }

  /** By its place. Cost: some 20 µs, if it is not in memory. @throws StoreError. */
  head(place: number): Head {
    return this.#source.head(this.hashes.at(place)!)
  }

  /** By its place, from the end if below 0. Cost: a full block is decoded in some ms, if it is not in memory. @throws StoreError. */
  block(place: number): ExecutedBlock {
    return this.#source.executed(this.hashes.at(place)!)
  }

  /** Each costs what `block` does. @throws StoreError. */
  *[Symbol.iterator](): Iterator<ExecutedBlock> {
    for (let place = 0; place < this.length; place++) yield this.block(place)
  }
}
