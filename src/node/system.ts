import type { Clock } from '../primitives/clock.ts'
import type { Pacer } from '../trie/update.ts'

/** The machine's clock and timers: the only place in the node that touches them. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  after(delayMs, action) {
    const timer = setTimeout(action, delayMs)
    return () => clearTimeout(timer)
  },
}

/** Milliseconds that long work holds the main thread before it lets RPC, network and timers run. */
const SLICE_MS = 4

/** After what waits already; browsers have no better word for it. */
const soon: (action: () => void) => void = globalThis.setImmediate ?? ((action) => setTimeout(action))

/**
 * A pacer for everything that runs long on this thread: one slice is shared by all of it. Whoever waits for the next one goes
 * on in a turn of its own, or all their work would be done in the same turn, and nothing else meanwhile.
 */
export function createPacer(): Pacer {
  let sliceEnd = 0
  const waiting: (() => void)[] = []
  const next = () => {
    sliceEnd = performance.now() + SLICE_MS
    waiting.shift()?.()
    if (waiting.length > 0) soon(next)
  }
  return {
    pause() {
      if (performance.now() < sliceEnd) return undefined
      return new Promise((resolve) => {
        if (waiting.push(resolve) === 1) soon(next)
      })
    },
  }
}

/** Milliseconds from an arbitrary start; setting the system's time does not move it. */
export function monotonicMs(): number {
  return performance.now()
}

/** In [0, 1); for spreading things out, not for secrets. */
export function random(): number {
  return Math.random()
}
