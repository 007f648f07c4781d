import { setImmediate } from 'node:timers/promises'
import { Heap } from '../../src/pool/heap.ts'
import type { Clock } from '../../src/primitives/clock.ts'

interface Timer {
  readonly atMs: number
  /** Timers of one moment fire in the order in which they were set. */
  readonly order: number
  action: (() => void) | undefined
}

/** One clock for many nodes. After each timer all that follows from it runs to its end before time goes on. */
export class VirtualClock implements Clock {
  #nowMs: number
  #set = 0
  readonly #timers = new Heap<Timer>((a, b) => (a.atMs === b.atMs ? a.order < b.order : a.atMs < b.atMs))

  constructor(nowMs: number) {
    this.#nowMs = nowMs
  }

  nowMs(): number {
    return this.#nowMs
  }

  after(delayMs: number, action: () => void): () => void {
    const timer: Timer = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#set++, action }
    this.#timers.push(timer)
    return () => {
      timer.action = undefined
    }
  }

  /** Lets `delayMs` go by, for whoever awaits it. */
  pass(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.after(delayMs, resolve))
  }

  /** Fires what is due until then. Whatever it sets off must wait for this clock alone, never for the machine. */
  async runUntil(endMs: number): Promise<void> {
    await setImmediate()
    for (let next = this.#timers.peek(); next !== undefined && next.atMs <= endMs; next = this.#timers.peek()) {
      const { atMs, action } = this.#timers.pop()!
      if (action === undefined) continue
      this.#nowMs = atMs
      action()
      // All promises that have settled are followed up before this returns.
      await setImmediate()
    }
    this.#nowMs = endMs
  }
}
