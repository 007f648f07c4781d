import { keccak256 } from '../../crypto/keccak.ts'
import { bytesToBigint } from '../../primitives/bytes.ts'
import { DecodeError } from '../../primitives/errors.ts'
import { decodeHeader, type HashedHeader } from '../../primitives/header.ts'
import { encodeRlp, encodeRlpList, type RlpReader } from '../../primitives/rlp.ts'
import { MAX_HEADER_BYTES, MAX_HEADERS } from './limits.ts'
import { decodeMessage, readItems } from './message.ts'

/** Headers in a row, or at equal distances, from one that is named by its hash or its number. */
export interface HeadersRequest {
  /** 32 bytes: a block on any branch; a number: a block of the canonical chain. */
  readonly start: Uint8Array | number
  /** 1 to MAX_HEADERS, the first included. */
  readonly count: number
  /** Headers left out between two. */
  readonly skip: number
  /** Towards genesis; otherwise up the canonical chain. */
  readonly reverse: boolean
}

/** Bytes of the longest request. */
export const MAX_HEADERS_REQUEST_BYTES = 64
/** As many of the longest as may be asked for, in a list. */
const MAX_HEADERS_BYTES = MAX_HEADERS * MAX_HEADER_BYTES + 4

export function encodeHeadersRequest({ start, count, skip, reverse }: HeadersRequest): Uint8Array {
  return encodeRlp([start, count, skip, reverse ? 1 : 0])
}

/** @throws DecodeError */
export function decodeHeadersRequest(bytes: Uint8Array): HeadersRequest {
  return decodeMessage(bytes, MAX_HEADERS_REQUEST_BYTES, (fields) => {
    const start = readStart(fields)
    const count = fields.number('count')
    if (count < 1 || count > MAX_HEADERS) throw new DecodeError(`count ${count} is not between 1 and ${MAX_HEADERS}`)
    const skip = fields.number('skip')
    const reverse = fields.number('reverse')
    if (reverse > 1) throw new DecodeError(`reverse ${reverse}`)
    return { start, count, skip, reverse: reverse === 1 }
  })
}

function readStart(fields: RlpReader): Uint8Array | number {
  const bytes = fields.bytes()
  if (bytes.length === 32) return bytes.slice()
  if (bytes.length > 8) throw new DecodeError(`start has ${bytes.length} bytes`)
  if (bytes[0] === 0) throw new DecodeError('start has a leading zero')
  const number = bytesToBigint(bytes)
  if (number > BigInt(Number.MAX_SAFE_INTEGER)) throw new DecodeError('start is above 2^53 - 1')
  return Number(number)
}

/** @param encoded  each header's RLP. */
export function encodeHeaders(encoded: readonly Uint8Array[]): Uint8Array {
  return encodeRlpList(encoded)
}

/** Cost: about 8 µs a header, its hash included. @throws DecodeError */
export function decodeHeaders(bytes: Uint8Array): HashedHeader[] {
  return decodeMessage(bytes, MAX_HEADERS_BYTES, (fields) => readItems(fields, MAX_HEADERS, readHashedHeader))
}

/** The next item, a header. Its encoding is the only one it has, so the bytes as they came are what is hashed. */
export function readHashedHeader(fields: RlpReader): HashedHeader {
  return hashedHeader(fields.raw())
}

function hashedHeader(raw: Uint8Array): HashedHeader {
  if (raw.length > MAX_HEADER_BYTES) throw new DecodeError(`header of ${raw.length} bytes`)
  const header = decodeHeader(raw)
  return { hash: keccak256(raw), header }
}

/** A header alone, as light nodes are told of a new block: `encodeHeader` writes it. @throws DecodeError */
export function decodeHeaderAnnouncement(bytes: Uint8Array): HashedHeader {
  return hashedHeader(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length))
}
