import type { RequestProtocol } from '../wire/names.ts'
import type { RefusalCode } from '../wire/refusal.ts'
import type { RequestBackend } from './backend.ts'

/** The answering half of a protocol. */
export interface ServedProtocol {
  readonly name: RequestProtocol
  /** Bytes of the longest valid request. */
  readonly maxRequestBytes: number
  /** Work beyond that for any request and for the bytes of the answer, counted in bytes. */
  readonly cost?: number
  /** Whether `backend` has what this protocol is about. */
  served(backend: RequestBackend): boolean
  /**
   * The payloads of the answer's chunks, each made when the last has been sent; Refused may come in place of any.
   * @throws DecodeError at once, if the request is not one.
   */
  answer(
    peer: string,
    request: Uint8Array,
    backend: RequestBackend,
  ): AsyncIterable<Uint8Array> | Iterable<Uint8Array | Promise<Uint8Array>>
}

/** Ends an answer with a refusal. */
export class Refused extends Error {
  override readonly name = 'Refused'
  readonly code: RefusalCode
  readonly retryAfterMs: number

  constructor(code: RefusalCode, reason: string, retryAfterMs = 0) {
    super(reason)
    this.code = code
    this.retryAfterMs = retryAfterMs
  }
}

/** The one chunk of an answer that is there, or is not. @throws Refused */
export async function found<T>(
  looked: Promise<T | undefined>,
  encode: (value: T) => Uint8Array,
  missing: string,
): Promise<Uint8Array> {
  const value = await looked
  if (value === undefined) throw new Refused('unavailable', missing)
  return encode(value)
}
