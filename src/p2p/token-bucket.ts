export interface TokenBucketOptions {
  /** Tokens that it holds at most, and at first. */
  readonly capacity: number
  readonly perSecond: number
}

/** An allowance that grows back with time. `nowMs` must not go back by more than it may give away for free. */
export class TokenBucket {
  readonly #options: TokenBucketOptions
  #tokens: number
  #atMs: number

  constructor(options: TokenBucketOptions, nowMs: number) {
    this.#options = options
    this.#tokens = options.capacity
    this.#atMs = nowMs
  }

  /** Takes `count` tokens if there are so many. */
  take(count: number, nowMs: number): boolean {
    this.#grow(nowMs)
    if (this.#tokens < count) return false
    this.#tokens -= count
    return true
  }

  /** Gives back tokens that were taken for something that turned out to be worth it. */
  refund(count: number): void {
    this.#tokens = Math.min(this.#options.capacity, this.#tokens + count)
  }

  #grow(nowMs: number): void {
    const elapsedMs = Math.max(0, nowMs - this.#atMs)
    this.#tokens = Math.min(this.#options.capacity, this.#tokens + (elapsedMs / 1000) * this.#options.perSecond)
    this.#atMs = nowMs
  }
}
