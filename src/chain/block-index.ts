import type { Ancestry } from '../consensus/engine.ts'
import { equalBytes, type Key, toKey } from '../primitives/bytes.ts'
import type { Header } from '../primitives/header.ts'
import { damaged } from '../store/database.ts'
import type { ChainStore } from './chain-store.ts'
import {
  appendLeaf,
  historyCommitment,
  historyLeaf,
  NO_PEAKS,
  type Peaks,
  type PlacedNode,
  peakPositions,
} from './history.ts'
import type { Head } from './types.ts'

/** A header on its branch: what fork choice and the next header's rules need to know of it. */
export interface IndexEntry extends Head {
  /** The history range up to and with this block, and the nodes that this block added to it. */
  readonly peaks: Peaks
  readonly historyNodes: readonly PlacedNode[]
}

/** Entries kept although they are on disk. */
const CACHED_ENTRIES = 4096

/**
 * Headers by hash, on every branch. Those of blocks not written yet are pinned; the rest is a cache over the store. Side
 * branches carry ranges of their own here, so that no reorg rebuilds one.
 */
export class BlockIndex {
  readonly #store: ChainStore
  readonly #chainId: bigint
  readonly #pinned = new Map<Key, IndexEntry>()
  readonly #cached = new Map<Key, IndexEntry>()

  constructor(store: ChainStore, chainId: bigint) {
    this.#store = store
    this.#chainId = chainId
  }

  /** The entry of a block that is written or on its way; undefined for an unknown one. */
  get(hash: Uint8Array): IndexEntry | undefined {
    const key = toKey(hash)
    const held = this.#pinned.get(key) ?? this.#cached.get(key)
    if (held !== undefined) return held
    const head = this.#store.header(hash)
    return head === undefined ? undefined : this.#load(head)
  }

  /** The same for less where it is not in memory: without its history range. */
  head(hash: Uint8Array): Head | undefined {
    const key = toKey(hash)
    return this.#pinned.get(key) ?? this.#cached.get(key) ?? this.#store.header(hash)
  }

  /** Keeps the entry of a block that is on its way to disk. */
  pin(entry: IndexEntry): void {
    this.#pinned.set(toKey(entry.hash), entry)
  }

  /** The block is written: its entry may be forgotten from now on. */
  unpin(entry: IndexEntry): void {
    const key = toKey(entry.hash)
    if (this.#pinned.delete(key)) this.#cache(key, entry)
  }

  /** The block was refused. */
  remove(hash: Uint8Array): void {
    this.#pinned.delete(toKey(hash))
  }

  /** The blocks are not on disk any more. */
  forget(hashKeys: readonly Key[]): void {
    for (const key of hashKeys) this.#cached.delete(key)
  }

  /** What the engine may look up while it judges a child of `parent`. */
  ancestry(parent: IndexEntry): Ancestry {
    return {
      header: (hash) => this.get(hash)?.header,
      historyRoot: () => historyCommitment(this.#chainId, parent.peaks),
    }
  }

  #cache(key: Key, entry: IndexEntry): void {
    this.#cached.set(key, entry)
    if (this.#cached.size > CACHED_ENTRIES) this.#cached.delete(this.#cached.keys().next().value!)
  }

  /**
   * Range nodes of the canonical chain are on disk; above where a side branch leaves it they are computed again. What was
   * computed on the way stays: whoever asks for a tip asks for its ancestors next.
   */
  #load(head: Head): IndexEntry {
    const missing: Head[] = [head]
    let below: IndexEntry | undefined
    for (let at = head; at.header.number > 0; ) {
      const { parentHash, number } = at.header
      const parentKey = toKey(parentHash)
      below = this.#pinned.get(parentKey) ?? this.#cached.get(parentKey)
      if (below !== undefined) break
      const parent = this.#store.header(parentHash)
      if (parent === undefined) throw damaged(`header ${number - 1} is missing`)
      const peaks = this.#canonicalPeaks(parent)
      if (peaks !== undefined) {
        below = { ...parent, peaks, historyNodes: [] }
        break
      }
      missing.push(parent)
      at = parent
    }
    for (const next of missing.reverse()) {
      below = entryOf(next, below)
      this.#cache(toKey(next.hash), below)
    }
    return below!
  }

  /** The range up to and with a canonical block; undefined: it is not canonical. */
  #canonicalPeaks({ hash, header }: Head): Peaks | undefined {
    const isCanonical = () => {
      const canonical = this.#store.canonicalHash(header.number)
      return canonical !== undefined && equalBytes(canonical, hash)
    }
    if (!isCanonical()) return undefined
    const leafCount = header.number + 1
    const nodes = peakPositions(leafCount).map(({ height, index }) => {
      const node = this.#store.historyNode(height, index)
      if (node === undefined) throw damaged(`history node ${height}/${index} is missing`)
      return node
    })
    // A reorg that reaches the disk between these reads would leave nodes of the other branch among them.
    return isCanonical() ? { leafCount, nodes } : undefined
  }
}

/** The entry of a block on top of `parent`; undefined: of genesis. */
export function entryOn(hash: Uint8Array, header: Header, parent: IndexEntry | undefined, weight: bigint): IndexEntry {
  return entryOf({ hash, header, totalDifficulty: (parent?.totalDifficulty ?? 0n) + weight }, parent)
}

function entryOf(head: Head, parent: IndexEntry | undefined): IndexEntry {
  const { peaks, newNodes } = appendLeaf(parent?.peaks ?? NO_PEAKS, historyLeaf(head.hash, head.header))
  return { ...head, peaks, historyNodes: newNodes }
}
