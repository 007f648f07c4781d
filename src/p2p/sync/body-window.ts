import type { Head } from '../../chain/types.ts'
import {
  BLOCKS_PER_REQUEST,
  BYTES_PER_REQUEST,
  HEDGE_MS,
  MAX_STALL_MS,
  MAX_STRIKES,
  REST_MS,
  STALL_DECAY,
  STALL_GRACE_MS,
  STALL_MS,
  TICK_MS,
  WAITING_BYTES,
  WINDOW_BLOCKS,
} from './limits.ts'

/** What a window makes of a body: it only has to know how large it is. */
export interface Sized {
  readonly sizeBytes: number
}

export type WindowEvent<Body> =
  /** Headers that count, following those before; a body that is there already comes with its own. */
  | { readonly type: 'heads'; readonly heads: readonly { readonly head: Head; readonly body?: Body }[] }
  /** A peer that may be asked, or has a new head. */
  | { readonly type: 'peer'; readonly peer: string; readonly number: number }
  /** It is gone; or it lied and is not to be asked again. */
  | { readonly type: 'lost'; readonly peer: string }
  /** Bodies of the first blocks of a request, each checked against its header. */
  | { readonly type: 'bodies'; readonly request: number; readonly bodies: readonly Body[] }
  /** No answer, or none of use. `restMs`: the peer asks for that much patience, which says nothing about these blocks. */
  | { readonly type: 'failed'; readonly request: number; readonly restMs?: number }
  | { readonly type: 'tick' }

export type WindowAction =
  | { readonly type: 'ask'; readonly request: number; readonly peer: string; readonly heads: readonly Head[] }
  /** Nobody waits for this answer any more. */
  | { readonly type: 'cancel'; readonly request: number }
  /** The peer failed too often in a row and is not asked again. */
  | { readonly type: 'drop'; readonly peer: string; readonly stalled: boolean }

interface Slot<Body> {
  readonly head: Head
  body: Body | undefined
  /** Requests under way that include it. */
  asked: number
  /** Peers that were asked for it in vain. */
  failed: Set<string> | undefined
}

interface Peer {
  number: number
  request: number | undefined
  /** Failures in a row. */
  strikes: number
  restUntilMs: number
}

interface Request {
  readonly peer: string
  readonly numbers: readonly number[]
  readonly sentMs: number
  deadlineMs: number
  /** When the time-out was noticed. */
  overdueMs: number | undefined
}

/**
 * Bodies of a chain of headers, from many peers at once: a window of 1,024 blocks that moves up as its lowest are taken.
 * Each peer has one request of at most 64 blocks under way, always for the lowest that are missing. A request that is not
 * answered in time is taken from its peer and given to another; the peer rests, longer each time, and is dropped after
 * four failures in a row, so that nobody can be asked in vain for ever. When a window is full, what holds it up is asked of a
 * second peer after half a second.
 *
 * Pure: the same events at the same times give the same actions. Bodies are the caller's; those that wait take at most
 * 64 MiB and what is under way.
 */
export class BodyWindow<Body extends Sized> {
  readonly #slots = new Map<number, Slot<Body>>()
  readonly #peers = new Map<string, Peer>()
  readonly #requests = new Map<number, Request>()
  #lastRequest = 0
  /** Number of the next block to be taken. */
  #first: number
  #stallMs = STALL_MS
  #lastTickMs: number | undefined
  #waitingBytes = 0
  /** Of a body, as the latest ones were. */
  #expectedBytes = BYTES_PER_REQUEST / BLOCKS_PER_REQUEST

  /** @param first  number of the first block. */
  constructor(first: number) {
    this.#first = first
  }

  /** Blocks that can be added. */
  get room(): number {
    return WINDOW_BLOCKS - this.#slots.size
  }

  get isEmpty(): boolean {
    return this.#slots.size === 0
  }

  get waitsForBodies(): boolean {
    return this.#lowestMissing() !== undefined
  }

  /** Milliseconds that an answer may take at present. */
  get stallMs(): number {
    return this.#stallMs
  }

