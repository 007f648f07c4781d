import type { Clock } from '../primitives/clock.ts'
import { LAGGING_POLL_MS, MAX_LIGHT_PEERS, POLL_MS } from './limits.ts'
import type { PeerClaim } from './types.ts'

export interface LightPeer {
  readonly id: string
  /** Its word, newest. */
  claim: PeerClaim | undefined
  /** The last claim of its that was shown to be true. */
  shown: PeerClaim | undefined
  /** Whether it is being asked, or what it claims is being looked at. */
  busy: boolean
  /** Whether it has told of something new meanwhile. */
  again: boolean
  /** Times in a row that it gave no answer. */
  silences: number
  /** Times since it last showed what it claims that it denied having that, or kept silent. */
  unshown: number
  /** Times in a row that it had not got our tip. */
  lags: number
  /** Since when it has been behind what is settled. */
  behindSinceMs: number | undefined
}

interface Timer {
  readonly dueMs: number
  readonly cancel: () => void
}

/** The peers whose claims are followed, and when each is asked next. */
export class PeerTable {
  readonly #clock: Clock
  readonly #random: () => number
  readonly #poll: (peer: LightPeer) => void
  readonly #peers = new Map<string, LightPeer>()
  readonly #timers = new Map<string, Timer>()

  /** @param poll  asks a peer for its status. */
  constructor(clock: Clock, random: () => number, poll: (peer: LightPeer) => void) {
    this.#clock = clock
    this.#random = random
    this.#poll = poll
  }

  get all(): readonly LightPeer[] {
    return [...this.#peers.values()]
  }

  has(peer: LightPeer): boolean {
    return this.#peers.get(peer.id) === peer
  }

  /** Beyond `MAX_LIGHT_PEERS` none are taken: what a client learns from more is not worth what asking them costs. */
  add(id: string): void {
    if (this.#peers.has(id) || this.#peers.size >= MAX_LIGHT_PEERS) return
    const peer: LightPeer = {
      id,
      claim: undefined,
      shown: undefined,
      busy: false,
      again: false,
      silences: 0,
      unshown: 0,
      lags: 0,
      behindSinceMs: undefined,
    }
    this.#peers.set(id, peer)
    this.schedule(peer, 0)
  }

  remove(id: string): void {
    this.#timers.get(id)?.cancel()
    this.#timers.delete(id)
    this.#peers.delete(id)
  }

  clear(): void {
    for (const id of [...this.#peers.keys()]) this.remove(id)
  }

  get(id: string): LightPeer | undefined {
    return this.#peers.get(id)
  }

  /** Ids in the order in which to ask: those that answer first, otherwise at random, so that the load is spread. */
  inOrder(wanted: (peer: LightPeer) => boolean): string[] {
    return this.all
      .filter(wanted)
      .map(({ id, silences }) => ({ id, rank: silences + this.#random() }))
      .sort((a, b) => a.rank - b.rank)
      .map(({ id }) => id)
  }

  /** Has a peer asked again in `delayMs`, or earlier if that was planned already. */
  schedule(peer: LightPeer, delayMs: number): void {
    const dueMs = this.#clock.nowMs() + delayMs
    const planned = this.#timers.get(peer.id)
    if (!this.has(peer) || (planned && planned.dueMs <= dueMs)) return
    planned?.cancel()
    const cancel = this.#clock.after(delayMs, () => {
      this.#timers.delete(peer.id)
      this.#poll(peer)
    })
    this.#timers.set(peer.id, { dueMs, cancel })
  }

  /** After an answer, or none: soon where the peer lacks our tip, less and less often while it does. */
  scheduleNext(peer: LightPeer, lacksTip: boolean): void {
    peer.lags = lacksTip ? peer.lags + 1 : 0
    this.schedule(peer, lacksTip ? Math.min(POLL_MS, LAGGING_POLL_MS * 2 ** (peer.lags - 1)) : POLL_MS)
  }
}
