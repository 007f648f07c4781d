import type { Stream } from '@libp2p/interface'
import { Uint8ArrayList } from 'uint8arraylist'
import type { Clock } from '../../primitives/clock.ts'
import { DecodeError } from '../../primitives/errors.ts'
import type { PeerBuckets } from '../peer-buckets.ts'
import { ANSWER_END, chunkHead, FrameParser } from '../wire/frame.ts'
import { MAX_RESPONSE_BYTES } from '../wire/limits.ts'
import { encodeRefusal, refusalStatus, STATUS_OK } from '../wire/refusal.ts'
import type { RequestBackend } from './backend.ts'
import {
  ALLOWANCE,
  MAX_CONCURRENT,
  MAX_DEBT,
  MAX_UNSENT_BYTES,
  OFFENCE_COST,
  REFUSED_COST,
  REQUEST_COST,
  SENT_TOGETHER_BYTES,
  UNSENT_RETRY_MS,
} from './limits.ts'
import { drained, receive, StreamCutError } from './receive.ts'
import { Refused, type ServedProtocol } from './served-protocol.ts'

/** Milliseconds until a peer may ask again that owes as much as it can. */
const LONGEST_WAIT_MS = (MAX_DEBT / ALLOWANCE.perSecond) * 1000

/** What a peer did that no honest one does; how bad that is, is for whoever is told to say. */
export type RequestOffence =
  /** The request is malformed, or followed by more. */
  | 'invalid-request'
  /** More streams of one protocol at a time than there may be. */
  | 'too-many-streams'
  /** The request did not come whole, or the answer was not read, in time. */
  | 'too-slow'
  /** It asks on and on although it was told to wait. */
  | 'flood'

export interface AnswerComponents {
  readonly backend: RequestBackend
  readonly clock: Clock
  readonly allowances: PeerBuckets
  /** Bytes of answers that have been made and not been taken, all peers' together. */
  readonly unsent: { bytes: number }
  readonly onOffence: (offence: RequestOffence) => void
  /** Told of failures of our own. */
  readonly onError: (error: unknown) => void
}

/** One request on its stream, from its first byte to the last of its answer. */
export class Answer {
  readonly #stream: Stream
  readonly #peer: string
  readonly #protocol: ServedProtocol
  readonly #components: AnswerComponents
  /** Whether the peer waits for us; otherwise we wait for the peer. */
  #ourTurn = false

  constructor(stream: Stream, peer: string, protocol: ServedProtocol, components: AnswerComponents) {
    this.#stream = stream
    this.#peer = peer
    this.#protocol = protocol
    this.#components = components
  }

  /** Resolves when the answer has been sent or the stream was cut off. Never rejects. */
  async run(): Promise<void> {
    try {
      const request = await this.#receiveRequest()
      await this.#answerOrRefuse(request)
      await this.#stream.close().catch(cut)
    } catch (error) {
      if (!(error instanceof StreamCutError)) this.#components.onError(error)
      this.#stream.abort(error as Error)
    }
  }

  /** There are too many of its kind. */
  refuse(): void {
    this.#offend('too-many-streams')
    this.#stream.abort(new Error(`more than ${MAX_CONCURRENT} requests at a time`))
  }

  /** The time is up. */
  expire(): void {
    if (!this.#ourTurn) this.#offend('too-slow')
    this.#stream.abort(new Error('the request takes too long'))
  }

  /** The one frame that a requester may send. The stream is watched on: whatever comes after it ends the stream. */
  #receiveRequest(): Promise<Uint8Array> {
    const stream = this.#stream
    const maxBytes = this.#protocol.maxRequestBytes
    const parser = new FrameParser({ withStatus: false, maxPayloadBytes: () => maxBytes })
    return new Promise((resolve, reject) => {
      let complete = false
      receive(stream, (bytes) => {
        for (const { payload } of parser.push(bytes)) {
          if (complete) throw new DecodeError('a second frame')
          complete = true
          resolve(payload)
        }
        if (complete && !parser.idle) throw new DecodeError('bytes after the request')
      }).then(
        () => reject(new StreamCutError('the stream ends within the request')),
        (error) => {
          if (error instanceof DecodeError) this.#offend('invalid-request')
          stream.abort(error)
          reject(new StreamCutError('the stream was cut', { cause: error }))
        },
      )
    })
  }

