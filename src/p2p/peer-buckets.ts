import { TokenBucket, type TokenBucketOptions } from './token-bucket.ts'

/** An allowance for each peer. Kept when it has gone, up to a number, so that coming back does not bring a new one. */
export class PeerBuckets {
  readonly #options: TokenBucketOptions & { readonly maxPeers: number }
  /** In the order of their last use. */
  readonly #buckets = new Map<string, TokenBucket>()

  constructor(options: TokenBucketOptions & { readonly maxPeers: number }) {
    this.#options = options
  }

  of(peer: string, nowMs: number): TokenBucket {
    const bucket = this.#buckets.get(peer) ?? new TokenBucket(this.#options, nowMs)
    this.#buckets.delete(peer)
    this.#buckets.set(peer, bucket)
    if (this.#buckets.size > this.#options.maxPeers) this.#buckets.delete(this.#buckets.keys().next().value!)
    return bucket
  }
}
