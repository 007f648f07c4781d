import type { PeerBody } from '../light/types.ts'
import { type Key, toKey } from '../primitives/bytes.ts'

/** Bytes of bodies remembered, and how many: what suggests a fee looks at 20 blocks, again with every new one. */
const MAX_BYTES = 8 * 1024 * 1024
const MAX_BODIES = 64

/** Bodies that were fetched and checked lately, so that no block comes over the network twice within minutes. */
export class RecentBodies {
  /** The one used longest ago first. */
  readonly #bodies = new Map<Key, PeerBody>()
  /** Being fetched. */
  readonly #coming = new Map<Key, Promise<PeerBody>>()
  #sizeBytes = 0

  /** The body of a block, by its hash. @param fetch  called if it is not here. */
  of(hash: Uint8Array, fetch: () => Promise<PeerBody>): Promise<PeerBody> {
    const key = toKey(hash)
    const known = this.#bodies.get(key)
    if (known) {
      this.#bodies.delete(key)
      this.#bodies.set(key, known)
      return Promise.resolve(known)
    }
    const coming = this.#coming.get(key) ?? this.#fetch(key, fetch)
    this.#coming.set(key, coming)
    return coming
  }

  async #fetch(key: Key, fetch: () => Promise<PeerBody>): Promise<PeerBody> {
    try {
      const body = await fetch()
      this.#bodies.set(key, body)
      this.#sizeBytes += body.encoded.length
      for (const [oldest, { encoded }] of this.#bodies) {
        if (this.#sizeBytes <= MAX_BYTES && this.#bodies.size <= MAX_BODIES) break
        this.#bodies.delete(oldest)
        this.#sizeBytes -= encoded.length
      }
      return body
    } finally {
      this.#coming.delete(key)
    }
  }
}
