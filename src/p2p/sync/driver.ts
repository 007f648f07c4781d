import type { Clock } from '../../primitives/clock.ts'
import { PENALTIES, SyncFault } from './faults.ts'
import {
  FAR_BEHIND_BLOCKS,
  MAX_CLAIMS,
  MAX_SET_ASIDE_MS,
  MIN_STATUS_INTERVAL_MS,
  SET_ASIDE_MS,
  STATUS_INTERVAL_MS,
} from './limits.ts'
import { SyncRound } from './round.ts'
import type { Pacer, PeerHead, PeerRequests, ReportFault, SyncChain, SyncProgress } from './types.ts'

export interface SyncOptions {
  /** Total difficulty below which no chain is followed. */
  readonly minimumWork: bigint
  /** Seconds that a block may be ahead of the clock; undefined: no bound. */
  readonly maxFutureSeconds: number | undefined
}

export interface SyncComponents {
  readonly chain: SyncChain
  readonly requests: PeerRequests
  readonly clock: Clock
  readonly pacer: Pacer
  /** 32 bytes that nobody can foresee. */
  readonly secret: () => Uint8Array
  /** Hears of peers that deserve a penalty: `PENALTIES`. */
  readonly report: ReportFault
  /** Hears when `farBehind` changes, or `progress` begins or ends. */
  readonly onChange: () => void
  /** What makes going on impossible, a full disk for instance. */
  readonly onFailure: (error: Error) => void
}

interface Peer {
  readonly outbound: boolean
  head: PeerHead | undefined
  /** When its status was asked for last. */
  askedMs: number
  asking: boolean
  /** It has told of something that we do not know. */
  heard: boolean
  asideUntilMs: number
  /** How long it is left alone next time. */
  asideMs: number
}

/**
 * Catches up with whichever peer claims the most work, for as long as one claims more than we have. Peers that we chose
 * come before those that chose us: an attacker with many connections to us could otherwise have us count one
 * invented chain after the other.
 */
export class SyncDriver {
  readonly #options: SyncOptions
  readonly #components: SyncComponents
  readonly #peers = new Map<string, Peer>()
  readonly #abort = new AbortController()
  #round:
    | { readonly sync: SyncRound; readonly peer: string; readonly claim: PeerHead; readonly start: number }
    | undefined
  #running: Promise<void> | undefined
  #cancelTimer: () => void = () => {}
  #wasFarBehind = false

  constructor(options: SyncOptions, components: SyncComponents) {
    this.#options = options
    this.#components = components
  }

  start(): void {
    const look = () => {
      this.#refresh()
      this.#poke()
      this.#cancelTimer = this.#components.clock.after(MIN_STATUS_INTERVAL_MS, look)
    }
    look()
  }

  /** Resolves when nothing is handed to the chain any more. */
  async stop(): Promise<void> {
    this.#abort.abort()
    this.#cancelTimer()
    this.#round?.sync.stop()
    await this.#running
  }

