import type { Clock } from '../primitives/clock.ts'

/** Lets one loop sleep until something has happened. What happens while it is not asleep is not lost. */
export class Bell {
  readonly #clock: Clock
  #rung = false
  #wake: (() => void) | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  ring(): void {
    this.#rung = true
    this.#wake?.()
  }

  /** Whether something has happened since `clear`. */
  get hasRung(): boolean {
    return this.#rung
  }

  /** What has happened so far is known. */
  clear(): void {
    this.#rung = false
  }

  /** Resolves once it has rung since `clear`, or after `timeoutMs`. */
  wait(timeoutMs: number | undefined): Promise<void> {
    if (this.#rung) return Promise.resolve()
    return new Promise((resolve) => {
      const cancel = timeoutMs === undefined ? undefined : this.#clock.after(timeoutMs, () => this.#wake?.())
      this.#wake = () => {
        this.#wake = undefined
        cancel?.()
        resolve()
      }
    })
  }
}
