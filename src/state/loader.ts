import type { Key } from '../primitives/bytes.ts'
import type { Database } from '../store/database.ts'
import { MAX_TRIE_NODE_KEY_BYTES, writeTrieNodeKey } from '../store/schema.ts'
import { nibbleAt } from '../trie/node.ts'
import type { Pacer } from '../trie/update.ts'
import { digestScratchAt, KEY_BYTES, LEAF_BATCH, leafScratchAt, writeLeaf } from './account-leaf.ts'
import { type AccountNodes, BRANCH, EXTENSION } from './account-nodes.ts'
import { readNodeRecord } from './account-records.ts'
import { hashOfRoot } from './account-update.ts'
import type { AccountValue } from './account-value.ts'
import type { Handle } from './arena.ts'
import { inKeyOrder } from './key-order.ts'
import type { RootHolder } from './layer.ts'

/** Reads up to this many records on the main thread: below it the round trip through the thread pool costs more. */
const SYNC_READS = 16
/** Records asked of LevelDB at a time: results are copied on the main thread, some 1 µs each. */
const READ_CHUNK = LEAF_BATCH
/** Keys between two looks at the clock, about half a millisecond. */
const PACED_KEYS = 1024

/** Makes the error for a place whose record is missing or hashes to something else. */
type Unreadable = (what: string) => Error

/** The first `depth` nibbles of `key` lead there. */
interface Place {
  readonly key: Key
  readonly depth: number
}

/** A place where descents met a stub. */
interface Site extends Place {
  /** The node that holds the stub. */
  readonly holder: Handle
  /** Its slot there, unless the holder is an extension. */
  readonly slot: number
  /** Keys, by index, whose descent goes on from here. */
  readonly waiting: number[]
}

/** A leaf whose hash was not checked yet, found while looking for a key. */
interface UncheckedLeaf {
  readonly branch: Handle
  readonly slot: number
  /** Of the branch. */
  readonly depth: number
  readonly at: number
  readonly index: number
}

/**
 * Brings the paths to given accounts into memory, checking every record against the hash its parent holds. Nothing
 * that LevelDB returns is believed: a flipped bit, a lost record or an outdated one cannot become a balance.
 */
export class Loader {
  readonly #database: Database
  readonly #nodes: AccountNodes
  readonly #pacer: Pacer

  constructor(database: Database, nodes: AccountNodes, pacer: Pacer) {
    this.#database = database
    this.#nodes = nodes
    this.#pacer = pacer
  }

  /** Gets a root that is known by its hash alone into memory. @throws what `unreadable` makes. */
  loadRoot(holder: RootHolder, unreadable: Unreadable): void {
    const { root } = holder
    if (typeof root !== 'string') return
    const nodes = this.#nodes
    const record = this.#read([{ key: '', depth: 0 }])[0]
    const node = record === undefined ? 0 : readNodeRecord(nodes, record, 0)
    if (node === 0 || hashOfRoot(nodes, node) !== root) {
      if (node !== 0) nodes.free(node)
      throw unreadable('the root of the state does not match its hash')
    }
    nodes.retain(node)
    holder.root = node
  }

