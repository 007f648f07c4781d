import type { Head } from '../../chain/types.ts'
import { type Block, blockLength } from '../../primitives/block.ts'
import type { Clock } from '../../primitives/clock.ts'
import { BlockError } from '../../primitives/errors.ts'
import type { HashedHeader } from '../../primitives/header.ts'
import { findAncestor } from './ancestor.ts'
import { BodyWindow, type WindowAction, type WindowEvent } from './body-window.ts'
import { SyncFault } from './faults.ts'
import { HeaderDownload } from './header-download.ts'
import {
  BLOCKS_PER_REQUEST,
  FIND_BASE_MS,
  HEADERS_PER_REQUEST,
  HEADERS_TIMEOUT_MS,
  IMPORTING_BLOCKS,
  IMPORTING_BYTES,
  MAX_PRESYNC_MS,
  MAX_RETRIES,
  MAX_RETRY_AFTER_MS,
  PRESYNC_MS,
  PRESYNC_MS_PER_HEADER,
  TICK_MS,
} from './limits.ts'
import type { Pacer, PeerHead, PeerRequests, SyncChain, SyncStage } from './types.ts'

export interface RoundOptions {
  readonly peer: string
  readonly claim: PeerHead
  /** Total difficulty that the chain must have, beside what the peer claims. */
  readonly minimumWork: bigint
  /** Seconds that a block may be ahead of the clock; undefined: no bound. */
  readonly maxFutureSeconds: number | undefined
}

export interface RoundComponents {
  readonly chain: SyncChain
  readonly requests: PeerRequests
  readonly clock: Clock
  readonly pacer: Pacer
  /** 32 bytes that nobody can foresee. */
  readonly secret: () => Uint8Array
  /** More headers count: `headerTip` may have moved. */
  readonly onHeaders: () => void
  /** A peer brought a wrong body, or is not asked for bodies any more. */
  readonly onBodyFault: (peer: string, fault: SyncFault) => void
}

/** A body on its way to the chain; without a block where the chain has it. */
interface Arrived {
  readonly sizeBytes: number
  readonly block: Block | undefined
}

const HELD_BY_CHAIN: Arrived = { sizeBytes: 0, block: undefined }

/**
 * Catches up with one peer's chain: finds where it leaves ours, downloads its headers, the bodies from whoever has them,
 * and imports them in order, all three at once. What has been imported stays whatever happens later.
 */
export class SyncRound {
  readonly #options: RoundOptions
  readonly #components: RoundComponents
  readonly #abort = new AbortController()
  readonly #asked = new Map<number, AbortController>()
  /** Of headers: the ones waited for, and those asked for ahead. */
  readonly #headersAsked = new Set<AbortController>()
  #download: HeaderDownload | undefined
  #window: BodyWindow<Arrived> | undefined
  /** Peers that came before there was a window. */
  readonly #peers = new Map<string, number>()
  /** Headers that count and have no place in the window yet. */
  #queue: Head[] = []
  /** Whether a block has come up that the chain has not got. */
  #lacksBlock = false
  #headersDone = false
  #headersError: unknown
  #importing = 0
  #importingBytes = 0
  #importError: unknown
  #changed = Promise.withResolvers<void>()

  constructor(options: RoundOptions, components: RoundComponents) {
    this.#options = options
    this.#components = components
  }

  /** A peer that may have the chain's bodies up to a number. */
  meet(peer: string, number: number): void {
    this.#peers.set(peer, number)
    this.#step({ type: 'peer', peer, number })
  }

