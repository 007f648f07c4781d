import { encodeRlp } from '../../primitives/rlp.ts'
import { MAX_REASON_BYTES } from './limits.ts'
import { decodeMessage, encodeText, readText } from './message.ts'

/** The status byte of a chunk that carries part of an answer. */
export const STATUS_OK = 0

/** Why a request is not answered, or not to its end; by the status byte of the chunk that says so, the answer's last. */
const REFUSALS = {
  /** The request is malformed or asks for more than may be asked. */
  1: 'invalid-request',
  /** What was asked for is not held: unknown, too old, or of a service that is not offered. */
  2: 'unavailable',
  /** The requester has asked for more than its share; `retryAfterMs` says when there is some again. */
  3: 'rate-limited',
  /** Not held yet: another may have passed on a block that has not come whole here. No fault of either side. */
  4: 'not-yet',
  /** Something failed at the answering side. */
  5: 'server-error',
} as const

export type RefusalCode = (typeof REFUSALS)[keyof typeof REFUSALS]

export interface Refusal {
  readonly code: RefusalCode
  /** Milliseconds after which asking again makes sense; 0: not known. */
  readonly retryAfterMs: number
  /** For people; printable ASCII. */
  readonly reason: string
}

/** Bytes: a greater refusal is none. */
export const MAX_REFUSAL_BYTES = MAX_REASON_BYTES + 16

export function refusalStatus(code: RefusalCode): number {
  return Number(Object.entries(REFUSALS).find(([, name]) => name === code)![0])
}

export function encodeRefusal({ retryAfterMs, reason }: Omit<Refusal, 'code'>): Uint8Array {
  return encodeRlp([retryAfterMs, encodeText(reason, MAX_REASON_BYTES)])
}

/** @param status  not STATUS_OK; one that this version does not know counts as a server's error. @throws DecodeError */
export function decodeRefusal(status: number, payload: Uint8Array): Refusal {
  return decodeMessage(payload, MAX_REFUSAL_BYTES, (fields) => ({
    code: status in REFUSALS ? REFUSALS[status as keyof typeof REFUSALS] : 'server-error',
    retryAfterMs: fields.number('retryAfterMs'),
    reason: readText(fields, MAX_REASON_BYTES, 'reason'),
  }))
}
