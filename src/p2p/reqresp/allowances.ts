import { TokenBucket } from '../token-bucket.ts'
import { ALLOWANCE, MAX_ALLOWANCES, MAX_DEBT } from './limits.ts'

/** What each peer may still have of us. Kept when it has gone, so that coming back does not bring a new one. */
export class Allowances {
  /** In the order of their last use. */
  readonly #buckets = new Map<string, TokenBucket>()

  /** Milliseconds until `peer` may ask again; 0: now. */
  waitMs(peer: string, nowMs: number): number {
    return this.#bucket(peer, nowMs).waitMs(nowMs)
  }

  charge(peer: string, cost: number, nowMs: number): void {
    this.#bucket(peer, nowMs).charge(cost, MAX_DEBT, nowMs)
  }

  /** Whether a peer owes as much as it can: it asks on and on, whatever it is told. */
  isExhausted(peer: string, nowMs: number): boolean {
    return this.waitMs(peer, nowMs) > (MAX_DEBT / ALLOWANCE.perSecond) * 1000
  }

  #bucket(peer: string, nowMs: number): TokenBucket {
    const bucket = this.#buckets.get(peer) ?? new TokenBucket(ALLOWANCE, nowMs)
    this.#buckets.delete(peer)
    this.#buckets.set(peer, bucket)
    if (this.#buckets.size > MAX_ALLOWANCES) this.#buckets.delete(this.#buckets.keys().next().value!)
    return bucket
  }
}
