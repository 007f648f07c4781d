import type { ExecutedBlock } from '../chain/executed-block.ts'
import type { HeadEvent } from '../chain/types.ts'
import { type Key, toKey } from '../primitives/bytes.ts'

/** Bytes of encoded blocks remembered; in memory they take a few times as much. */
const MAX_BYTES = 16 * 1024 * 1024
/** Blocks remembered, however small: a few minutes' worth, as long as a wallet waits for a receipt. */
const MAX_BLOCKS = 64

/** Where a transaction is. */
export interface Located {
  readonly executed: ExecutedBlock
  readonly index: number
}

/**
 * The canonical chain's last blocks, as they were executed: most of what is asked for over RPC is about them, and to read them
 * again would mean to decode and hash each of their transactions.
 */
export class RecentBlocks {
  /** In the order of the chain. */
  readonly #blocks = new Map<Key, ExecutedBlock>()
  readonly #transactions = new Map<Key, Located>()
  #sizeBytes = 0

  /** @param head  with which to begin, so that there is always one. */
  constructor(head: ExecutedBlock | undefined) {
    if (head) this.#add(head)
  }

  /** Follows the chain to a new head. */
  apply({ connected, disconnected }: Pick<HeadEvent, 'connected' | 'disconnected'>): void {
    for (const hash of disconnected.hashes) this.#remove(toKey(hash))
    // Of several that a reorg brings, the others are read when somebody asks for them.
    if (connected.length > 0) this.#add(connected.block(-1))
    for (const key of this.#blocks.keys()) {
      const fits = this.#blocks.size <= MAX_BLOCKS && this.#sizeBytes <= MAX_BYTES
      if (fits || this.#blocks.size === 1) break
      this.#remove(key)
    }
  }

  block(hash: Uint8Array): ExecutedBlock | undefined {
    return this.#blocks.get(toKey(hash))
  }

  transaction(hash: Uint8Array): Located | undefined {
    return this.#transactions.get(toKey(hash))
  }

  #add(executed: ExecutedBlock): void {
    this.#blocks.set(toKey(executed.block.hash), executed)
    this.#sizeBytes += executed.block.sizeBytes
    for (const [index, { hash }] of executed.transactions.entries()) {
      this.#transactions.set(toKey(hash), { executed, index })
    }
  }

  #remove(key: Key): void {
    const executed = this.#blocks.get(key)
    if (!executed) return
    this.#blocks.delete(key)
    this.#sizeBytes -= executed.block.sizeBytes
    for (const { hash } of executed.transactions) this.#transactions.delete(toKey(hash))
  }
}
