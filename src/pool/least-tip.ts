import type { PoolEntry } from './entry.ts'
import { Heap } from './heap.ts'

/** Of a `SenderQueue`: what is pending, in nonce order without a gap. */
interface Pending {
  readonly pendingCount: number
  pending(): readonly PoolEntry[]
  pendingAt(nonce: bigint): PoolEntry | undefined
}

/** Entries that have left, kept beyond as many as there are. */
const SPARE_ENTRIES = 64

/**
 * The least tip among an account's pending transactions. A full pool asks for it after each change, and an account may have
 * filled the pool alone: it must not be looked for among all of them each time.
 */
export class LeastTip {
  /** Entries that have left stay until they surface, or until they are too many. */
  #heap: Heap<PoolEntry> | undefined

  /** `entry` became pending. */
  add(entry: PoolEntry): void {
    this.#heap?.push(entry)
  }

  /** After new tips, or many changes at once. */
  clear(): void {
    this.#heap = undefined
  }

  /** Wei per gas; infinite among none. Cost: logarithmic; linear after `clear`. */
  among(queue: Pending): number {
    if (this.#heap === undefined || this.#heap.size > 2 * queue.pendingCount + SPARE_ENTRIES) {
      this.#heap = new Heap<PoolEntry>((a, b) => a.tip < b.tip, [...queue.pending()])
    }
    for (;;) {
      const least = this.#heap.peek()
      if (least === undefined) return Number.POSITIVE_INFINITY
      if (queue.pendingAt(least.recovered.tx.nonce) === least) return least.tip
      this.#heap.pop()
    }
  }
}