  /** Whether nobody is left who might have the next body. */
  get stuck(): boolean {
    const next = this.#slots.get(this.#first)
    if (next === undefined || next.body !== undefined || next.asked > 0) return false
    for (const { number } of this.#peers.values()) if (number >= this.#first) return false
    return true
  }

  /** The next block, if its body is there. */
  take(): { readonly head: Head; readonly body: Body } | undefined {
    const slot = this.#slots.get(this.#first)
    if (slot?.body === undefined) return undefined
    this.#slots.delete(this.#first++)
    this.#waitingBytes -= slot.body.sizeBytes
    return { head: slot.head, body: slot.body }
  }

  step(event: WindowEvent<Body>, nowMs: number): WindowAction[] {
    const actions: WindowAction[] = []
    if (event.type === 'heads') this.#add(event.heads)
    else if (event.type === 'peer') this.#meet(event.peer, event.number)
    else if (event.type === 'lost') this.#lose(event.peer, actions)
    else if (event.type === 'bodies') this.#receive(event.request, event.bodies)
    else if (event.type === 'failed') this.#fail(event.request, nowMs, event, actions)
    else this.#expire(nowMs, actions)
    this.#assign(nowMs, actions)
    return actions
  }

  #add(heads: readonly { readonly head: Head; readonly body?: Body }[]): void {
    for (const { head, body } of heads) {
      this.#slots.set(head.header.number, { head, body, asked: 0, failed: undefined })
      this.#waitingBytes += body?.sizeBytes ?? 0
    }
  }

