import type { Eventually } from './eventually.ts'
import { BATCH_CONCURRENCY, MAX_RESPONSE_CHARS } from './limits.ts'

/** The answer to one call, there at once where its method answers at once; undefined to a notification. */
export type Answer = string | undefined

/**
 * The calls of one message. They start in the order given, so that transactions of one batch reach the pool in theirs, and so
 * many of them run at a time. Kept count of by hand: an async function for each would cost as much as to read a transaction.
 */
export class Batch {
  readonly #requests: readonly unknown[]
  readonly #answer: (request: unknown) => Eventually<Answer>
  readonly #answers: Answer[]
  #next = 0
  #running = 0
  #chars = 0

  /** @param answer  rejects only for a bug. */
  constructor(requests: readonly unknown[], answer: (request: unknown) => Eventually<Answer>) {
    this.#requests = requests
    this.#answer = answer
    this.#answers = new Array(requests.length)
  }

  /**
   * Resolves when all calls that have begun have been answered. None begins once an answer has not fit into MAX_RESPONSE_CHARS;
   * of those under way short ones still fit, so that hashes of transactions that have been sent are not lost.
   */
  run(): Promise<void> {
    return new Promise((resolve, reject) => this.#goOn(resolve, reject))
  }

  /** In the order of the requests; undefined also for those that have none yet, and none that fits. */
  get answers(): readonly Answer[] {
    return this.#answers
  }

  #goOn(resolve: () => void, reject: (error: unknown) => void): void {
    while (this.#next < this.#requests.length && this.#running < BATCH_CONCURRENCY) {
      const index = this.#next++
      const answer = this.#answer(this.#requests[index])
      if (answer instanceof Promise) {
        this.#running++
        answer.then((text) => {
          this.#running--
          this.#take(index, text)
          this.#goOn(resolve, reject)
        }, reject)
      } else this.#take(index, answer)
    }
    if (this.#running === 0) resolve()
  }

  #take(index: number, answer: Answer): void {
    const chars = this.#chars + (answer?.length ?? 0)
    if (chars > MAX_RESPONSE_CHARS) {
      this.#next = this.#requests.length
      return
    }
    this.#answers[index] = answer
    this.#chars = chars
  }
}
