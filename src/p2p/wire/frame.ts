import { assert } from '../../primitives/assert.ts'
import { EMPTY_BYTES } from '../../primitives/bytes.ts'
import { DecodeError } from '../../primitives/errors.ts'

/**
 * How messages stand in a stream: a request as `length ‖ payload`, each chunk of an answer as `status ‖ length ‖ payload`. Lengths are
 * unsigned LEB128 in as few bytes as they need, at most 4.
 */
const MAX_LENGTH_BYTES = 4

/** Stands alone in the place of a status, after the last chunk of a whole answer. */
export const STATUS_END = 0xff
/** What ends a whole answer. Not every transport tells a stream that was closed from one that broke off. */
export const ANSWER_END: Uint8Array = Uint8Array.of(STATUS_END)

/** What precedes a request's payload of `length` bytes. */
export function requestHead(length: number): Uint8Array {
  return head([], length)
}

/** What precedes a chunk's payload of `length` bytes. */
export function chunkHead(status: number, length: number): Uint8Array {
  return head([status], length)
}

function head(bytes: number[], length: number): Uint8Array {
  assert(length < 2 ** (7 * MAX_LENGTH_BYTES), `no frame holds ${length} bytes`)
  let rest = length
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80)
  bytes.push(rest)
  return Uint8Array.from(bytes)
}

export interface Frame {
  /** 0 in a request; STATUS_END has no payload. */
  readonly status: number
  readonly payload: Uint8Array
}

export interface FrameParserOptions {
  /** Whether a status byte stands before each length. */
  readonly withStatus: boolean
  /** Bytes of payload that one frame may have. */
  readonly maxPayloadBytes: (status: number) => number
}

/** Bytes taken for a payload before any of it is there: a length alone must not cost its reader memory. */
const FIRST_BUFFER_BYTES = 16 * 1024

/**
 * Takes a stream apart as it arrives, in pieces of any size. Memory: the payload's length at most, and at most twice what has
 * come of it (16 KiB if that is more).
 */
export class FrameParser {
  readonly #options: FrameParserOptions
  #status: number | undefined
  #length = 0
  #lengthBytes = 0
  /** Undefined while the head has not come whole. */
  #payload: Uint8Array | undefined
  #filled = 0

  constructor(options: FrameParserOptions) {
    this.#options = options
  }

  /** True between two frames: where a stream may end. */
  get idle(): boolean {
    return this.#status === undefined && this.#lengthBytes === 0 && this.#payload === undefined
  }

  /** Frames that `bytes` complete. @throws DecodeError; the rest of the stream means nothing then. */
  *push(bytes: Uint8Array): Generator<Frame, void, undefined> {
    let at = 0
    while (at < bytes.length) {
      if (this.#payload === undefined) at = this.#readHead(bytes, at)
      else at = this.#readPayload(this.#payload, bytes, at)
      if (this.#payload !== undefined && this.#filled === this.#length) yield this.#take(this.#payload)
    }
  }

  #readHead(bytes: Uint8Array, start: number): number {
    let at = start
    if (this.#status === undefined) this.#status = this.#options.withStatus ? bytes[at++]! : 0
    if (this.#status === STATUS_END) {
      this.#payload = EMPTY_BYTES
      return at
    }
    while (at < bytes.length) {
      const byte = bytes[at++]!
      this.#length += (byte & 0x7f) * 2 ** (7 * this.#lengthBytes++)
      if (byte >= 0x80) {
        if (this.#lengthBytes === MAX_LENGTH_BYTES) throw new DecodeError('length of more than 4 bytes')
        continue
      }
      if (byte === 0 && this.#lengthBytes > 1) throw new DecodeError('length in more bytes than it needs')
      const max = this.#options.maxPayloadBytes(this.#status)
      if (this.#length > max) throw new FrameTooLongError(this.#length, max)
      this.#payload = new Uint8Array(Math.min(this.#length, FIRST_BUFFER_BYTES))
      break
    }
    return at
  }

  #readPayload(payload: Uint8Array, bytes: Uint8Array, at: number): number {
    const part = bytes.subarray(at, at + this.#length - this.#filled)
    const filled = this.#filled + part.length
    if (filled > payload.length) {
      const grown = new Uint8Array(Math.min(this.#length, Math.max(filled, 2 * payload.length)))
      grown.set(payload.subarray(0, this.#filled))
      this.#payload = grown
    }
    this.#payload!.set(part, this.#filled)
    this.#filled = filled
    return at + part.length
  }

  #take(payload: Uint8Array): Frame {
    const frame = { status: this.#status!, payload }
    this.#status = undefined
    this.#length = 0
    this.#lengthBytes = 0
    this.#payload = undefined
    this.#filled = 0
    return frame
  }
}

/** A frame announces more bytes than its place allows. */
export class FrameTooLongError extends DecodeError {
  constructor(length: number, max: number) {
    super(`a frame of ${length} bytes, more than ${max}`)
  }
}
