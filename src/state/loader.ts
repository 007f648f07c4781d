import type { Key } from '../primitives/bytes.ts'
import { DecodeError } from '../primitives/errors.ts'
import type { Database } from '../store/database.ts'
import { MAX_TRIE_NODE_KEY_BYTES, writeTrieNodeKey } from '../store/schema.ts'
import { lookup, type RootHolder, StubSite } from '../trie/lookup.ts'
import { type NodeFactory, nibbleAt, type TrieNode } from '../trie/node.ts'
import { unpackLeaf } from '../trie/packed-leaves.ts'
import type { Pacer } from '../trie/update.ts'
import type { AccountValue } from './account-value.ts'
import { decodeNodeRecord } from './node-record.ts'

/** Reads up to this many records on the main thread: below it the round trip through the thread pool costs more. */
const SYNC_READS = 16
/** Records asked of LevelDB at a time: results are copied on the main thread, some 1 µs each. */
const READ_CHUNK = 512
/** Keys between two looks at the clock, about a millisecond. */
const PACED_KEYS = 256

/** Makes the error for a place whose record is missing or hashes to something else. */
type Unreadable = (what: string) => Error

/**
 * Brings the paths to given accounts into memory, checking every record against the hash its parent holds. Nothing
 * that LevelDB returns is believed: a flipped bit, a lost record or an outdated one cannot become a balance.
 */
export class Loader {
  readonly #database: Database
  readonly #factory: NodeFactory<AccountValue>
  readonly #pacer: Pacer

  constructor(database: Database, factory: NodeFactory<AccountValue>, pacer: Pacer) {
    this.#database = database
    this.#factory = factory
    this.#pacer = pacer
  }

  /**
   * Values of `accountKeys` under `holder`, in their order; undefined where the trie proves that there is none. Afterwards
   * `lookup` answers for each of them from memory.
   * Cost: a descent a key; one read and a few hashes a missing node, level by level, all of a level at once.
   */
  async load(
    holder: RootHolder<AccountValue>,
    accountKeys: readonly Key[],
    unreadable: Unreadable,
  ): Promise<(AccountValue | undefined)[]> {
    const generation = this.#factory.generation
    const values = new Array<AccountValue | undefined>(accountKeys.length)
    let waiting = new Waiting()
    for (let index = 0; index < accountKeys.length; index++) {
      const key = accountKeys[index]!
      this.#settle(lookup(holder, key, generation), key, index, values, waiting, unreadable)
      if (index % PACED_KEYS === PACED_KEYS - 1) await this.#pacer.pause()
    }
    while (waiting.bySite.size > 0) {
      const entries = waiting.inKeyOrder()
      const sites = entries.map(({ site }) => site)
      const nodes =
        sites.length <= SYNC_READS ? this.#readNow(sites, unreadable) : await this.#readMany(sites, unreadable)
      waiting = new Waiting()
      for (let i = 0; i < entries.length; i++) {
        const { site, keys } = entries[i]!
        for (const { key, index } of keys) {
          this.#settle(site.resume(nodes[i]!, key, generation), key, index, values, waiting, unreadable)
        }
        if (i % PACED_KEYS === PACED_KEYS - 1) await this.#pacer.pause()
      }
    }
    return values
  }

