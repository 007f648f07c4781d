import type { ChainParams, Head } from '../chain/types.ts'
import type { Engine, Finality } from '../consensus/engine.ts'
import { equalBytes, type Key, toKey } from '../primitives/bytes.ts'
import type { Clock } from '../primitives/clock.ts'
import { BlockError } from '../primitives/errors.ts'
import type { HashedHeader, Header } from '../primitives/header.ts'
import type { Pacer } from '../trie/update.ts'
import { type AskComponents, faultOfAttempt } from './ask.ts'
import { CatchUp } from './catch-up.ts'
import { Dispute } from './dispute.ts'
import { chooseHead } from './head-rule.ts'
import { LightChain } from './light-chain.ts'
import { FromFutureError, LightError, ReorgedError } from './light-error.ts'
import {
  HEDGE_MS,
  MAX_FUTURE_HEADERS,
  MAX_FUTURE_WAIT_MS,
  SAVE_MS,
  SAVED_HEADERS,
  SPREAD_MS,
  STALE_MS,
} from './limits.ts'
import { type LightPeer, PeerTable } from './peer-table.ts'
import { Resumption } from './resumption.ts'
import { decodeSnapshot, encodeSnapshot } from './snapshot.ts'
import type {
  GossipVerdict,
  LightFault,
  LightHeadEvent,
  LightRequests,
  LightRules,
  LightStage,
  LightStatus,
  LightStore,
  PeerClaim,
} from './types.ts'

export interface FollowerOptions {
  readonly params: ChainParams
  readonly rules: LightRules
  readonly genesis: HashedHeader
  readonly vouchers: number
}

export interface FollowerComponents {
  readonly engine: Engine
  readonly requests: LightRequests
  readonly clock: Clock
  readonly random: () => number
  readonly pacer: Pacer
  readonly store?: LightStore | undefined
  readonly report: (peer: string, fault: LightFault) => void
  readonly onError: (error: unknown) => void
}

interface SyncWait {
  readonly signal?: AbortSignal | undefined
  /** Whether a head is one to stop at; any is unless told. */
  readonly accept?: (head: Head) => boolean
}

/** Faults after which a peer's word is worth nothing; the others make it one of those who are asked last. */
const DROPPED_FOR: readonly LightFault[] = ['bad-proof', 'false-claim', 'stale-head', 'unconfirmed-head']
/** Of engines that nothing is known of. */
const ANY_LOOK_BACK = 256

/**
 * Follows the heaviest chain that anybody proves: asks peers again and again what they have, has them prove what is new, and decides which
 * of it is answered from.
 */
export class Follower {
  readonly chain: LightChain
  readonly ask: AskComponents
  readonly #options: FollowerOptions
  readonly #components: FollowerComponents
  readonly #catchUp: CatchUp
  readonly #peers: PeerTable
  readonly #dispute = new Dispute()
  readonly #resumption = new Resumption()
  readonly #stopping = new AbortController()
  readonly #listeners = new Set<(event: LightHeadEvent) => void>()
  readonly #waiting = new Set<() => void>()
  /** Headers that wait for their time. */
  readonly #future = new Map<Key, () => void>()
  readonly #faults: Partial<Record<LightFault, number>> = {}
  #head: Head
  #vouching = 0
  /** Ends with the proof that is under way, or when it has taken so long that another may begin beside it. */
  #turn: Promise<void> = Promise.resolve()
  #cancelSave: (() => void) | undefined

  constructor(options: FollowerOptions, components: FollowerComponents) {
    this.#options = options
    this.#components = components
    const { params, rules, genesis } = options
    const { engine, requests, clock, random, pacer } = components
    const lookBack = rules === undefined ? ANY_LOOK_BACK : rules.name === 'poa' ? rules.signers.length : 2
    this.chain = new LightChain({ params, engine, genesis, lookBack })
    this.#head = this.chain.tip
    this.#peers = new PeerTable(clock, random, (peer) => void this.#poll(peer))
    const { chain } = this
    const isFromFuture = (header: Header) => this.#waitMs(header) > 0
    this.#catchUp = new CatchUp({ chain, params, engine, rules, genesis, requests, pacer, isFromFuture })
    this.ask = {
      clock,
      faultOf: requests.faultOf,
      report: (peer, fault) => this.#report(peer, fault),
      signal: this.#stopping.signal,
    }
  }

