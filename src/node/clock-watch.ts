import type { Clock } from '../primitives/clock.ts'

/** Seconds that two clocks may disagree before it is worth a warning. */
const TOLERANCE_SEC = 5
const CHECK_INTERVAL_MS = 10_000
/** Checks between two warnings of the same kind while the cause lasts: a minute. */
const REPEAT_AFTER_CHECKS = 6

export interface ClockWatchOptions {
  /** Seconds that the head may be ahead of the local clock; undefined: any, as on development networks. */
  readonly maxAheadSec: number | undefined
}

export interface ClockWatchComponents {
  readonly clock: Clock
  /** Milliseconds from an arbitrary start, which no change of the system's time moves. */
  readonly monotonicMs: () => number
  /** Unix seconds of the head. */
  readonly headTimestamp: () => number
  readonly warn: (message: string) => void
}

/**
 * Tells when the local clock is wrong. A wrong clock stops nothing: blocks from ahead of it wait, and blocks it stamps
 * are judged by others. But nobody looks for the reason there, so it has to be said.
 *
 * What can be seen without peers: the wall clock jumping against the monotonic one while the node runs, and a head that
 * is ahead of the clock. A clock that was ahead from the start looks like a network that slept.
 */
export class ClockWatch {
  readonly #options: ClockWatchOptions
  readonly #parts: ClockWatchComponents
  /** Wall clock minus monotonic clock, as last seen. */
  #offsetMs: number
  #checksUntilRepeat = 0
  #cancel: (() => void) | undefined

  constructor(options: ClockWatchOptions, components: ClockWatchComponents) {
    this.#options = options
    this.#parts = components
    this.#offsetMs = this.#offset()
  }

  start(): void {
    this.#check()
    this.#cancel = this.#parts.clock.after(CHECK_INTERVAL_MS, () => this.start())
  }

  stop(): void {
    this.#cancel?.()
  }

  #offset(): number {
    return this.#parts.clock.nowMs() - this.#parts.monotonicMs()
  }

  #check(): void {
    const offsetMs = this.#offset()
    const jumpSec = Math.round((offsetMs - this.#offsetMs) / 1000)
    this.#offsetMs = offsetMs
    if (Math.abs(jumpSec) > TOLERANCE_SEC) {
      const what = jumpSec > 0 ? 'jumped forward, or the machine slept,' : 'jumped back'
      this.#parts.warn(`the system clock ${what} by ${duration(jumpSec)}; the node keeps running`)
    }
    this.#checkHead()
  }

  #checkHead(): void {
    const { maxAheadSec } = this.#options
    if (maxAheadSec === undefined) return
    const aheadSec = this.#parts.headTimestamp() - Math.floor(this.#parts.clock.nowMs() / 1000)
    if (aheadSec <= maxAheadSec) {
      this.#checksUntilRepeat = 0
    } else if (this.#checksUntilRepeat-- <= 0) {
      this.#checksUntilRepeat = REPEAT_AFTER_CHECKS - 1
      this.#parts.warn(
        `the head is ${duration(aheadSec)} ahead of the local clock, which is probably behind; the node keeps running`,
      )
    }
  }
}

function duration(seconds: number): string {
  const length = Math.abs(seconds)
  return length < 120 ? `${length} s` : `${Math.round(length / 60)} min`
}
