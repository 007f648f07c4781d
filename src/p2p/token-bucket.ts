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

  /** Takes `count` tokens whether they are there or not: what is owed, `maxDebt` at most, grows back first. */
  charge(count: number, maxDebt: number, nowMs: number): void {
    this.#grow(nowMs)
    this.#tokens = Math.max(-maxDebt, this.#tokens - count)
  }

  /** Milliseconds until there is a token; 0: there is one. */
  waitMs(nowMs: number): number {
    this.#grow(nowMs)
    return Math.max(0, Math.ceil(((1 - this.#tokens) / this.#options.perSecond) * 1000))
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
