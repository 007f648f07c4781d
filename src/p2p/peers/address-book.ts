import { keccak256 } from '../../crypto/keccak.ts'
import { concatBytes } from '../../primitives/bytes.ts'
import { GroupedPeers } from './grouped-peers.ts'
import { chanceOf, isHopeless, type KnownPeer, type PeerAddresses, usableAddresses } from './known-peer.ts'
import {
  BUCKET_PLACES,
  COLLISION_TEST_MS,
  MAX_COLLISIONS,
  MAX_DRAWS,
  NEW_BUCKETS,
  NEW_BUCKETS_PER_ADDRESS,
  NEW_BUCKETS_PER_SOURCE_GROUP,
  RECENT_ATTEMPT_MS,
  RECENTLY_GOOD_MS,
  TRIED_BUCKETS,
  TRIED_BUCKETS_PER_GROUP,
} from './limits.ts'
import { PlaceTable } from './place-table.ts'

/** What is kept over a restart. */
export interface SavedBook {
  /** Hex of 32 bytes. */
  readonly secret: string
  readonly tried: readonly KnownPeer[]
  readonly heardOf: readonly KnownPeer[]
}

/**
 * Peers that we may connect to, in Bitcoin Core's manner (`addrman.h`; Heilman et al., "Eclipse Attacks on Bitcoin's
 * Peer-to-Peer Network", 2015).
 *
 * The attack: whoever fills our book with his own addresses is all we connect to after a restart. The defence: an address
 * has few places it can stand in, chosen by a secret, its network group and the group of who named it. Addresses
 * from one source reach 64 of 1,024 buckets of those only heard of; addresses of one /16 reach 8 of the 256 buckets of
 * those that we were connected to, and no address gets there by hearsay. Who stands in a place of the latter is tested before
 * another takes it. Of those, all network groups are drawn alike: a thousand hosts in one count as one.
 *
 * Pure but for the dice, which are passed in. Memory: at most 82,000 peers, some 500 bytes each.
 */
export class AddressBook {
  readonly #secret: Uint8Array
  readonly #random: () => number
  readonly #peers = new Map<string, KnownPeer>()
  readonly #heardOf = new PlaceTable()
  readonly #tried = new PlaceTable()
  readonly #triedByGroup = new GroupedPeers<string>()
  /** Peers that wait for a place in `tried`, with the time from which on. */
  readonly #collisions = new Map<string, number>()

  /** @param secret  32 bytes, kept over restarts. @param random  in [0, 1). */
  constructor(secret: Uint8Array, random: () => number) {
    this.#secret = secret
    this.#random = random
  }

