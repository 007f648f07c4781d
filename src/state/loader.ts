import type { Key } from '../primitives/bytes.ts'
import { DecodeError } from '../primitives/errors.ts'
import type { Database } from '../store/database.ts'
import { MAX_TRIE_NODE_KEY_BYTES, writeTrieNodeKey } from '../store/schema.ts'
import { lookup, type RootHolder, StubSite } from '../trie/lookup.ts'
import type { NodeFactory, TrieNode } from '../trie/node.ts'
import type { Pacer } from '../trie/update.ts'
import type { AccountValue } from './account-value.ts'
import { decodeNodeRecord } from './node-record.ts'

/** Reads up to this many records on the main thread: below it the round trip through the thread pool costs more. */
const SYNC_READS = 16
/** Records asked of LevelDB at a time: results are copied on the main thread, some 1 µs each. */
const READ_CHUNK = 512

/**
 * Brings the paths to given accounts into memory, checking every record against the hash its parent holds. Nothing
 * that LevelDB returns is believed: a flipped bit, a lost record or an outdated one cannot become a balance.
 */
export class Loader {
  readonly #database: Database
  readonly #factory: NodeFactory<AccountValue>
  readonly #pacer: Pacer
  /**
   * Nodes loaded of late by place. An update copies the nodes of its path, so what was loaded for a layer
   * while its successor was being computed is attached to the older copy only: found here, it is not read twice.
   */
  #recent = new Map<Key, TrieNode<AccountValue>>()

  constructor(database: Database, factory: NodeFactory<AccountValue>, pacer: Pacer) {
    this.#database = database
    this.#factory = factory
    this.#pacer = pacer
  }

  /**
   * After it, `lookup` of each of `accountKeys` under `holder` answers from memory.
   * @param unreadable makes the error for a place whose record is missing or hashes to something else.
   * Cost: one read and a few hashes a missing node, level by level, all of a level at once.
   */
  async load(
    holder: RootHolder<AccountValue>,
    accountKeys: Iterable<Key>,
    unreadable: (what: string) => Error,
  ): Promise<void> {
    let pending = [...accountKeys]
    for (;;) {
      const sites = new Map<Key, StubSite<AccountValue>>()
      pending = pending.filter((key) => {
        const site = this.#firstUnread(holder, key)
        if (site !== undefined) sites.set(site.path, site)
        return site !== undefined
      })
      if (sites.size === 0) return
      // In key order neighbours share LevelDB blocks.
      const ordered = [...sites.values()].sort((a, b) => (a.path < b.path ? -1 : 1))
      if (ordered.length <= SYNC_READS) {
        const recordKeys = keysOf(ordered)
        ordered.forEach((site, i) => {
          this.#attach(site, this.#database.get(recordKeys[i]!), unreadable)
        })
      } else await this.#readMany(ordered, unreadable)
    }
  }

  /** Forgets what is kept only against reading twice. */
  forget(): void {
    this.#recent = new Map()
  }

  #firstUnread(holder: RootHolder<AccountValue>, key: Key): StubSite<AccountValue> | undefined {
    for (;;) {
      const found = lookup(holder, key, this.#factory.generation)
      if (!(found instanceof StubSite)) return undefined
      const recent = this.#recent.get(found.path)
      if (recent?.ref !== found.ref) return found
      found.attach(recent)
    }
  }

  async #readMany(sites: readonly StubSite<AccountValue>[], unreadable: (what: string) => Error): Promise<void> {
    const chunks: StubSite<AccountValue>[][] = []
    for (let at = 0; at < sites.length; at += READ_CHUNK) chunks.push(sites.slice(at, at + READ_CHUNK))
    const reads = chunks.map((chunk) => this.#database.getMany(keysOf(chunk)))
    for (let i = 0; i < chunks.length; i++) {
      const records = await reads[i]!
      chunks[i]!.forEach((site, at) => {
        this.#attach(site, records[at], unreadable)
      })
      await this.#pacer.pause()
    }
  }

  #attach(site: StubSite<AccountValue>, record: Uint8Array | undefined, unreadable: (what: string) => Error): void {
    const node = record === undefined ? undefined : this.#decode(site, record)
    if (node?.ref !== site.ref) throw unreadable(`a trie node at depth ${site.depth} does not match the state root`)
    this.#recent.set(site.path, node)
    site.attach(node)
  }

  #decode(site: StubSite<AccountValue>, record: Uint8Array): TrieNode<AccountValue> | undefined {
    try {
      return decodeNodeRecord(this.#factory, record, site.key, site.depth)
    } catch (error) {
      if (error instanceof DecodeError || error instanceof RangeError) return undefined
      throw error
    }
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