  /** A peer is gone. */
  lose(peer: string): void {
    this.#peers.delete(peer)
    this.#step({ type: 'lost', peer })
    if (peer === this.#options.peer && !this.#headersDone) this.#endHeaders(new SyncFault('unhelpful'))
  }

  stop(): void {
    this.#abort.abort()
    this.#forgetHeaders()
    for (const request of this.#asked.values()) request.abort()
    this.#notify()
  }

  get stage(): SyncStage {
    if (this.#download?.stage === 'presync') return 'presync'
    if (!this.#headersDone && this.#download?.proven !== true) return 'headers'
    return this.#headersDone && this.#window?.waitsForBodies === false ? 'executing' : 'bodies'
  }

  /** The newest header whose work is shown; undefined while none is. */
  get headerTip(): Head | undefined {
    return this.#download?.tip
  }

  /**
   * @throws SyncFault of the peer whose chain this is; StoreError. Returns early after `stop`.
   */
  async run(): Promise<void> {
    const { chain, clock } = this.#components
    let cancelTick = () => {}
    const tick = () => {
      this.#step({ type: 'tick' })
      cancelTick = clock.after(TICK_MS, tick)
    }
    try {
      const base = await this.#findBase()
      if (base === undefined) return
      const branch = () => {
        const found = chain.branch(base)
        // It was on its way into the chain and has been refused since.
        if (found === undefined) throw new SyncFault('unhelpful')
        return found
      }
      const claimed = this.#options.claim.totalDifficulty
      this.#download = new HeaderDownload(
        {
          threshold: claimed > this.#options.minimumWork ? claimed : this.#options.minimumWork,
          claimedNumber: this.#options.claim.number,
        },
        { branch, isBad: (hash) => chain.isBad(hash), secret: this.#components.secret },
      )
      this.#window = new BodyWindow(this.#download.tip.header.number + 1)
      for (const [peer, number] of this.#peers) this.#step({ type: 'peer', peer, number })
      tick()
      // Its failure is looked at once the blocks that count are through.
      const headers = this.#pumpHeaders(this.#download).then(
        () => this.#endHeaders(undefined),
        (error) => this.#endHeaders(error),
      )
      await this.#pumpBlocks(this.#window)
      await headers
      if (this.#headersError !== undefined && !this.#abort.signal.aborted) throw this.#headersError
    } finally {
      cancelTick()
      this.stop()
    }
  }

  #endHeaders(error: unknown): void {
    if (this.#headersDone) return
    this.#headersDone = true
    this.#headersError = error
    this.#notify()
  }

  /** Hash of the highest block of the peer's chain that we have, or of one below it; undefined: stopped. */
  async #findBase(): Promise<Uint8Array | undefined> {
    const { chain, clock } = this.#components
    const { claim } = this.#options
    const deadlineMs = clock.nowMs() + FIND_BASE_MS
    const search = findAncestor(Math.min(claim.number, chain.head.header.number))
    let found = chain.genesisHash
    let step = search.next()
    while (step.done !== true) {
      const [header] = await this.#askHeaders(step.value, 1, deadlineMs)
      if (this.#abort.signal.aborted) return undefined
      if (header !== undefined && header.header.number !== step.value) throw new SyncFault('bad-answer')
      const common = header !== undefined && chain.has(header.hash)
      if (common) found = header.hash
      step = search.next(common)
    }
    return found
  }

  async #pumpHeaders(download: HeaderDownload): Promise<void> {
    const { clock, pacer } = this.#components
    const startMs = clock.nowMs()
    const presyncMs = Math.min(MAX_PRESYNC_MS, PRESYNC_MS + PRESYNC_MS_PER_HEADER * this.#options.claim.number)
    /** Asked for, and their seals recovered, while those below them are judged. */
    let ahead: { readonly start: number; readonly headers: Promise<readonly HashedHeader[]> } | undefined
    for (let next = download.next; next !== undefined && !this.#headersDone; next = download.next) {
      if (this.#queue.length > HEADERS_PER_REQUEST) {
        await this.#changed.promise
        if (this.#abort.signal.aborted) return
        continue
      }
      if (!download.proven && clock.nowMs() - startMs > presyncMs) throw new SyncFault('stalled')
      // Once a chain is counted, it is asked for from below.
      if (ahead !== undefined && ahead.start !== next.start) this.#forgetHeaders()
      const headers = await (ahead?.start === next.start ? ahead.headers : this.#fetchHeaders(next.start, next.count))
      if (this.#headersDone || this.#abort.signal.aborted) return
      ahead = headers.length === next.count ? this.#askAhead(next.start + next.count, next.count) : undefined
      let at = next.start
      for (const header of headers) {
        if (this.#isAhead(header)) this.#queue.push(...download.cut())
        else this.#queue.push(...download.take(header))
        // The chain has ended; or it was counted, and is downloaded from below.
        if (download.next?.start !== ++at) break
        await pacer.pause()
      }
      if (download.next?.start === next.start + headers.length && headers.length < next.count) {
        this.#queue.push(...download.end())
      }
      this.#components.onHeaders()
      this.#notify()
    }
  }

  #askAhead(start: number, count: number) {
    const headers = this.#fetchHeaders(start, count)
    // A failure counts once these headers are the next.
    headers.catch(() => undefined)
    return { start, headers }
  }

  /** Headers to be judged, with what other threads can do about them done. */
  async #fetchHeaders(start: number, count: number): Promise<readonly HashedHeader[]> {
    const headers = await this.#askHeaders(start, count)
    await this.#components.chain.recoverSeals(headers)
    return headers
  }

  #forgetHeaders(): void {
    for (const request of this.#headersAsked) request.abort()
  }

  /** Headers from beyond the clock's bound are left for later, when they may still be true. */
  #isAhead({ header }: HashedHeader): boolean {
    const { maxFutureSeconds } = this.#options
    if (maxFutureSeconds === undefined) return false
    return (header.timestamp - maxFutureSeconds) * 1000 > this.#components.clock.nowMs()
  }

  /** @param deadlineMs  when it is too late to ask. @returns none once stopped. @throws SyncFault. */
  async #askHeaders(
    start: number,
    count: number,
    deadlineMs = Number.POSITIVE_INFINITY,
  ): Promise<readonly HashedHeader[]> {
    const { requests, clock } = this.#components
    for (let retries = 0; ; retries++) {
      if (clock.nowMs() > deadlineMs) throw new SyncFault('stalled')
      try {
        return await this.#askHeadersOnce(start, count)
      } catch (error) {
        if (this.#abort.signal.aborted) return []
        if (error instanceof SyncFault) throw error
        const restMs = Math.min(MAX_RETRY_AFTER_MS, requests.retryAfterMs(error))
        if (restMs === 0 || retries === MAX_RETRIES) throw new SyncFault(requests.faultOf(error))
        await this.#rest(restMs)
      }
    }
  }

  #rest(ms: number): Promise<void> {
    const { signal } = this.#abort
    return new Promise((resolve) => {
      const end = () => {
        cancel()
        signal.removeEventListener('abort', end)
        resolve()
      }
      const cancel = this.#components.clock.after(ms, end)
      signal.addEventListener('abort', end)
    })
  }

  async #askHeadersOnce(start: number, count: number): Promise<readonly HashedHeader[]> {
    const { requests, clock } = this.#components
    // One for each request: what listens to a signal that outlives it would keep the answer.
    const request = new AbortController()
    this.#headersAsked.add(request)
    let late = false
    const cancel = clock.after(HEADERS_TIMEOUT_MS, () => {
      late = true
      request.abort()
    })
    try {
      const headers = await requests.headers(this.#options.peer, start, count, request.signal)
      if (headers.length > count) throw new SyncFault('bad-answer')
      return headers
    } catch (error) {
      throw late ? new SyncFault('stalled') : error
    } finally {
      cancel()
      this.#headersAsked.delete(request)
    }
  }

  async #pumpBlocks(window: BodyWindow<Arrived>): Promise<void> {
    for (;;) {
      const changed = this.#changed.promise
      if (this.#importError !== undefined || this.#abort.signal.aborted) {
        // What is on its way to the chain would be in the way of the next round.
        if (this.#importing > 0) await changed
        else if (this.#importError !== undefined) throw this.#importError
        else return
        continue
      }
      this.#fill(window)
      const full = this.#importing >= IMPORTING_BLOCKS || this.#importingBytes >= IMPORTING_BYTES
      const next = full ? undefined : window.take()
      if (next !== undefined) {
        if (next.body.block !== undefined) this.#import(next.body.block)
        continue
      }
      if (this.#headersDone && this.#queue.length === 0 && window.isEmpty && this.#importing === 0) return
      if (window.stuck) throw new SyncFault('unhelpful')
      await changed
    }
  }

  #fill(window: BodyWindow<Arrived>): void {
    // Places are filled a request's worth at a time: an idle peer would be asked for each block by itself.
    if (window.room < Math.min(BLOCKS_PER_REQUEST, this.#queue.length)) return
    const heads = this.#queue.splice(0, window.room)
    if (heads.length === 0) return
    const known = heads.map((head) => (this.#isHeld(head) ? { head, body: HELD_BY_CHAIN } : { head }))
    this.#step({ type: 'heads', heads: known })
  }

  /** Whether the chain has a block of this peer's; asked about one after the other, upwards. */
  #isHeld({ hash }: Head): boolean {
    // Without one it has none above it either, and needs not be read for each.
    this.#lacksBlock ||= !this.#components.chain.has(hash)
    return !this.#lacksBlock
  }

  #import(block: Block): void {
    const { chain } = this.#components
    this.#importing++
    this.#importingBytes += block.sizeBytes
    const failed = (error: unknown) => {
      // The first one names the cause; those after it fail for want of a parent.
      this.#importError ??= error instanceof BlockError ? refusal(error) : error
    }
    chain
      .import(block)
      .then(() => undefined, failed)
      .then(() => {
        this.#importing--
        this.#importingBytes -= block.sizeBytes
        this.#notify()
      })
  }

  #step(event: WindowEvent<Arrived>): void {
    const window = this.#window
    if (window === undefined || this.#abort.signal.aborted) return
    for (const action of window.step(event, this.#components.clock.nowMs())) this.#act(action)
    this.#notify()
  }

  #act(action: WindowAction): void {
    if (action.type === 'cancel') {
      this.#asked.get(action.request)?.abort()
      this.#asked.delete(action.request)
    } else if (action.type === 'drop') {
      this.#peers.delete(action.peer)
      this.#components.onBodyFault(action.peer, new SyncFault(action.stalled ? 'stalled' : 'unhelpful'))
    } else {
      void this.#askBodies(action.request, action.peer, action.heads)
    }
  }

  async #askBodies(request: number, peer: string, heads: readonly Head[]): Promise<void> {
    const abort = new AbortController()
    this.#asked.set(request, abort)
    try {
      const blocks = await this.#fetchBlocks(peer, heads, abort.signal)
      if (abort.signal.aborted) return
      const bodies = blocks.map((block) => ({ block, sizeBytes: block.sizeBytes }))
      this.#step(bodies.length === 0 ? { type: 'failed', request } : { type: 'bodies', request, bodies })
    } catch (error) {
      if (abort.signal.aborted) return
      const { requests } = this.#components
      const code = error instanceof BlockError ? 'wrong-body' : requests.faultOf(error)
      if (code === 'wrong-body' || code === 'bad-answer') {
        this.#components.onBodyFault(peer, new SyncFault(code))
        this.#peers.delete(peer)
        this.#step({ type: 'lost', peer })
      } else {
        const restMs = error instanceof BlockError ? 0 : Math.min(MAX_RETRY_AFTER_MS, requests.retryAfterMs(error))
        this.#step({ type: 'failed', request, restMs })
      }
    } finally {
      this.#asked.delete(request)
    }
  }

  /** @throws BlockError if a body is not the one asked for. */
  async #fetchBlocks(peer: string, heads: readonly Head[], signal: AbortSignal): Promise<Block[]> {
    const { requests, chain } = this.#components
    const hashes = heads.map(({ hash }) => hash)
    const bodies = await requests.bodies(peer, hashes, signal)
    const blocks: Block[] = []
    for (const [i, { hash, header }] of heads.entries()) {
      const body = bodies[i]
      if (body === undefined || signal.aborted) break
      const { transactions, encoded } = body
      const block = { hash, header, transactions, body: encoded, sizeBytes: blockLength(header, encoded) }
      await chain.checkBody(block)
      blocks.push(block)
    }
    return blocks
  }

  /** Wakes whoever waits for a change. */
  #notify(): void {
    const { resolve } = this.#changed
    this.#changed = Promise.withResolvers()
    resolve()
  }
}

/** Without its parent a block says nothing: that one came another way, and was refused. */
function refusal({ code }: BlockError): SyncFault {
  return code === 'unknown-parent' ? new SyncFault('unhelpful') : new SyncFault('invalid-block', code)
}