  /** Peers known, and how many of them we were connected to. */
  get size(): { readonly known: number; readonly tried: number } {
    return { known: this.#peers.size, tried: this.#tried.size }
  }

  get(peer: string): KnownPeer | undefined {
    return this.#peers.get(peer)
  }

  /**
   * Hears of a peer. @param sourceGroup  network group of who said so.
   * @param vouched  whether the peer itself stands for its addresses: only then do they replace those that are known.
   * @returns whether that was news.
   */
  hear({ peer, addresses, sequence = 0 }: PeerAddresses, sourceGroup: string, nowMs: number, vouched = false): boolean {
    const usable = usableAddresses(addresses)
    if (usable === undefined) return false
    let known = this.#peers.get(peer)
    if (known !== undefined) {
      // Signed long ago, and told again by somebody else, is no news.
      const outdated = sequence > 0 && sequence <= known.sequence
      if (vouched && !outdated && known.group === usable.group) {
        known.addresses = usable.addresses
        known.sequence = Math.max(known.sequence, sequence)
      }
      known.seenMs = nowMs
      const places = this.#heardOf.placesOf(peer)
      if (this.#tried.placesOf(peer) > 0 || places >= NEW_BUCKETS_PER_ADDRESS) return false
      // Each further place is half as likely: repeating an address must not make it stand everywhere.
      if (this.#random() >= 0.5 ** places) return false
    } else {
      known = { peer, ...usable, sourceGroup, sequence, seenMs: nowMs, triedMs: 0, goodMs: 0, failures: 0 }
    }
    return this.#placeHeardOf(known, sourceGroup, nowMs)
  }

  /** We were connected to it. */
  good(peer: string, nowMs: number): void {
    const known = this.#peers.get(peer)
    if (known === undefined) return
    Object.assign(known, { seenMs: nowMs, triedMs: nowMs, goodMs: nowMs, failures: 0 })
    if (this.#tried.placesOf(peer) > 0) return
    const place = this.#triedPlace(known)
    if (this.#tried.at(place) === undefined) this.#moveToTried(known, place)
    else if (this.#collisions.size < MAX_COLLISIONS) this.#collisions.set(peer, nowMs)
  }

  /** We try to connect to it. @param counts  whether a failure would be its own, not that of our connection. */
  attempt(peer: string, nowMs: number, counts: boolean): void {
    const known = this.#peers.get(peer)
    if (known === undefined) return
    known.triedMs = nowMs
    if (counts) known.failures++
  }

  /**
   * A random peer of those tried or of those only heard of; of the others where there are none. undefined: none was
   * found in a bounded number of draws.
   */
  select(from: 'tried' | 'heard-of', nowMs: number): KnownPeer | undefined {
    const wantsTried = from === 'tried' ? this.#tried.size > 0 : this.#heardOf.size === 0
    const drawn = wantsTried ? this.#triedByGroup : this.#heardOf
    let leniency = 1
    for (let draws = 0; draws < MAX_DRAWS; draws++) {
      const peer = drawn.draw(this.#random)
      if (peer === undefined) return undefined
      const known = this.#peers.get(peer)!
      if (this.#random() < leniency * chanceOf(known, nowMs)) return known
      leniency *= 1.2
    }
    return undefined
  }

  /** A peer in a place of `tried` that another wants: to be tested by a connection. */
  selectForTest(): KnownPeer | undefined {
    for (const peer of this.#collisions.keys()) {
      const waiting = this.#peers.get(peer)
      const holder = waiting && this.#tried.at(this.#triedPlace(waiting))
      if (holder !== undefined) return this.#peers.get(holder)
    }
    return undefined
  }

  /** Settles who gets the places that two want, as far as tests have shown. */
  resolveCollisions(nowMs: number): void {
    for (const [peer, sinceMs] of this.#collisions) {
      const waiting = this.#peers.get(peer)
      if (waiting === undefined) {
        this.#collisions.delete(peer)
        continue
      }
      const place = this.#triedPlace(waiting)
      const holder = this.#tried.at(place)
      const held = holder === undefined ? undefined : this.#peers.get(holder)
      if (held !== undefined && nowMs - held.goodMs < RECENTLY_GOOD_MS) {
        this.#collisions.delete(peer)
        continue
      }
      // It was tried, had the time to answer, and has not been good since; or nobody could try it.
      const failed = held !== undefined && held.triedMs > sinceMs && nowMs - held.triedMs >= RECENT_ATTEMPT_MS
      if (held !== undefined && !failed && nowMs - sinceMs <= COLLISION_TEST_MS) continue
      this.#collisions.delete(peer)
      if (held !== undefined) this.#moveBack(held, place, nowMs)
      this.#moveToTried(waiting, place)
    }
  }

  forget(peer: string): void {
    this.#heardOf.removeAll(peer)
    if (this.#tried.placesOf(peer) > 0) this.#triedByGroup.remove(peer, this.#peers.get(peer)!.group)
    this.#tried.removeAll(peer)
    this.#collisions.delete(peer)
    this.#peers.delete(peer)
  }

  save(): Pick<SavedBook, 'tried' | 'heardOf'> {
    const all = [...this.#peers.values()]
    const isTried = ({ peer }: KnownPeer) => this.#tried.placesOf(peer) > 0
    return { tried: all.filter(isTried), heardOf: all.filter((known) => !isTried(known)) }
  }

  /** Takes what was saved, into an empty book. Where two want one place the first keeps it. */
  load({ tried, heardOf }: Pick<SavedBook, 'tried' | 'heardOf'>, nowMs: number): void {
    for (const saved of tried) {
      const place = this.#triedPlace(saved)
      if (this.#tried.at(place) === undefined && !this.#peers.has(saved.peer)) {
        this.#peers.set(saved.peer, { ...saved })
        this.#moveToTried(saved, place)
      }
    }
    for (const saved of heardOf) {
      if (!this.#peers.has(saved.peer)) this.#placeHeardOf({ ...saved }, saved.sourceGroup, nowMs)
    }
  }

  #placeHeardOf(known: KnownPeer, sourceGroup: string, nowMs: number): boolean {
    const place = this.#heardOfPlace(known, sourceGroup)
    const holder = this.#heardOf.at(place)
    if (holder === known.peer) return false
    if (holder !== undefined) {
      const held = this.#peers.get(holder)!
      const yields = isHopeless(held, nowMs) || (this.#heardOf.placesOf(holder) > 1 && !this.#peers.has(known.peer))
      if (!yields) return false
      this.#leaveHeardOf(held, place)
    }
    this.#peers.set(known.peer, known)
    this.#heardOf.put(place, known.peer)
    return true
  }

  #leaveHeardOf({ peer }: KnownPeer, place: number): void {
    this.#heardOf.remove(place)
    if (this.#heardOf.placesOf(peer) > 0 || this.#tried.placesOf(peer) > 0) return
    this.#peers.delete(peer)
    this.#collisions.delete(peer)
  }

  #moveToTried({ peer, group }: KnownPeer, place: number): void {
    this.#heardOf.removeAll(peer)
    this.#tried.put(place, peer)
    this.#triedByGroup.add(peer, group)
  }

  /** Out of `tried`, back among those only heard of: it may come again. */
  #moveBack(held: KnownPeer, place: number, nowMs: number): void {
    this.#tried.remove(place)
    this.#triedByGroup.remove(held.peer, held.group)
    this.#peers.delete(held.peer)
    const target = this.#heardOfPlace(held, held.sourceGroup)
    const holder = this.#heardOf.at(target)
    if (holder !== undefined) this.#leaveHeardOf(this.#peers.get(holder)!, target)
    this.#placeHeardOf(held, held.sourceGroup, nowMs)
  }

  #heardOfPlace({ peer, group }: KnownPeer, sourceGroup: string): number {
    const share = this.#hash('share', group, sourceGroup) % NEW_BUCKETS_PER_SOURCE_GROUP
    const bucket = this.#hash('new', sourceGroup, `${share}`) % NEW_BUCKETS
    return bucket * BUCKET_PLACES + (this.#hash('place', `${bucket}`, peer) % BUCKET_PLACES)
  }

  #triedPlace({ peer, group }: KnownPeer): number {
    const share = this.#hash('share', peer) % TRIED_BUCKETS_PER_GROUP
    const bucket = this.#hash('tried', group, `${share}`) % TRIED_BUCKETS
    return bucket * BUCKET_PLACES + (this.#hash('tried place', `${bucket}`, peer) % BUCKET_PLACES)
  }

  #hash(...parts: readonly string[]): number {
    const hash = keccak256(concatBytes(this.#secret, new TextEncoder().encode(JSON.stringify(parts))))
    return new DataView(hash.buffer, hash.byteOffset, 4).getUint32(0)
  }
}
