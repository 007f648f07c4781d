import type { Block } from '../primitives/block.ts'
import { type Key, toKey } from '../primitives/bytes.ts'
import type { Clock } from '../primitives/clock.ts'
import { MAX_FUTURE_BLOCKS, MAX_FUTURE_BYTES } from '../primitives/limits.ts'
import type { IndexEntry } from './block-index.ts'

export interface HeldBlock {
  readonly block: Block
  /** As the chain's index would have it, for blocks on top of this one. */
  readonly entry: IndexEntry
  /** When its time comes, in ms. */
  readonly dueMs: number
}

/**
 * Valid blocks from too far ahead of the local clock, and blocks on top of them. They are handed back when their time has
 * come; the one with the latest time goes when there are too many.
 */
export class FutureBlocks {
  readonly #clock: Clock
  readonly #release: (block: Block) => void
  readonly #held = new Map<Key, HeldBlock>()
  #bytes = 0
  #cancel: (() => void) | undefined

  constructor(clock: Clock, release: (block: Block) => void) {
    this.#clock = clock
    this.#release = release
  }

  get(hash: Uint8Array): HeldBlock | undefined {
    return this.#held.get(toKey(hash))
  }

  hold(held: HeldBlock): void {
    const key = toKey(held.block.hash)
    if (this.#held.has(key)) return
    this.#held.set(key, held)
    this.#bytes += held.block.sizeBytes
    while (this.#held.size > MAX_FUTURE_BLOCKS || this.#bytes > MAX_FUTURE_BYTES) {
      this.#drop([...this.#held.values()].reduce((a, b) => (b.dueMs > a.dueMs ? b : a)))
    }
    this.#schedule()
  }

  stop(): void {
    this.#cancel?.()
    this.#held.clear()
  }

  #drop({ block }: HeldBlock): void {
    this.#held.delete(toKey(block.hash))
    this.#bytes -= block.sizeBytes
  }

  #schedule(): void {
    this.#cancel?.()
    const next = Math.min(...[...this.#held.values()].map(({ dueMs }) => dueMs))
    if (next === Number.POSITIVE_INFINITY) return
    // A timer's range is 2^31 ms; a clock may also be set: look again once a minute at the latest.
    this.#cancel = this.#clock.after(Math.min(Math.max(next - this.#clock.nowMs(), 0), 60_000), () =>
      this.#releaseDue(),
    )
  }

  #releaseDue(): void {
    const now = this.#clock.nowMs()
    const due = [...this.#held.values()].filter(({ dueMs }) => dueMs <= now)
    due.sort((a, b) => a.block.header.number - b.block.header.number)
    for (const held of due) this.#drop(held)
    for (const { block } of due) this.#release(block)
    this.#schedule()
  }
}
