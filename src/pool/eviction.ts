import { Heap } from './heap.ts'
import { PROTECTED_PER_ACCOUNT } from './limits.ts'
import type { Section, SenderQueue } from './sender-queue.ts'

/** An account's last transaction. */
export interface EvictionCandidate {
  readonly queue: SenderQueue
  readonly version: number
  /** Whether its account has no more than its protected share. */
  readonly protectedShare: boolean
  /** Wei per gas: the least tip up to it. */
  readonly score: number
  readonly arrival: number
}

/**
 * Finds what a full pool gives up first: always an account's last transaction, so that none loses the ones it builds
 * on, and of these the one that earns a miner least. A transaction is worth no more than the cheapest before it in its
 * account: a dear one behind a cheap one could otherwise push others out and then be lost together with the cheap one.
 *
 * Accounts with more than their protected share come first whatever they pay.
 *
 * Kept only while the pool is full; until then it costs nothing.
 */
export class EvictionIndex {
  readonly #section: Section
  readonly #senders: ReadonlyMap<string, SenderQueue>
  #heap: Heap<EvictionCandidate> | undefined

  constructor(section: Section, senders: ReadonlyMap<string, SenderQueue>) {
    this.#section = section
    this.#senders = senders
  }

  /** After a new base fee, or many changes at once. */
  clear(): void {
    this.#heap = undefined
  }

  /** After a change to `queue`. Cost: logarithmic while the index is kept; else nothing. */
  update(queue: SenderQueue): void {
    if (this.#heap === undefined) return
    // Stale candidates stay in the heap until they surface; too many of them, and it is cheaper to begin again.
    if (this.#heap.size > 2 * this.#senders.size + 1024) this.#heap = this.#gather()
    else {
      const candidate = this.#candidate(queue)
      if (candidate !== undefined) this.#heap.push(candidate)
    }
  }

  /**
   * What goes first; undefined when there is nothing.
   * Cost: logarithmic; linear in the pool after `clear`.
   */
  first(baseFee: bigint): EvictionCandidate | undefined {
    this.#heap ??= this.#build(baseFee)
    for (;;) {
      const candidate = this.#heap.peek()
      if (candidate === undefined || candidate.version === candidate.queue.version) return candidate
      this.#heap.pop()
    }
  }

  #build(baseFee: bigint): Heap<EvictionCandidate> {
    for (const queue of this.#senders.values()) queue.reprice(baseFee)
    return this.#gather()
  }

  #gather(): Heap<EvictionCandidate> {
    const candidates: EvictionCandidate[] = []
    for (const queue of this.#senders.values()) {
      const candidate = this.#candidate(queue)
      if (candidate !== undefined) candidates.push(candidate)
    }
    return new Heap(goesFirst, candidates)
  }

  #candidate(queue: SenderQueue): EvictionCandidate | undefined {
    const last = queue.last(this.#section)
    if (last === undefined) return undefined
    return {
      queue,
      version: queue.version,
      protectedShare: queue.count(this.#section) <= PROTECTED_PER_ACCOUNT,
      score: queue.leastTip(this.#section),
      arrival: last.arrival,
    }
  }
}

function goesFirst(a: EvictionCandidate, b: EvictionCandidate): boolean {
  if (a.protectedShare !== b.protectedShare) return b.protectedShare
  if (a.score !== b.score) return a.score < b.score
  return a.arrival > b.arrival
}
