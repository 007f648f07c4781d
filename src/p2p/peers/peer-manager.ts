import { keccak256 } from '../../crypto/keccak.ts'
import { concatBytes } from '../../primitives/bytes.ts'
import { isDialable, isExemptFromNetworkCaps } from '../address-class.ts'
import type { AddressBook } from './address-book.ts'
import type { BanList } from './ban-list.ts'
import { chooseEviction, type Evictable } from './eviction.ts'
import { InboundHosts } from './inbound-hosts.ts'
import type { KnownPeer, PeerAddresses } from './known-peer.ts'
import {
  ATTEMPT_INTERVAL_MS,
  BLOCK_ONLY_OUTBOUND,
  BOOTSTRAP_INTERVAL_MS,
  ENOUGH_ADDRESSES,
  EXCHANGE_INTERVAL_MS,
  FEELER_INTERVAL_MS,
  FULL_OUTBOUND,
  HURRIED_RETRY_MS,
  HURRY_MS,
  MAX_DIALS,
  MAX_DRAWS,
  MAX_INBOUND,
  MAX_PEERS_EXCHANGED,
  MAX_TRUSTED_RETRY_MS,
  MIN_INBOUND_SHARE,
  RETRY_MS,
  STILL_GOOD_MS,
  TRUSTED_RETRY_MS,
} from './limits.ts'
import { hostOf, networkGroup } from './network-group.ts'
import type { Source } from './source.ts'

/** What a connection is for. `inbound` ones were made by the other side. */
export type LinkKind = 'full' | 'block-only' | 'feeler' | 'trusted' | 'inbound'

/** A connection; times in Unix milliseconds, 0: never. */
export interface Link {
  readonly peer: string
  readonly kind: LinkKind
  readonly outbound: boolean
  /** IP address of the other side; undefined behind a relay. */
  readonly host: string | undefined
  readonly connectedMs: number
  /** When the book heard of it last. */
  goodMs: number
  minPingMs: number
  lastTransactionMs: number
  lastBlockMs: number
}

export type PeerAction =
  | { readonly type: 'dial'; readonly peer: string; readonly addresses: readonly string[]; readonly kind: LinkKind }
  | { readonly type: 'disconnect'; readonly peer: string; readonly reason: string }
  /** Its answer goes to `hear`. */
  | { readonly type: 'ask-addresses'; readonly peer: string }

export interface PeerManagerOptions {
  /** Our own peer id. */
  readonly self: string
  readonly bootnodes: readonly PeerAddresses[]
  /** Always kept, beside all slots. */
  readonly trusted: readonly PeerAddresses[]
  /** Block-only peers of the last run, first to be connected to: an attacker cannot make us forget them by a restart. */
  readonly anchors: readonly PeerAddresses[]
  /** Connections beside trusted ones: four fifths for those of our choice, as long as they take as many. */
  readonly maxPeers?: number
}

export interface PeerManagerComponents {
  readonly book: AddressBook
  readonly bans: BanList
  /** In [0, 1). */
  readonly random: () => number
  /** 32 bytes that nobody outside knows. */
  readonly secret: Uint8Array
}

interface Dial {
  readonly kind: LinkKind
  readonly group: string
}

interface Trusted extends PeerAddresses {
  retryMs: number
  dueMs: number
}

/**
 * Decides whom to be connected to: 10 peers with everything and 2 for blocks alone that we choose, each in a network group
 * of its own, now and then a feeler, and up to 64 that choose us. Knows no network: it is told what happens and
 * answers with what to do.
 */
export class PeerManager {
  readonly #self: string
  readonly #slots: Readonly<Record<Exclude<LinkKind, 'trusted'>, number>>
  readonly #bootnodes: readonly PeerAddresses[]
  readonly #trusted = new Map<string, Trusted>()
  readonly #anchors: PeerAddresses[]
  readonly #components: PeerManagerComponents
  readonly #links = new Map<string, Link>()
  readonly #dials = new Map<string, Dial>()
  readonly #inboundHosts = new InboundHosts()
  #nextFeelerMs = 0
  #nextBootstrapMs = 0
  #nextExchangeMs = 0
  /** When we last had a connection, or began to look for one. */
  #lastLinkMs: number | undefined

  constructor(options: PeerManagerOptions, components: PeerManagerComponents) {
    this.#self = options.self
    this.#slots = slotsOf(options.maxPeers ?? FULL_OUTBOUND + BLOCK_ONLY_OUTBOUND + 1 + MAX_INBOUND)
    this.#bootnodes = options.bootnodes
    this.#anchors = [...options.anchors]
    this.#components = components
    for (const peer of options.trusted) this.trust(peer)
  }

  get links(): Iterable<Readonly<Link>> {
    return this.#links.values()
  }