  /** Takes a descent's result, going on through leaves that their branch has packed. */
  #settle(
    result: AccountValue | undefined | StubSite<AccountValue>,
    key: Key,
    index: number,
    values: (AccountValue | undefined)[],
    waiting: Waiting,
    unreadable: Unreadable,
  ): void {
    let found = result
    while (found instanceof StubSite) {
      if (found.packedIn === undefined) {
        waiting.add(found.path, found, key, index)
        return
      }
      const leaf = this.#unpack(found, unreadable)
      found.attach(leaf)
      found = found.resume(leaf, key, this.#factory.generation)
    }
    values[index] = found
  }

  #unpack(site: StubSite<AccountValue>, unreadable: Unreadable): TrieNode<AccountValue> {
    const leaf = unpackLeaf(site.packedIn!, site.slot, site.key, site.depth - 1)
    // The nibble of the slot itself is in the packed key, but no reference covers it: another account would seem absent.
    const misplaced = nibbleAt(leaf.key, site.depth - 1) !== site.slot
    return this.#checked(site, misplaced ? undefined : leaf, unreadable)
  }

  /** The node, if it is what its parent refers to. */
  #checked(
    site: StubSite<AccountValue>,
    node: TrieNode<AccountValue> | undefined,
    unreadable: Unreadable,
  ): TrieNode<AccountValue> {
    if (node === undefined || this.#factory.ref(node, site.depth) !== site.ref) {
      throw unreadable(`a trie node at depth ${site.depth} does not match the state root`)
    }
    return node
  }

  #readNow(sites: readonly StubSite<AccountValue>[], unreadable: Unreadable): TrieNode<AccountValue>[] {
    const recordKeys = keysOf(sites)
    return sites.map((site, i) => this.#attach(site, this.#database.get(recordKeys[i]!), unreadable))
  }

  async #readMany(sites: readonly StubSite<AccountValue>[], unreadable: Unreadable): Promise<TrieNode<AccountValue>[]> {
    const chunks: StubSite<AccountValue>[][] = []
    for (let at = 0; at < sites.length; at += READ_CHUNK) chunks.push(sites.slice(at, at + READ_CHUNK))
    const reads = chunks.map((chunk) => this.#database.getMany(keysOf(chunk)))
    // All are under way: a failure of a later one must not go unheard while an earlier one is waited for.
    for (const read of reads) read.catch(() => undefined)
    const nodes: TrieNode<AccountValue>[] = []
    for (let i = 0; i < chunks.length; i++) {
      const records = await reads[i]!
      chunks[i]!.forEach((site, at) => {
        nodes.push(this.#attach(site, records[at], unreadable))
      })
      await this.#pacer.pause()
    }
    return nodes
  }

  #attach(
    site: StubSite<AccountValue>,
    record: Uint8Array | undefined,
    unreadable: Unreadable,
  ): TrieNode<AccountValue> {
    const node = this.#checked(site, record === undefined ? undefined : this.#decode(site, record), unreadable)
    site.attach(node)
    return node
  }

  #decode(site: StubSite<AccountValue>, record: Uint8Array): TrieNode<AccountValue> | undefined {
    try {
      return decodeNodeRecord(this.#factory, record, site.key, site.depth)
    } catch (error) {
      if (error instanceof DecodeError) return undefined
      throw error
    }
  }
}

interface WaitingSite {
  readonly path: Key
  readonly site: StubSite<AccountValue>
  readonly keys: { readonly key: Key; readonly index: number }[]
}

/** Places that have to be read, each with the keys whose descent goes on from there. */
class Waiting {
  readonly bySite = new Map<Key, WaitingSite>()

  add(path: Key, site: StubSite<AccountValue>, key: Key, index: number): void {
    const entry = this.bySite.get(path)
    if (entry === undefined) this.bySite.set(path, { path, site, keys: [{ key, index }] })
    else entry.keys.push({ key, index })
  }

  /** Neighbours share LevelDB blocks. */
  inKeyOrder(): WaitingSite[] {
    return [...this.bySite.values()].sort((a, b) => (a.path < b.path ? -1 : 1))
  }
}

/** Database keys of the places, cut out of one buffer. */
function keysOf(sites: readonly StubSite<AccountValue>[]): Uint8Array[] {
  const buffer = new Uint8Array(sites.length * MAX_TRIE_NODE_KEY_BYTES + MAX_TRIE_NODE_KEY_BYTES)
  return sites.map(({ key, depth }, i) => {
    const start = i * MAX_TRIE_NODE_KEY_BYTES
    return buffer.subarray(start, start + writeTrieNodeKey(buffer, start, key, depth))
  })
}
