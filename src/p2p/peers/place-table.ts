import { GroupedPeers } from './grouped-peers.ts'
import { BUCKET_PLACES } from './limits.ts'

/** Buckets of 64 places each; a peer may stand in several. Places count through all buckets. */
export class PlaceTable {
  readonly #holders = new Map<number, string>()
  readonly #places = new Map<string, Set<number>>()
  readonly #byBucket = new GroupedPeers<number>()

  /** Places taken. */
  get size(): number {
    return this.#holders.size
  }

  at(place: number): string | undefined {
    return this.#holders.get(place)
  }

  /** How many places a peer has. */
  placesOf(peer: string): number {
    return this.#places.get(peer)?.size ?? 0
  }

  /** The place is free. */
  put(place: number, peer: string): void {
    this.#holders.set(place, peer)
    this.#byBucket.add(peer, bucketOf(place))
    const places = this.#places.get(peer)
    if (places === undefined) this.#places.set(peer, new Set([place]))
    else places.add(place)
  }

  remove(place: number): void {
    const peer = this.#holders.get(place)
    if (peer === undefined) return
    this.#holders.delete(place)
    this.#byBucket.remove(peer, bucketOf(place))
    const places = this.#places.get(peer)!
    places.delete(place)
    if (places.size === 0) this.#places.delete(peer)
  }

  removeAll(peer: string): void {
    for (const place of this.#places.get(peer) ?? []) this.remove(place)
  }

  /** Who stands in a random place of a random bucket, of those that are not empty. */
  draw(random: () => number): string | undefined {
    return this.#byBucket.draw(random)
  }
}

function bucketOf(place: number): number {
  return Math.floor(place / BUCKET_PLACES)
}
