import type { Clock } from '../primitives/clock.ts'

interface Entry {
  readonly atMs: number
  readonly expire: () => void
}

/**
 * Ends waits that last too long. All last equally long, so the first to begin is the first to end, and one timer at a time
 * watches over all of them: a timer for each would cost more than most calls do.
 */
export class Deadlines {
  readonly #clock: Clock
  readonly #timeoutMs: number
  /** In the order in which they end. */
  readonly #entries = new Set<Entry>()
  #cancel: (() => void) | undefined

  constructor(options: { readonly timeoutMs: number }, { clock }: { readonly clock: Clock }) {
    this.#timeoutMs = options.timeoutMs
    this.#clock = clock
  }

  /** Settles as `work`, or with `late()` once its time is over; `work` itself goes on, and its end is nobody's. */
  within<T>(work: Promise<T>, late: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const entry = { atMs: this.#clock.nowMs() + this.#timeoutMs, expire: () => resolve(late()) }
      this.#entries.add(entry)
      this.#arm(this.#timeoutMs)
      work.then(
        (value) => {
          this.#entries.delete(entry)
          resolve(value)
        },
        (error) => {
          this.#entries.delete(entry)
          reject(error)
        },
      )
    })
  }

  /** What is under way has all the time it takes. */
  stop(): void {
    this.#cancel?.()
    this.#entries.clear()
  }

  #arm(delayMs: number): void {
    this.#cancel ??= this.#clock.after(delayMs, () => {
      this.#cancel = undefined
      this.#expire()
    })
  }

  #expire(): void {
    const nowMs = this.#clock.nowMs()
    for (const entry of this.#entries) {
      if (entry.atMs > nowMs) {
        this.#arm(entry.atMs - nowMs)
        return
      }
      this.#entries.delete(entry)
      entry.expire()
    }
  }
}
