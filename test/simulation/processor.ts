import type { VirtualClock } from './virtual-clock.ts'

/** What one thread, or one cable, does: one thing after the other, each taking its time on the virtual clock. */
export class Processor {
  readonly #clock: VirtualClock
  #freeAtMs = 0

  constructor(clock: VirtualClock) {
    this.#clock = clock
  }

  /** Resolves when work of so many milliseconds is done that is asked for now. */
  work(costMs: number): Promise<void> {
    const nowMs = this.#clock.nowMs()
    this.#freeAtMs = Math.max(nowMs, this.#freeAtMs) + costMs
    return this.#clock.pass(this.#freeAtMs - nowMs)
  }
}
