import type { Clock } from '../primitives/clock.ts'
import { MAX_DEV_TIMESTAMP } from '../primitives/limits.ts'

/** Where a development network's clock stood: what a snapshot keeps of it. */
export interface DevTimeMark {
  readonly nowSec: number
  readonly next: number | undefined
}

/**
 * The clock of a development network: the machine's, moved by an offset. Whole Unix seconds throughout. Going back is
 * possible; a block still comes at least a second after its parent.
 */
export class DevTime {
  readonly #clock: Clock
  #offsetSec: number
  #next: number | undefined

  /** @param head  timestamp of the head: where an earlier run went ahead of the machine's clock, time goes on from there. */
  constructor(clock: Clock, head: number) {
    this.#clock = clock
    this.#offsetSec = Math.max(0, head - this.#machineSec())
  }

  get nowSec(): number {
    return this.#machineSec() + this.#offsetSec
  }

  /** What the next block's timestamp should be. */
  get nextBlock(): number {
    return this.#next ?? this.nowSec
  }

  /** @returns the seconds by which the network is ahead of the machine then; undefined: that would be too far. */
  increase(seconds: number): number | undefined {
    if (this.nowSec + seconds > MAX_DEV_TIMESTAMP) return undefined
    this.#offsetSec += seconds
    return this.#offsetSec
  }

  /** The next block's timestamp; time goes on from there once it has come. */
  setNext(timestamp: number): void {
    this.#next = timestamp
  }

  /** To be called with every new head's timestamp. A block that was under way may have gone past the next one's. */
  sealed(timestamp: number): void {
    if (this.#next !== undefined && timestamp >= this.#next) this.goOnFrom(timestamp)
  }

  goOnFrom(timestamp: number): void {
    this.#next = undefined
    this.#offsetSec = timestamp - this.#machineSec()
  }

  mark(): DevTimeMark {
    return { nowSec: this.nowSec, next: this.#next }
  }

  /** As if no time had passed since `mark`. */
  restore({ nowSec, next }: DevTimeMark): void {
    this.goOnFrom(nowSec)
    this.#next = next
  }

  /** The machine's time again. */
  reset(): void {
    this.goOnFrom(this.#machineSec())
  }

  #machineSec(): number {
    return Math.floor(this.#clock.nowMs() / 1000)
  }
}