  /** A peer that may be asked. @param head  what it said about its chain, if it has been asked. */
  connected(peer: string, outbound: boolean, head?: PeerHead): void {
    if (this.#peers.size >= MAX_CLAIMS && !this.#peers.has(peer)) return
    const { clock } = this.#components
    const askedMs = head === undefined ? Number.NEGATIVE_INFINITY : clock.nowMs()
    this.#peers.set(peer, {
      outbound,
      head,
      askedMs,
      asking: false,
      heard: false,
      asideUntilMs: 0,
      asideMs: SET_ASIDE_MS,
    })
    this.#refresh()
    this.#claimed(peer)
  }

  disconnected(peer: string): void {
    this.#peers.delete(peer)
    this.#round?.sync.lose(peer)
  }

  /** A peer has told of a block that does not follow ours: what is its head now? */
  heard(peer: string): void {
    const known = this.#peers.get(peer)
    if (known === undefined) return
    known.heard = true
    this.#refresh()
  }

  /** What is under way; undefined: nothing. */
  get progress(): SyncProgress | undefined {
    if (this.#round === undefined) return undefined
    const { sync, peer, claim, start } = this.#round
    const currentNumber = this.#components.chain.head.header.number
    const headerNumber = Math.max(currentNumber, sync.headerTip?.header.number ?? 0)
    return {
      stage: sync.stage,
      peer,
      startingNumber: start,
      currentNumber,
      headerNumber,
      highestNumber: Math.max(claim.number, headerNumber),
    }
  }

  /** Whether headers with proven work show that our head is some blocks old. Claims alone do not: anyone can make them. */
  get farBehind(): boolean {
    const tip = this.#round?.sync.headerTip
    if (tip === undefined) return false
    const { header, totalDifficulty } = this.#components.chain.head
    return tip.totalDifficulty - totalDifficulty > FAR_BEHIND_BLOCKS * header.difficulty
  }

  #refresh(): void {
    const now = this.#components.clock.nowMs()
    for (const [id, peer] of this.#peers) {
      const intervalMs = peer.heard ? MIN_STATUS_INTERVAL_MS : STATUS_INTERVAL_MS
      if (!peer.asking && now - peer.askedMs >= intervalMs) void this.#askStatus(id, peer)
    }
    this.#tellIfFarBehindChanged()
  }

  async #askStatus(id: string, peer: Peer): Promise<void> {
    const { requests, clock } = this.#components
    peer.asking = true
    peer.heard = false
    peer.askedMs = clock.nowMs()
    try {
      peer.head = await requests.status(id, this.#abort.signal)
      if (this.#peers.get(id) === peer) this.#claimed(id)
    } catch (error) {
      if (this.#abort.signal.aborted) return
      if (requests.faultOf(error) === 'bad-answer') this.#report(id, new SyncFault('bad-answer'))
    } finally {
      peer.asking = false
    }
  }

  #claimed(id: string): void {
    const peer = this.#peers.get(id)
    if (peer?.head === undefined) return
    if (peer.asideUntilMs <= this.#components.clock.nowMs()) this.#round?.sync.meet(id, peer.head.number)
    this.#poke()
  }

  #poke(): void {
    if (this.#running !== undefined || this.#abort.signal.aborted || this.#choose() === undefined) return
    this.#running = this.#run()
      .catch((error) => this.#components.onFailure(error as Error))
      .finally(() => {
        this.#running = undefined
      })
  }

  /** The peer to follow: of those that claim more work than we have, ours before others', most work first. */
  #choose(): { readonly id: string; readonly peer: Peer; readonly claim: PeerHead } | undefined {
    const now = this.#components.clock.nowMs()
    const { totalDifficulty } = this.#components.chain.head
    let best: { readonly id: string; readonly peer: Peer; readonly claim: PeerHead } | undefined
    for (const [id, peer] of this.#peers) {
      const claim = peer.head
      if (claim === undefined || peer.asideUntilMs > now) continue
      if (claim.totalDifficulty <= totalDifficulty || claim.totalDifficulty < this.#options.minimumWork) continue
      const better =
        best === undefined ||
        (peer.outbound === best.peer.outbound ? claim.totalDifficulty > best.claim.totalDifficulty : peer.outbound)
      if (better) best = { id, peer, claim }
    }
    return best
  }

  async #run(): Promise<void> {
    for (let target = this.#choose(); target !== undefined; target = this.#choose()) {
      const { id, peer, claim } = target
      try {
        await this.#follow(id, claim)
      } catch (error) {
        if (!(error instanceof SyncFault)) throw error
        this.#report(id, error)
      }
      if (this.#abort.signal.aborted) return
      const { totalDifficulty } = this.#components.chain.head
      // It may have been right and is not through, as with blocks from ahead of the clock: the same again would not help.
      if (totalDifficulty < claim.totalDifficulty) this.#setAside(peer)
      else peer.asideMs = SET_ASIDE_MS
      if (this.#peers.get(id) === peer) void this.#askStatus(id, peer)
    }
  }

  async #follow(id: string, claim: PeerHead): Promise<void> {
    const { chain, clock } = this.#components
    const sync = new SyncRound(
      { peer: id, claim, ...this.#options },
      {
        ...this.#components,
        onHeaders: () => this.#tellIfFarBehindChanged(),
        onBodyFault: (peer, fault) => this.#bodyFault(peer, fault),
      },
    )
    this.#round = { sync, peer: id, claim, start: chain.head.header.number }
    for (const [other, { head, asideUntilMs }] of this.#peers) {
      if (head !== undefined && asideUntilMs <= clock.nowMs()) sync.meet(other, head.number)
    }
    this.#tellChange()
    try {
      await sync.run()
    } finally {
      this.#round = undefined
      this.#tellChange()
    }
  }

  #bodyFault(id: string, fault: SyncFault): void {
    const peer = this.#peers.get(id)
    if (peer !== undefined) this.#setAside(peer)
    this.#report(id, fault)
  }

  #setAside(peer: Peer): void {
    peer.asideUntilMs = this.#components.clock.nowMs() + peer.asideMs
    peer.asideMs = Math.min(MAX_SET_ASIDE_MS, 2 * peer.asideMs)
  }

  #report(id: string, fault: SyncFault): void {
    if (PENALTIES[fault.code] !== 'none') this.#components.report(id, fault)
  }

  #tellIfFarBehindChanged(): void {
    if (this.farBehind !== this.#wasFarBehind) this.#tellChange()
  }

  #tellChange(): void {
    this.#wasFarBehind = this.farBehind
    this.#components.onChange()
  }
}