  link(peer: string): Readonly<Link> | undefined {
    return this.#links.get(peer)
  }

  /** Whether a peer, connected or being dialled, is there for blocks alone. */
  isBlockOnly(peer: string): boolean {
    return (this.#links.get(peer) ?? this.#dials.get(peer))?.kind === 'block-only'
  }

  /** Addresses of the block-only peers: what to begin with after a restart. */
  anchors(): PeerAddresses[] {
    const anchors = [...this.#links.values()].filter(({ kind }) => kind === 'block-only')
    return anchors.flatMap(({ peer }) => this.#components.book.get(peer) ?? [])
  }

  /** Keeps a connection to this peer from now on. */
  trust({ peer, addresses }: PeerAddresses): void {
    this.#trusted.set(peer, { peer, addresses, retryMs: TRUSTED_RETRY_MS, dueMs: 0 })
  }

  /** @returns whether it was trusted. A connection that stands is not ended. */
  distrust(peer: string): boolean {
    return this.#trusted.delete(peer)
  }

  isTrusted(peer: string): boolean {
    return this.#trusted.has(peer)
  }

  /**
   * To be asked of a connection that somebody makes to us, before anything is spent on it.
   * @returns what to call when it has ended; undefined: it is not wanted.
   */
  accept(host: string, nowMs: number): (() => void) | undefined {
    return this.#components.bans.isBanned(host, nowMs) ? undefined : this.#inboundHosts.admit(host)
  }

  /** To be asked once it is known who it is, and before dialling. */
  mayConnect(peer: string, nowMs: number): boolean {
    return peer !== this.#self && (this.isTrusted(peer) || !this.#components.bans.isBanned(peer, nowMs))
  }

  connected(peer: string, outbound: boolean, host: string | undefined, nowMs: number): PeerAction[] {
    if (this.#links.has(peer)) return []
    const dial = this.#dials.get(peer)
    this.#dials.delete(peer)
    if (outbound) this.#components.book.good(peer, nowMs)
    if (dial?.kind === 'feeler' && outbound) return [{ type: 'disconnect', peer, reason: 'it was a feeler' }]
    const kind = this.isTrusted(peer) ? 'trusted' : outbound ? (dial?.kind ?? 'full') : 'inbound'
    const link: Link = {
      peer,
      kind,
      outbound,
      host,
      connectedMs: nowMs,
      goodMs: nowMs,
      minPingMs: Number.POSITIVE_INFINITY,
      lastTransactionMs: 0,
      lastBlockMs: 0,
    }
    const trusted = this.#trusted.get(peer)
    if (trusted !== undefined) trusted.retryMs = TRUSTED_RETRY_MS
    // The first one after there was none: it was our own link that was down, and the others are worth another try at once.
    if (this.#links.size === 0) for (const other of this.#trusted.values()) other.dueMs = nowMs
    const actions = kind === 'inbound' ? this.#makeRoom(link) : []
    if (!actions.some((action) => action.peer === peer)) this.#links.set(peer, link)
    return actions
  }

  disconnected(peer: string): void {
    this.#links.delete(peer)
  }

  dialFailed(peer: string, nowMs: number): void {
    this.#dials.delete(peer)
    const trusted = this.#trusted.get(peer)
    if (trusted === undefined) return
    trusted.dueMs = nowMs + trusted.retryMs
    trusted.retryMs = Math.min(MAX_TRUSTED_RETRY_MS, 2 * trusted.retryMs)
  }

  pinged(peer: string, roundTripMs: number): void {
    const link = this.#links.get(peer)
    if (link !== undefined) link.minPingMs = Math.min(link.minPingMs, roundTripMs)
  }

  /** It was the first to bring something valid. */
  brought(peer: string, what: 'transaction' | 'block', nowMs: number): void {
    const link = this.#links.get(peer)
    if (link === undefined) return
    if (what === 'block') link.lastBlockMs = nowMs
    else link.lastTransactionMs = nowMs
  }

  /** It did something that it must not, or should not. Who is trusted is forgiven. */
  penalize(peer: string, penalty: 'ban' | 'discourage', reason: string, nowMs: number): PeerAction[] {
    if (this.isTrusted(peer)) return []
    const { bans, book } = this.#components
    const host = this.#links.get(peer)?.host
    if (penalty === 'ban') {
      bans.ban(peer, host, reason, nowMs)
      book.forget(peer)
    } else {
      bans.discourage(peer, host)
    }
    return [{ type: 'disconnect', peer, reason }]
  }

  /** Hears of peers. What of their addresses cannot be dialled, or not be trusted to this source, is left out. */
  hear(peers: readonly PeerAddresses[], source: Source, nowMs: number): void {
    const isUsable = (address: string) => {
      const host = hostOf(address)
      if (host === undefined || !isDialable(host)) return false
      return source.privateAddresses || !isExemptFromNetworkCaps(host)
    }
    for (const named of peers.slice(0, MAX_PEERS_EXCHANGED)) {
      if (named.peer === this.#self) continue
      this.#components.book.hear(
        { ...named, addresses: named.addresses.filter(isUsable) },
        source.group,
        nowMs,
        source.vouched,
      )
    }
  }

  /** Takes up what we know ourselves, from the operator or the last run. */
  #know(peer: PeerAddresses, nowMs: number): void {
    const group = networkGroup(hostOf(peer.addresses[0] ?? '') ?? '')
    this.#components.book.hear(peer, group, nowMs, true)
  }

  /** To be called about once a second. */
  look(nowMs: number): PeerAction[] {
    const actions: PeerAction[] = []
    if (this.#links.size > 0) this.#lastLinkMs = nowMs
    this.#lastLinkMs ??= nowMs
    this.#noteGood(nowMs)
    this.#components.book.resolveCollisions(nowMs)
    this.#dialTrusted(nowMs, actions)
    this.#dialAnchors(nowMs, actions)
    this.#fill('full', nowMs, actions)
    this.#fill('block-only', nowMs, actions)
    this.#feel(nowMs, actions)
    this.#bootstrap(nowMs, actions)
    this.#exchange(nowMs, actions)
    return actions
  }

  /** A connection that lasts is the best of tests: whoever has one cannot be tested by another, and must not lose its place. */
  #noteGood(nowMs: number): void {
    for (const link of this.#links.values()) {
      if (!link.outbound || nowMs - link.goodMs < STILL_GOOD_MS) continue
      link.goodMs = nowMs
      this.#components.book.good(link.peer, nowMs)
    }
  }

  #dialTrusted(nowMs: number, actions: PeerAction[]): void {
    for (const { peer, addresses, dueMs } of this.#trusted.values()) {
      if (dueMs <= nowMs) this.#dial({ peer, addresses }, 'trusted', nowMs, actions)
    }
  }

  #dialAnchors(nowMs: number, actions: PeerAction[]): void {
    for (const anchor of this.#anchors.splice(0)) {
      if (this.#count('block-only') >= this.#slots['block-only']) return
      this.#know(anchor, nowMs)
      this.#dial(anchor, 'block-only', nowMs, actions)
    }
  }

  #fill(kind: 'full' | 'block-only', nowMs: number, actions: PeerAction[]): void {
    for (let missing = this.#slots[kind] - this.#count(kind); missing > 0 && this.#dials.size < MAX_DIALS; missing--) {
      const chosen = this.#draw(kind, nowMs)
      if (chosen === undefined) return
      this.#dial(chosen, kind, nowMs, actions)
    }
  }

  /**
   * A peer from the book that a slot may go to. Those for blocks alone are of the ones that we were connected to before, as
   * long as there are any: what is left when all we have heard of late came from an attacker.
   */
  #draw(kind: 'full' | 'block-only', nowMs: number): KnownPeer | undefined {
    const { book, bans, random } = this.#components
    const groups = this.#groups()
    const retryMs = this.#isHurried(nowMs) ? HURRIED_RETRY_MS : RETRY_MS
    for (let draws = 0; draws < MAX_DRAWS; draws++) {
      const preferTried = kind === 'block-only' ? draws < MAX_DRAWS / 2 : random() < 0.5
      const known = book.select(preferTried ? 'tried' : 'heard-of', nowMs)
      if (known === undefined) return undefined
      const { peer, group, addresses } = known
      if (!this.#isFree(peer, nowMs) || !isDue(known, retryMs, nowMs)) continue
      const host = hostOf(addresses[0]!)!
      if (groups.has(group) && !isExemptFromNetworkCaps(host)) continue
      if (bans.isDiscouraged(peer) || bans.isDiscouraged(host) || bans.isBanned(host, nowMs)) continue
      return known
    }
    return undefined
  }

  /** Network groups that a peer of our choice is in. Trusted ones were not chosen by chance, and count as well. */
  #groups(): Set<string> {
    const groups = new Set<string>()
    for (const { outbound, host } of this.#links.values()) {
      if (outbound && host !== undefined) groups.add(networkGroup(host))
    }
    for (const { kind, group } of this.#dials.values()) if (kind !== 'feeler') groups.add(group)
    return groups
  }

  #isFree(peer: string, nowMs: number): boolean {
    return !this.#links.has(peer) && !this.#dials.has(peer) && this.mayConnect(peer, nowMs)
  }

  /** Only while all slots are taken: until then connections to fill them find out as much. */
  #feel(nowMs: number, actions: PeerAction[]): void {
    const { book, random } = this.#components
    if (this.#slots.feeler === 0 || this.#count('full') < this.#slots.full || nowMs < this.#nextFeelerMs) return
    // Not at regular times: who watches should not know when.
    this.#nextFeelerMs = nowMs - Math.log(1 - random()) * FEELER_INTERVAL_MS
    const chosen = book.selectForTest() ?? book.select('heard-of', nowMs)
    if (chosen !== undefined) this.#dial(chosen, 'feeler', nowMs, actions)
  }

  #bootstrap(nowMs: number, actions: PeerAction[]): void {
    if (this.#count('full') > 0 || nowMs < this.#nextBootstrapMs) return
    this.#nextBootstrapMs = nowMs + (this.#isHurried(nowMs) ? HURRIED_RETRY_MS : BOOTSTRAP_INTERVAL_MS)
    for (const bootnode of this.#bootnodes) {
      this.#know(bootnode, nowMs)
      if (this.#count('full') >= this.#slots.full) continue
      this.#dial(bootnode, 'full', nowMs, actions)
    }
  }

  #isHurried(nowMs: number): boolean {
    return this.#links.size === 0 && nowMs - (this.#lastLinkMs ?? nowMs) < HURRY_MS
  }

  #exchange(nowMs: number, actions: PeerAction[]): void {
    const { book, random } = this.#components
    if (nowMs < this.#nextExchangeMs || book.size.known >= ENOUGH_ADDRESSES) return
    const candidates = [...this.#links.values()].filter(({ outbound }) => outbound)
    const chosen = candidates[Math.floor(random() * candidates.length)]
    if (chosen === undefined) return
    this.#nextExchangeMs = nowMs + EXCHANGE_INTERVAL_MS
    actions.push({ type: 'ask-addresses', peer: chosen.peer })
  }

  #dial({ peer, addresses }: PeerAddresses, kind: LinkKind, nowMs: number, actions: PeerAction[]): void {
    if (this.#dials.size >= MAX_DIALS || !this.#isFree(peer, nowMs)) return
    const connectedToOthers = [...this.#links.values()].some(({ outbound }) => outbound)
    this.#components.book.attempt(peer, nowMs, connectedToOthers)
    this.#dials.set(peer, { kind, group: networkGroup(hostOf(addresses[0] ?? '') ?? peer) })
    actions.push({ type: 'dial', peer, addresses, kind })
  }

  /** Connections of a kind, those being made included. */
  #count(kind: LinkKind): number {
    let count = 0
    for (const link of this.#links.values()) if (link.kind === kind) count++
    for (const dial of this.#dials.values()) if (dial.kind === kind) count++
    return count
  }

  /** What lets another inbound peer in: nothing, somebody else's end, or its own. */
  #makeRoom({ peer, host }: Link): PeerAction[] {
    const inbound = [...this.#links.values()].filter(({ kind }) => kind === 'inbound')
    if (inbound.length < this.#slots.inbound) return []
    const { bans } = this.#components
    const unwelcome = bans.isDiscouraged(peer) || (host !== undefined && bans.isDiscouraged(host))
    const victim = unwelcome ? undefined : chooseEviction(inbound.map((link) => this.#evictable(link)))
    return [{ type: 'disconnect', peer: victim?.peer ?? peer, reason: 'no room' }]
  }

  #evictable(link: Link): Evictable {
    const { bans, secret } = this.#components
    const group = networkGroup(link.host ?? link.peer)
    const hash = keccak256(concatBytes(secret, new TextEncoder().encode(group)))
    return {
      ...link,
      group,
      groupRank: new DataView(hash.buffer, hash.byteOffset, 4).getUint32(0),
      discouraged: bans.isDiscouraged(link.peer) || (link.host !== undefined && bans.isDiscouraged(link.host)),
    }
  }
}

/**
 * What `most` connections are for. Those we choose go first: whoever chooses us may be an attacker. But two nodes of a few
 * connections that choose each other must not both find that there is no room.
 */
function slotsOf(most: number) {
  const ours = most - Math.floor(most * MIN_INBOUND_SHARE)
  const full = Math.min(FULL_OUTBOUND, ours)
  const blockOnly = Math.min(BLOCK_ONLY_OUTBOUND, ours - full)
  const feeler = Math.min(1, ours - full - blockOnly)
  return { full, 'block-only': blockOnly, feeler, inbound: most - full - blockOnly - feeler }
}

/** Whether it was left alone long enough: the longer, the more often it failed. */
function isDue({ triedMs, failures }: KnownPeer, retryMs: number, nowMs: number): boolean {
  return nowMs - triedMs >= Math.min(ATTEMPT_INTERVAL_MS, retryMs * 2 ** failures)
}
