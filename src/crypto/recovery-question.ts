import type { Recovery } from './recovery.ts'

/**
 * What the recovery pool and its workers say to each other about one kind of item: one buffer each way per chunk of them,
 * moved and not copied, because posting objects would cost the main thread more than everything else it does for an item.
 */
export interface RecoveryQuestion<Item, Result> {
  /** What an item adds to a question, roughly. */
  sizeBytes(item: Item): number
  /** The question for `items[start, end)`. */
  pack(items: readonly Item[], start: number, end: number): ArrayBuffer
  /** On a worker. What it throws is a bug: whoever asked had looked at the same bytes. */
  answer(recovery: Recovery, question: ArrayBuffer): ArrayBuffer
  /** Puts what `answer` says about `items[start, …)` into `results`, at the same places. */
  read(answer: ArrayBuffer, items: readonly Item[], start: number, results: Result[]): void
}