  get head(): Head {
    return this.#head
  }

  async start(): Promise<void> {
    const saved = await this.#components.store?.load()
    const segment = saved && decodeSnapshot(this.#options.genesis.hash, saved)
    if (!segment || !this.chain.adopt(segment)) return
    this.#head = this.chain.tip
    if (this.#options.rules?.name !== 'pow') this.#resumption.begin()
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new LightError('no-peers', 'the node stops'))
    this.#peers.clear()
    for (const cancel of this.#future.values()) cancel()
    this.#future.clear()
    this.#cancelSave?.()
    await this.#save()
  }

  addPeer(id: string): void {
    this.#peers.add(id)
  }

  removePeer(id: string): void {
    this.#peers.remove(id)
    if (!this.#stopping.signal.aborted) this.#settle()
  }

  announce(id: string, hashed: HashedHeader): GossipVerdict {
    const { chain } = this
    if (this.#stopping.signal.aborted || chain.get(hashed.hash)) return 'ignore'
    const waitMs = this.#waitMs(hashed.header)
    try {
      if (waitMs > 0) this.#hold(id, hashed, waitMs)
      else {
        chain.add(hashed)
        this.#spread()
        return 'accept'
      }
    } catch (error) {
      if (!(error instanceof BlockError)) throw error
      if (error.code !== 'unknown-parent') return 'reject'
      // Whoever tells of it has more than we have.
      const peer = this.#peers.get(id)
      if (peer) this.#peers.schedule(peer, 0)
    }
    return 'ignore'
  }

  /** How far up the followed chain a peer has it; undefined: not known, or not within the window. */
  reachOf(id: string): number | undefined {
    const shown = this.#peers.get(id)?.shown
    return shown && this.chain.forkNumber(shown.hash)
  }

  /** Peers to ask about a block of this number, in order. @throws LightError if there are none. */
  peersFor(number: number): readonly string[] {
    if (this.#peers.all.length === 0) throw new LightError('no-peers', 'there is no peer to ask')
    const having = this.#peers.inOrder(({ shown }) => shown !== undefined && shown.number >= number)
    if (having.length === 0) throw new LightError('no-peers', 'no peer has shown a chain that it follows')
    return having
  }

  finality(): Finality {
    return this.#components.engine.finality(this.#head.header, this.chain.ancestry)
  }

  status(): LightStatus {
    const claims = this.#peers.all.map(({ claim }) => claim?.number ?? 0)
    return {
      stage: this.#stage(),
      head: this.#head,
      tip: this.chain.tip,
      highestClaimed: Math.max(this.chain.tip.header.number, ...claims),
      peers: this.#peers.all.length,
      vouching: this.#vouching,
      samples: this.#catchUp.samples,
      faults: { ...this.#faults },
    }
  }

  /** Resolves with the head once all claims have been looked at and it is accepted. @throws the signal's reason; LightError on a stop. */
  waitUntilSynced({ signal, accept = () => true }: SyncWait = {}): Promise<Head> {
    const { promise, resolve, reject } = Promise.withResolvers<Head>()
    const look = () => {
      if (this.#stage() === 'following' && accept(this.#head)) resolve(this.#head)
    }
    const ending = signal ? AbortSignal.any([signal, this.#stopping.signal]) : this.#stopping.signal
    const abort = () => reject(ending.reason)
    look()
    if (ending.aborted) abort()
    ending.addEventListener('abort', abort, { once: true })
    this.#waiting.add(look)
    return promise.finally(() => {
      this.#waiting.delete(look)
      ending.removeEventListener('abort', abort)
    })
  }

  subscribe(listener: (event: LightHeadEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #stage(): LightStage {
    const peers = this.#peers.all
    if (!peers.some(({ shown }) => shown)) return peers.some(({ claim }) => claim) ? 'proving' : 'connecting'
    const { tip } = this.chain
    const open = peers.some(
      (peer) =>
        isUnheard(peer) || (peer.silences === 0 && peer.claim && peer.claim.totalDifficulty > tip.totalDifficulty),
    )
    return open ? 'proving' : 'following'
  }

  /** Milliseconds until a header's time has come. */
  #waitMs({ timestamp }: Header): number {
    const { engine, clock } = this.#components
    if (engine.maxFutureSeconds === undefined) return 0
    return (timestamp - engine.maxFutureSeconds) * 1_000 - clock.nowMs()
  }

  #hold(id: string, hashed: HashedHeader, waitMs: number): void {
    const key = toKey(hashed.hash)
    if (waitMs > MAX_FUTURE_WAIT_MS || this.#future.has(key) || this.#future.size >= MAX_FUTURE_HEADERS) return
    const cancel = this.#components.clock.after(waitMs, () => {
      this.#future.delete(key)
      this.announce(id, hashed)
    })
    this.#future.set(key, cancel)
  }

  /** Asks a peer what it has, and has it prove that. */
  async #poll(peer: LightPeer): Promise<void> {
    if (peer.busy) {
      peer.again = true
      return
    }
    const { requests } = this.#components
    const { signal } = this.#stopping
    peer.busy = true
    peer.again = false
    try {
      const claim = await requests.status(peer.id, signal)
      peer.claim = claim
      await this.#judge(peer, claim)
      peer.silences = 0
      peer.unshown = 0
    } catch (error) {
      if (signal.aborted) return
      this.#fail(peer, error)
    } finally {
      peer.busy = false
    }
    if (!this.#peers.has(peer)) return
    this.#settle()
    if (peer.again) this.#peers.schedule(peer, 0)
    else this.#peers.scheduleNext(peer, peer.silences > 0 || this.reachOf(peer.id) !== this.chain.tip.header.number)
  }

  async #judge(peer: LightPeer, claim: PeerClaim): Promise<void> {
    await this.#inTurn(async () => {
      const head = await this.#catchUp.prove(peer.id, claim, this.#stopping.signal)
      peer.shown = head && { hash: head.hash, number: head.header.number, totalDifficulty: head.totalDifficulty }
      peer.claim = peer.shown ?? claim
    })
  }

  /** One proof at a time, so that what one peer has proven is not asked of the next; but a slow one holds up nobody for long. */
  async #inTurn(work: () => Promise<void>): Promise<void> {
    const before = this.#turn
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#turn = promise
    await before
    const cancel = this.#components.clock.after(HEDGE_MS, resolve)
    await work().finally(() => {
      cancel()
      resolve()
    })
  }

  #fail(peer: LightPeer, error: unknown): void {
    peer.silences++
    if (error instanceof FromFutureError) return
    if (this.#resumption.open) return
    if (error instanceof ReorgedError) {
      // What it claimed then it has not shown; an objection that never gets any further shall not be waited for.
      peer.unshown++
      return
    }
    const fault = faultOfAttempt(error, this.#components.requests.faultOf)
    if (fault === 'unavailable' || fault === 'withheld') peer.unshown++
    // Once it may be a reorg between claim and question.
    if (fault === 'unavailable' && peer.unshown > 1) this.#report(peer.id, 'false-claim')
    if (fault !== 'unavailable' && fault !== 'unhelpful' && fault !== 'bad-answer') this.#report(peer.id, fault)
  }

  #report(id: string, fault: LightFault): void {
    this.#faults[fault] = (this.#faults[fault] ?? 0) + 1
    const peer = this.#peers.get(id)
    if (peer) peer.silences++
    if (DROPPED_FOR.includes(fault)) this.removePeer(id)
    this.#components.report(id, fault)
  }

  /** After a new header: whether the others have it too is to be known soon. */
  #spread(): void {
    this.#settle()
    for (const peer of this.#peers.all) {
      if (this.reachOf(peer.id) !== this.chain.tip.header.number) this.#peers.schedule(peer, SPREAD_MS)
    }
  }

  /** Decides anew what is answered from, after anything has changed. */
  #settle(): void {
    const { chain } = this
    const { engine, clock } = this.#components
    const nowMs = clock.nowMs()
    const isFollowed = ({ hash, header }: Head) => {
      const there = chain.at(header.number)
      return there !== undefined && equalBytes(there.hash, hash)
    }
    const holds = (id: string, block: Head) => {
      const shown = this.#peers.get(id)?.shown
      return shown !== undefined && chain.isAncestor(block, shown.hash)
    }
    for (const id of this.#dispute.settle(isFollowed, holds, nowMs)) this.#report(id, 'unconfirmed-head')

    // Not those whose claim of more is being looked at.
    const shown = this.#peers.all.filter(
      ({ shown: head, claim }) => head ?? (claim && claim.totalDifficulty <= chain.tip.totalDifficulty),
    )
    const heard = this.#peers.all.filter(({ claim }) => claim)
    const heardReaches = heard.map(({ id }) => this.reachOf(id))
    if (this.#resumption.isForgotten(heardReaches, nowMs)) {
      this.#restart()
      return
    }
    const settled = engine.finality(chain.tip.header, chain.ancestry).safe
    const reaches = shown.map(({ id }) => ({ peer: id, reach: this.reachOf(id) }))
    // Who has not said anything yet may be the one who objects; and who has more work has not been heard, however busy it is.
    const { tip } = chain
    const mayObject = (peer: LightPeer) =>
      isUnheard(peer) || (peer.unshown < 2 && peer.claim && peer.claim.totalDifficulty > tip.totalDifficulty)
    const vouchers = this.#peers.all.some(mayObject) ? Number.POSITIVE_INFINITY : this.#options.vouchers
    const { head, behind, vouching } = chooseHead(reaches, settled, vouchers)
    this.#vouching = vouching
    this.#observeDispute(reaches, settled, nowMs)
    for (const peer of shown) {
      peer.behindSinceMs = behind.includes(peer.id) ? (peer.behindSinceMs ?? nowMs) : undefined
    }
    this.#moveTo(chain.at(head) ?? chain.base)
    const stale = shown.filter(({ behindSinceMs }) => behindSinceMs !== undefined && nowMs - behindSinceMs >= STALE_MS)
    // The report of one settles anew, and may have been that of the next.
    for (const peer of stale) if (this.#peers.has(peer)) this.#report(peer.id, 'stale-head')
    for (const look of this.#waiting) look()
  }

  /** Leaves the chain of the last run. */
  #restart(): void {
    const { number } = this.#head.header
    this.chain.restart()
    this.#head = this.chain.tip
    for (const { id } of this.#peers.all) {
      this.#peers.remove(id)
      this.#peers.add(id)
    }
    const lost = `no peer has the chain that was followed before, up to block ${number}: beginning anew at genesis`
    this.#components.onError(new LightError('no-answer', lost))
  }

  #observeDispute(
    reaches: readonly { readonly peer: string; readonly reach: number | undefined }[],
    settled: number,
    nowMs: number,
  ): void {
    const current = reaches.filter(({ reach }) => reach !== undefined && reach >= settled)
    const block = this.chain.at(Math.min(...current.map(({ reach }) => reach!)) + 1)
    const lacking = current.filter(({ reach }) => block && reach! < block.header.number)
    const lighter = lacking.some(({ peer }) => this.#peers.get(peer)!.shown!.totalDifficulty < block!.totalDifficulty)
    const having = current.filter((other) => !lacking.includes(other)).map(({ peer }) => peer)
    this.#dispute.observe(lighter ? block : undefined, having, nowMs)
  }

  /** Never back along the chain: what was vouched for once stays so. */
  #moveTo(chosen: Head): void {
    const from = this.#head
    const fork = this.chain.forkNumber(from.hash) ?? 0
    const target = fork > chosen.header.number ? this.chain.at(fork)! : chosen
    if (equalBytes(from.hash, target.hash)) return
    const { connected, disconnected } = this.chain.route(from, target)
    this.#head = target
    this.#planSave()
    for (const listener of this.#listeners) listener({ head: target, connected, disconnected })
  }

  #planSave(): void {
    if (!this.#components.store || this.#cancelSave) return
    this.#cancelSave = this.#components.clock.after(SAVE_MS, () => {
      this.#cancelSave = undefined
      void this.#save()
    })
  }

  async #save(): Promise<void> {
    const { store, onError } = this.#components
    const { number } = this.#head.header
    if (!store || number === 0) return
    try {
      await store.save(encodeSnapshot(this.#options.genesis.hash, this.chain.segment(number, SAVED_HEADERS)))
    } catch (error) {
      onError(error)
    }
  }
}

/** Neither has it shown anything nor failed to. */
function isUnheard({ busy, claim, shown, silences }: LightPeer): boolean {
  return silences === 0 && !shown && (busy || !claim)
}