  /** @throws StreamCutError */
  async #answerOrRefuse(request: Uint8Array): Promise<void> {
    try {
      this.#admit()
      await this.#answer(this.#chunks(request))
    } catch (error) {
      if (error instanceof StreamCutError) throw error
      const { code, message, retryAfterMs } = this.#refusalOf(error)
      const refusal = encodeRefusal({ retryAfterMs, reason: message })
      await this.#send(new Uint8ArrayList(chunkHead(refusalStatus(code), refusal.length), refusal))
    }
  }

  /** @throws Refused if the request is malformed. */
  #chunks(request: Uint8Array): ReturnType<ServedProtocol['answer']> {
    try {
      return this.#protocol.answer(this.#peer, request, this.#components.backend)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.#offend('invalid-request')
      throw new Refused('invalid-request', error.message)
    }
  }

  async #answer(chunks: ReturnType<ServedProtocol['answer']>): Promise<void> {
    let madeBytes = 0
    let together = new Uint8ArrayList()
    this.#ourTurn = true
    for await (const payload of chunks) {
      const head = chunkHead(STATUS_OK, payload.length)
      madeBytes += head.length + payload.length
      if (madeBytes >= MAX_RESPONSE_BYTES) throw new Error(`an answer of ${madeBytes} bytes`)
      this.#charge(payload.length)
      together.append(head)
      together.append(payload)
      if (together.byteLength < SENT_TOGETHER_BYTES) continue
      await this.#send(together)
      together = new Uint8ArrayList()
      this.#ourTurn = true
    }
    together.append(ANSWER_END)
    await this.#send(together)
  }

  /** @throws Refused */
  #admit(): void {
    const { allowances, clock, unsent, onOffence } = this.#components
    const nowMs = clock.nowMs()
    const allowance = allowances.of(this.#peer, nowMs)
    const inDebt = allowance.waitMs(nowMs) > 0
    allowance.charge(inDebt ? REFUSED_COST : REQUEST_COST + (this.#protocol.cost ?? 0), MAX_DEBT, nowMs)
    const waitMs = allowance.waitMs(nowMs)
    if (waitMs >= LONGEST_WAIT_MS) onOffence('flood')
    if (inDebt) throw new Refused('rate-limited', 'too many requests', waitMs)
    if (unsent.bytes > MAX_UNSENT_BYTES) throw new Refused('rate-limited', 'others read slowly', UNSENT_RETRY_MS)
  }

  #charge(bytes: number): void {
    const { allowances, clock } = this.#components
    const nowMs = clock.nowMs()
    allowances.of(this.#peer, nowMs).charge(bytes, MAX_DEBT, nowMs)
  }

  #offend(offence: RequestOffence): void {
    const { allowances, clock, onOffence } = this.#components
    onOffence(offence)
    this.#charge(OFFENCE_COST)
    const nowMs = clock.nowMs()
    if (allowances.of(this.#peer, nowMs).waitMs(nowMs) >= LONGEST_WAIT_MS) onOffence('flood')
  }

  #refusalOf(error: unknown): Refused {
    if (error instanceof Refused) return error
    this.#components.onError(error)
    return new Refused('server-error', 'internal error')
  }

  /** Resolves when there is room for more. @throws StreamCutError */
  async #send(bytes: Uint8ArrayList): Promise<void> {
    const { unsent } = this.#components
    this.#ourTurn = false
    // Sending consumes the list.
    const { byteLength } = bytes
    unsent.bytes += byteLength
    try {
      this.#stream.send(bytes)
      await drained(this.#stream)
    } catch (error) {
      cut(error)
    } finally {
      unsent.bytes -= byteLength
    }
  }
}

function cut(cause: unknown): never {
  throw new StreamCutError('the stream was cut', { cause })
}