  #meet(id: string, number: number): void {
    const peer = this.#peers.get(id)
    if (peer === undefined) this.#peers.set(id, { number, request: undefined, strikes: 0, restUntilMs: 0 })
    else peer.number = number
  }

  #lose(id: string, actions: WindowAction[]): void {
    const request = this.#peers.get(id)?.request
    this.#peers.delete(id)
    if (request === undefined) return
    this.#close(request)
    actions.push({ type: 'cancel', request })
  }

  #receive(request: number, bodies: readonly Body[]): void {
    const closed = this.#close(request)
    if (closed === undefined) return
    const peer = this.#peers.get(closed.peer)
    if (peer !== undefined) peer.strikes = 0
    this.#stallMs = Math.max(STALL_MS, this.#stallMs * STALL_DECAY)
    bodies.forEach((body, i) => {
      this.#expectedBytes += (body.sizeBytes - this.#expectedBytes) / 16
      const slot = this.#slots.get(closed.numbers[i]!)
      // Asked of two, or given up meanwhile.
      if (slot === undefined || slot.body !== undefined) return
      slot.body = body
      this.#waitingBytes += body.sizeBytes
    })
  }

  #fail(
    request: number,
    nowMs: number,
    { stalled = false, restMs = 0 }: { readonly stalled?: boolean; readonly restMs?: number },
    actions: WindowAction[],
  ): void {
    const closed = this.#close(request)
    const peer = closed && this.#peers.get(closed.peer)
    if (closed === undefined || peer === undefined) return
    for (const number of closed.numbers) {
      const slot = this.#slots.get(number)
      if (slot !== undefined && restMs === 0) slot.failed = (slot.failed ?? new Set()).add(closed.peer)
    }
    peer.strikes++
    peer.restUntilMs = nowMs + Math.max(restMs, REST_MS * 2 ** (peer.strikes - 1))
    if (peer.strikes < MAX_STRIKES) return
    this.#peers.delete(closed.peer)
    actions.push({ type: 'drop', peer: closed.peer, stalled })
  }

  #expire(nowMs: number, actions: WindowAction[]): void {
    // A tick that comes late says that this machine was busy: answers had to wait as well.
    const elapsedMs = nowMs - (this.#lastTickMs ?? nowMs)
    const lateMs = elapsedMs > 2 * TICK_MS ? elapsedMs - TICK_MS : 0
    this.#lastTickMs = nowMs
    for (const [id, request] of this.#requests) {
      request.deadlineMs += lateMs
      if (nowMs < request.deadlineMs) continue
      request.overdueMs ??= nowMs
      if (nowMs - request.overdueMs < STALL_GRACE_MS) continue
      actions.push({ type: 'cancel', request: id })
      this.#stallMs = Math.min(MAX_STALL_MS, 2 * this.#stallMs)
      this.#fail(id, nowMs, { stalled: true }, actions)
    }
  }

  #close(id: number): Request | undefined {
    const request = this.#requests.get(id)
    if (request === undefined) return undefined
    this.#requests.delete(id)
    const peer = this.#peers.get(request.peer)
    if (peer?.request === id) peer.request = undefined
    for (const number of request.numbers) {
      const slot = this.#slots.get(number)
      if (slot !== undefined) slot.asked--
    }
    return request
  }

  #assign(nowMs: number, actions: WindowAction[]): void {
    const idle = [...this.#peers].filter(([, peer]) => peer.request === undefined && peer.restUntilMs <= nowMs)
    if (idle.length === 0) return
    const missing = [...this.#slots.values()].filter(({ body, asked }) => body === undefined && asked === 0)
    let from = 0
    for (const [id, peer] of idle) {
      const batch = this.#batch(missing, from, id, peer)
      from = batch.from
      const heads = batch.heads.length > 0 ? batch.heads : this.#hedge(id, peer, nowMs)
      if (heads.length > 0) this.#ask(id, peer, heads, nowMs, actions)
    }
  }

  /** The lowest blocks that are missing and that this peer may have. `missing` below `from` is given out already. */
  #batch(missing: readonly Slot<Body>[], from: number, id: string, peer: Peer): { heads: Head[]; from: number } {
    const heads: Head[] = []
    const most = Math.max(1, Math.min(BLOCKS_PER_REQUEST, Math.floor(BYTES_PER_REQUEST / this.#expectedBytes)))
    let lowest = from
    for (let i = from; i < missing.length && heads.length < most; i++) {
      const slot = missing[i]!
      const { number } = slot.head.header
      if (slot.asked > 0) continue
      if (number !== this.#first && this.#isFull(heads.length)) break
      if (number > peer.number || !this.#mayAsk(slot, id)) continue
      heads.push(slot.head)
      // Nothing was passed over so far: the next peer need not look at it.
      if (i === lowest) lowest++
    }
    return { heads, from: lowest }
  }

  /** Whether the bodies that wait, with those under way, fill the memory set aside for them. */
  #isFull(chosen: number): boolean {
    let asked = chosen
    for (const { numbers } of this.#requests.values()) asked += numbers.length
    return this.#waitingBytes + asked * this.#expectedBytes >= WAITING_BYTES
  }

  /** A peer that failed to bring a block is asked again only once all others have failed, too. */
  #mayAsk(slot: Slot<Body>, id: string): boolean {
    if (slot.failed?.has(id) !== true) return true
    for (const [other, { number }] of this.#peers) {
      if (number >= slot.head.header.number && !slot.failed.has(other)) return false
    }
    slot.failed = undefined
    return true
  }

  /** What all wait for, if it was asked of somebody else a while ago. */
  #hedge(id: string, peer: Peer, nowMs: number): Head[] {
    const next = this.#lowestMissing()
    if (next === undefined || next.asked !== 1 || next.head.header.number > peer.number) return []
    if (next.failed?.has(id)) return []
    const { number } = next.head.header
    for (const request of this.#requests.values()) {
      if (!request.numbers.includes(number)) continue
      if (nowMs - request.sentMs < HEDGE_MS) return []
      const slots = request.numbers.map((at) => this.#slots.get(at))
      return slots.flatMap((slot) => (slot !== undefined && slot.body === undefined ? [slot.head] : []))
    }
    return []
  }

  #lowestMissing(): Slot<Body> | undefined {
    for (const slot of this.#slots.values()) if (slot.body === undefined) return slot
    return undefined
  }

  #ask(id: string, peer: Peer, heads: readonly Head[], nowMs: number, actions: WindowAction[]): void {
    const request = ++this.#lastRequest
    const numbers = heads.map(({ header }) => header.number)
    for (const number of numbers) this.#slots.get(number)!.asked++
    this.#requests.set(request, {
      peer: id,
      numbers,
      sentMs: nowMs,
      deadlineMs: nowMs + this.#stallMs,
      overdueMs: undefined,
    })
    peer.request = request
    // Who was asked last comes last: where one alone could bring everything, all share the work.
    this.#peers.delete(id)
    this.#peers.set(id, peer)
    actions.push({ type: 'ask', request, peer: id, heads })
  }
}
