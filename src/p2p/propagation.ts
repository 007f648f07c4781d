import { type Key, toKey } from '../primitives/bytes.ts'
import type { Clock } from '../primitives/clock.ts'
import { MAX_ARRIVALS, MAX_WATCHED_BLOCKS, MAX_WATCHED_TRANSACTIONS } from './limits.ts'

export interface Arrival {
  readonly peer: string
  /** Milliseconds after it was first seen. */
  readonly afterMs: number
}

/** How one block or transaction came to this node. Times are milliseconds after `firstSeenMs`, by this node's clock. */
export interface PropagationRecord {
  readonly hash: Uint8Array
  /** Of a block. */
  readonly number?: number
  /** Since the Unix epoch. */
  readonly firstSeenMs: number
  /** Who brought it first; undefined: it was made or handed in here. */
  readonly from: string | undefined
  /** From others, in order, the first few. */
  readonly arrivals: readonly Arrival[]
  /** Of a block: when it was whole and could be passed on. */
  readonly rebuiltAfterMs?: number
  /** When the chain, or the pool, had taken it. */
  readonly validAfterMs?: number
  /** Of a block: its transactions, and how many of them had to be asked for. */
  readonly transactions?: number
  readonly missing?: number
}

export interface Percentiles {
  readonly count: number
  readonly p50: number
  readonly p90: number
  readonly p99: number
}

export interface PropagationStats {
  readonly blocks: {
    /** Milliseconds from first sight until whole, until valid, and until another peer brought it too. */
    readonly rebuilt: Percentiles
    readonly valid: Percentiles
    readonly others: Percentiles
    /** Of those put together: how many without asking for anything. */
    readonly rebuiltAlone: number
  }
  readonly transactions: { readonly valid: Percentiles; readonly others: Percentiles }
  /** How often a peer was the first to bring a block that is still remembered, most often first. */
  readonly first: readonly { readonly peer: string; readonly blocks: number }[]
}

type Mutable = { -readonly [K in keyof PropagationRecord]: PropagationRecord[K] } & { arrivals: Arrival[] }

/**
 * Remembers of the last blocks and transactions when they came, from whom, and how long they took to be of use. Fed by
 * whoever handles messages; knows nothing of the network itself.
 */
export class PropagationWatch {
  readonly #clock: Clock
  /** Insertion order is age. */
  readonly #blocks = new Map<Key, Mutable>()
  readonly #transactions = new Map<Key, Mutable>()
  readonly #listeners = new Set<(block: PropagationRecord) => void>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  blockArrived(hash: Uint8Array, number: number, from: string): void {
    this.#arrived(this.#blocks, MAX_WATCHED_BLOCKS, { hash, number }, from)
  }

  /** It came another way than by gossip: made here, as a rule. */
  blockMade(hash: Uint8Array, number: number): void {
    this.#made(this.#blocks, MAX_WATCHED_BLOCKS, { hash, number })
  }

  /** @param missing  transactions that had to be asked for. */
  blockRebuilt(hash: Uint8Array, transactions: number, missing: number): void {
    const record = this.#blocks.get(toKey(hash))
    if (record === undefined || record.rebuiltAfterMs !== undefined) return
    Object.assign(record, { rebuiltAfterMs: this.#since(record), transactions, missing })
  }

  blockValid(hash: Uint8Array): void {
    const record = this.#blocks.get(toKey(hash))
    if (record === undefined || record.validAfterMs !== undefined) return
    record.validAfterMs = this.#since(record)
    for (const listener of this.#listeners) listener(record)
  }

  transactionArrived(hash: Uint8Array, from: string): void {
    this.#arrived(this.#transactions, MAX_WATCHED_TRANSACTIONS, { hash }, from)
  }

  transactionMade(hash: Uint8Array): void {
    this.#made(this.#transactions, MAX_WATCHED_TRANSACTIONS, { hash })
  }

  transactionValid(hash: Uint8Array): void {
    const record = this.#transactions.get(toKey(hash))
    if (record !== undefined) record.validAfterMs ??= this.#since(record)
  }

  block(hash: Uint8Array): PropagationRecord | undefined {
    return this.#blocks.get(toKey(hash))
  }

  transaction(hash: Uint8Array): PropagationRecord | undefined {
    return this.#transactions.get(toKey(hash))
  }

  /** Calls `listener` when a block that was watched has become part of the chain; the returned function ends that. */
  subscribe(listener: (block: PropagationRecord) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Over all that is remembered. Cost: sorts it. */
  stats(): PropagationStats {
    const blocks = [...this.#blocks.values()].filter(({ from }) => from !== undefined)
    const transactions = [...this.#transactions.values()].filter(({ from }) => from !== undefined)
    const rebuilt = blocks.filter(({ rebuiltAfterMs }) => rebuiltAfterMs !== undefined)
    const first = new Map<string, number>()
    for (const { from } of blocks) first.set(from!, (first.get(from!) ?? 0) + 1)
    return {
      blocks: {
        rebuilt: percentiles(rebuilt.map(({ rebuiltAfterMs }) => rebuiltAfterMs!)),
        valid: percentiles(blocks.flatMap(({ validAfterMs }) => validAfterMs ?? [])),
        others: percentiles(blocks.flatMap(({ arrivals }) => arrivals.map(({ afterMs }) => afterMs))),
        rebuiltAlone: rebuilt.filter(({ missing }) => missing === 0).length,
      },
      transactions: {
        valid: percentiles(transactions.flatMap(({ validAfterMs }) => validAfterMs ?? [])),
        others: percentiles(transactions.flatMap(({ arrivals }) => arrivals.map(({ afterMs }) => afterMs))),
      },
      first: [...first].map(([peer, blocks]) => ({ peer, blocks })).sort((a, b) => b.blocks - a.blocks),
    }
  }

  #arrived(records: Map<Key, Mutable>, max: number, what: Identity, from: string): void {
    const record = records.get(toKey(what.hash))
    if (record === undefined) this.#begin(records, max, what, from)
    else if (record.from !== from && record.arrivals.length < MAX_ARRIVALS) {
      if (record.arrivals.some(({ peer }) => peer === from)) return
      record.arrivals.push({ peer: from, afterMs: this.#since(record) })
    }
  }

  #made(records: Map<Key, Mutable>, max: number, what: Identity): void {
    if (!records.has(toKey(what.hash))) this.#begin(records, max, what, undefined)
  }

  #begin(records: Map<Key, Mutable>, max: number, what: Identity, from: string | undefined): void {
    records.set(toKey(what.hash), { ...what, firstSeenMs: this.#clock.nowMs(), from, arrivals: [] })
    if (records.size > max) records.delete(records.keys().next().value!)
  }

  #since({ firstSeenMs }: PropagationRecord): number {
    // The machine's clock may be set back meanwhile.
    return Math.max(0, this.#clock.nowMs() - firstSeenMs)
  }
}

type Identity = Pick<PropagationRecord, 'hash' | 'number'>

/** Nearest rank; zeros where there is nothing. */
export function percentiles(values: readonly number[]): Percentiles {
  // Numbers alone are sorted several times as fast.
  const sorted = Float64Array.from(values).sort()
  const at = (fraction: number) => sorted[Math.max(0, Math.ceil(fraction * sorted.length) - 1)] ?? 0
  return { count: sorted.length, p50: at(0.5), p90: at(0.9), p99: at(0.99) }
}
