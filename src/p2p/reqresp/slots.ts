import { MAX_CONCURRENT, MAX_WAITING } from './limits.ts'
import { RequestError } from './request-error.ts'

/** Holds requests back so that few are under way at a time for each key; the rest waits in the order of asking. */
export class Slots {
  readonly #taken = new Map<string, number>()
  readonly #waiting = new Map<string, (() => void)[]>()

  /**
   * Resolves when there is room.
   * @returns the release, to be called once. @throws RequestError `busy`; the signal's reason.
   */
  async enter(key: string, signal: AbortSignal | undefined): Promise<() => void> {
    signal?.throwIfAborted()
    const taken = this.#taken.get(key) ?? 0
    if (taken < MAX_CONCURRENT) this.#taken.set(key, taken + 1)
    else await this.#wait(key, signal)
    return () => this.#release(key)
  }

  /** The place of whoever leaves goes to the first who waits. */
  #release(key: string): void {
    const next = this.#waiting.get(key)?.shift()
    if (next !== undefined) {
      next()
      return
    }
    this.#waiting.delete(key)
    const taken = this.#taken.get(key)! - 1
    if (taken === 0) this.#taken.delete(key)
    else this.#taken.set(key, taken)
  }

  #wait(key: string, signal: AbortSignal | undefined): Promise<void> {
    const queue = this.#waiting.get(key) ?? []
    if (queue.length === MAX_WAITING) throw new RequestError('busy')
    this.#waiting.set(key, queue)
    return new Promise((resolve, reject) => {
      const enter = () => {
        signal?.removeEventListener('abort', leave)
        resolve()
      }
      const leave = () => {
        queue.splice(queue.indexOf(enter), 1)
        reject(signal?.reason)
      }
      signal?.addEventListener('abort', leave, { once: true })
      queue.push(enter)
    })
  }
}