  /**
   * Values of `accountKeys` under `root` (0: an empty trie), in their order; undefined where the trie proves that there
   * is none. Afterwards an update of these keys finds all it needs in memory. The caller has retained the root.
   * Cost: a descent a key; one read and a hash a missing node, level by level, all of a level at once.
   */
  async load(root: Handle, accountKeys: readonly Key[], unreadable: Unreadable): Promise<(AccountValue | undefined)[]> {
    const load = new Load(this.#nodes, accountKeys, unreadable)
    if (root === 0) return load.values
    const order = inKeyOrder(accountKeys)
    for (let i = 0; i < order.length; i++) {
      load.descend(order[i]!, root, 0)
      if (i % PACED_KEYS === PACED_KEYS - 1) {
        load.checkLeaves()
        await this.#pacer.pause()
      }
    }
    load.checkLeaves()
    for (let sites = load.takeSites(); sites.length > 0; sites = load.takeSites()) {
      if (sites.length <= SYNC_READS) load.attachAll(sites, this.#read(sites))
      else await this.#readMany(sites, load)
    }
    return load.values
  }

  /**
   * As `load`, for one account and at once. Cost: a microsecond from memory, else up to five reads with their hashes, some
   * 10 µs each.
   */
  loadOne(root: Handle, accountKey: Key, unreadable: Unreadable): AccountValue | undefined {
    const load = new Load(this.#nodes, [accountKey], unreadable)
    if (root === 0) return undefined
    load.descend(0, root, 0)
    load.checkLeaves()
    for (let sites = load.takeSites(); sites.length > 0; sites = load.takeSites()) {
      load.attachAll(sites, this.#read(sites))
    }
    return load.values[0]
  }

  #read(sites: readonly Place[]): (Uint8Array | undefined)[] {
    return keysOf(sites).map((key) => this.#database.get(key))
  }

  async #readMany(sites: readonly Site[], load: Load): Promise<void> {
    const chunks: Site[][] = []
    for (let at = 0; at < sites.length; at += READ_CHUNK) chunks.push(sites.slice(at, at + READ_CHUNK))
    const reads = chunks.map((chunk) => this.#database.getMany(keysOf(chunk)))
    // All are under way: a failure of a later one must not go unheard while an earlier one is waited for.
    for (const read of reads) read.catch(() => undefined)
    for (let i = 0; i < chunks.length; i++) {
      load.attachAll(chunks[i]!, await reads[i]!)
      await this.#pacer.pause()
    }
  }
}

/** One call of `load`: synchronous steps, between which other work may run. */
class Load {
  readonly values: (AccountValue | undefined)[]
  readonly #nodes: AccountNodes
  readonly #keys: readonly Key[]
  readonly #unreadable: Unreadable
  #sites: Site[] = []
  readonly #unchecked: UncheckedLeaf[] = []

  constructor(nodes: AccountNodes, keys: readonly Key[], unreadable: Unreadable) {
    this.#nodes = nodes
    this.#keys = keys
    this.#unreadable = unreadable
    this.values = new Array<AccountValue | undefined>(keys.length).fill(undefined)
  }

  /** Sites met since the last call, in the order of their paths, which LevelDB's blocks have. */
  takeSites(): Site[] {
    const sites = this.#sites
    this.#sites = []
    return sites
  }

  /** Looks for a key from `start` at `startDepth` on, until it is found or not, or waits at a site. */
  descend(index: number, start: Handle, startDepth: number): void {
    const nodes = this.#nodes
    const key = this.#keys[index]!
    let node = start
    let depth = startDepth
    for (;;) {
      nodes.touch(node)
      const kind = nodes.kind(node)
      if (kind === BRANCH) {
        const slot = nibbleAt(key, depth)
        if (((nodes.taken(node) >> slot) & 1) === 0) return
        if (((nodes.leaves(node) >> slot) & 1) === 1) {
          this.#meetLeaf(node, slot, depth, index)
          return
        }
        const child = nodes.childAt(node, nodes.childIndex(node, slot))
        depth++
        if (child === 0) {
          this.#wait(node, slot, depth, index)
          return
        }
        node = child
      } else if (kind === EXTENSION) {
        const length = nodes.extensionLength(node)
        for (let i = 0; i < length; i++) if (nodes.extensionNibble(node, i) !== nibbleAt(key, depth + i)) return
        depth += length
        const child = nodes.childAt(node, 0)
        if (child === 0) {
          this.#wait(node, 0, depth, index)
          return
        }
        node = child
      } else {
        if (nodes.leafKey(node) === key) this.values[index] = nodes.leafValue(node)
        return
      }
    }
  }

  #meetLeaf(branch: Handle, slot: number, depth: number, index: number): void {
    const nodes = this.#nodes
    const at = nodes.entryAt(branch, slot, depth)
    if (((nodes.verified(branch) >> slot) & 1) === 1) {
      if (nodes.entryHasKey(at, depth, this.#keys[index]!)) this.values[index] = nodes.entryValue(at, depth)
      return
    }
    this.#unchecked.push({ branch, slot, depth, at, index })
    if (this.#unchecked.length === LEAF_BATCH) this.checkLeaves()
  }

  /** Hashes the leaves met and takes their values. @throws what `unreadable` makes. */
  checkLeaves(): void {
    const nodes = this.#nodes
    const { arena } = nodes
    const leaves = this.#unchecked
    if (leaves.length === 0) return
    for (let i = 0; i < leaves.length; i++) {
      const { depth, at, index } = leaves[i]!
      const key = nodes.entryKey(at, depth, this.#keys[index]!)
      const scratch = leafScratchAt(arena, i)
      const length = writeLeaf(arena.bytes, scratch, key, depth + 1, nodes.entryValue(at, depth))
      arena.hasher.add(scratch, length, digestScratchAt(arena, i))
    }
    arena.hasher.run()
    for (let i = 0; i < leaves.length; i++) {
      const { branch, slot, depth, at, index } = leaves[i]!
      const fits =
        nodes.entryFitsSlot(at, slot, depth) && this.#isSame(digestScratchAt(arena, i), nodes.hashAt(branch, slot))
      if (!fits) throw this.#mismatch(depth + 1)
      nodes.setVerified(branch, slot)
      if (nodes.entryHasKey(at, depth, this.#keys[index]!)) this.values[index] = nodes.entryValue(at, depth)
    }
    leaves.length = 0
  }

  #wait(holder: Handle, slot: number, depth: number, index: number): void {
    const last = this.#sites.at(-1)
    // Keys come in order, so those that wait at one place follow one another.
    if (last !== undefined && last.holder === holder && last.slot === slot) last.waiting.push(index)
    else this.#sites.push({ holder, slot, key: this.#keys[index]!, depth, waiting: [index] })
  }

  /** Puts nodes where their stubs are, at most READ_CHUNK at a time, and goes on with the descents that wait there. */
  attachAll(sites: readonly Site[], records: readonly (Uint8Array | undefined)[]): void {
    const { arena } = this.#nodes
    const fresh = this.#readAll(sites, records)
    fresh.forEach((node, i) => {
      arena.hasher.add(this.#nodes.rlpAt(node), this.#nodes.rlpLength(node), digestScratchAt(arena, i))
    })
    arena.hasher.run()
    // All before the first descent, which may check leaves and so needs the scratch memory itself.
    const present: Handle[] = []
    try {
      for (let i = 0; i < sites.length; i++)
        present.push(this.#checked(sites[i]!, fresh[i]!, digestScratchAt(arena, i)))
    } finally {
      for (const node of fresh.slice(present.length)) this.#nodes.free(node)
    }
    sites.forEach(({ depth, waiting }, i) => {
      for (const index of waiting) this.descend(index, present[i]!, depth)
    })
    this.checkLeaves()
  }

  #readAll(sites: readonly Site[], records: readonly (Uint8Array | undefined)[]): Handle[] {
    const read: Handle[] = []
    for (let i = 0; i < sites.length; i++) {
      const record = records[i]
      const node = record === undefined ? 0 : readNodeRecord(this.#nodes, record, sites[i]!.depth)
      if (node === 0) {
        for (const given of read) this.#nodes.free(given)
        throw this.#mismatch(sites[i]!.depth)
      }
      read.push(node)
    }
    return read
  }

  /** The node of a site, in its place, if it is what its parent refers to. */
  #checked({ holder, slot, depth }: Site, fresh: Handle, digestAt: number): Handle {
    const nodes = this.#nodes
    const branch = nodes.kind(holder) === BRANCH
    const hashAt = branch ? nodes.hashAt(holder, slot) : nodes.childHashAt(holder)
    if (!this.#isSame(digestAt, hashAt)) throw this.#mismatch(depth)
    const childIndex = branch ? nodes.childIndex(holder, slot) : 0
    // Someone else may have been quicker.
    const present = nodes.childAt(holder, childIndex)
    if (present !== 0) {
      nodes.free(fresh)
      return present
    }
    nodes.retain(fresh)
    nodes.setChildAt(holder, childIndex, fresh)
    return fresh
  }

  #isSame(a: number, b: number): boolean {
    const { bytes } = this.#nodes.arena
    for (let i = 0; i < KEY_BYTES; i++) if (bytes[a + i] !== bytes[b + i]) return false
    return true
  }

  #mismatch(depth: number): Error {
    return this.#unreadable(`a trie node at depth ${depth} does not match the state root`)
  }
}

/** Database keys of the places, cut out of one buffer. */
function keysOf(sites: readonly Place[]): Uint8Array[] {
  const buffer = new Uint8Array(sites.length * MAX_TRIE_NODE_KEY_BYTES + MAX_TRIE_NODE_KEY_BYTES)
  return sites.map(({ key, depth }, i) => {
    const start = i * MAX_TRIE_NODE_KEY_BYTES
    return buffer.subarray(start, start + writeTrieNodeKey(buffer, start, key, depth))
  })
}
