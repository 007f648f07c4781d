import { bigintByteLength, bytesToBigint, EMPTY_BYTES, writeBigint } from './bytes.ts'
import { DecodeError } from './errors.ts'

/**
 * Recursive Length Prefix, canonical form only: a non-minimal length, a leading zero in a number, or bytes after the
 * item are errors, so that every value has exactly one encoding and a hash commits to one value.
 * Source: Ethereum Yellow Paper, appendix B.
 */
export type RlpItem = Uint8Array | RlpItem[]
/** What can be encoded: bigints and numbers become minimal big-endian byte strings. */
export type RlpInput = Uint8Array | bigint | number | readonly RlpInput[]

/** Lists in lists at which `decodeRlp` gives up: an attacker's `c1c1c1…` must not exhaust the stack. */
const MAX_DEPTH = 1024

/** Length of the header that precedes a payload of `length` bytes (strings of one byte < 0x80 have none). */
export function rlpHeaderLength(length: number): number {
  return length < 56 ? 1 : 1 + byteLength(length)
}

function byteLength(value: number): number {
  return value < 0x100 ? 1 : value < 0x1_0000 ? 2 : value < 0x100_0000 ? 3 : value < 0x1_0000_0000 ? 4 : 5
}

/** Writes a string (`base` 0x80) or list (`base` 0xc0) header; returns the offset after it. */
export function writeRlpHeader(target: Uint8Array, offset: number, length: number, base: 0x80 | 0xc0): number {
  if (length < 56) {
    target[offset] = base + length
    return offset + 1
  }
  const size = byteLength(length)
  target[offset] = base + 55 + size
  let rest = length
  for (let i = size; i > 0; i--) {
    target[offset + i] = rest % 256
    rest = Math.floor(rest / 256)
  }
  return offset + 1 + size
}

function stringLength(bytes: Uint8Array): number {
  return bytes.length === 1 && bytes[0]! < 0x80 ? 1 : rlpHeaderLength(bytes.length) + bytes.length
}

function bigintLength(value: bigint): number {
  if (value < 0n) throw new RangeError(`RLP has no negative numbers: ${value}`)
  if (value < 0x80n) return 1
  const length = bigintByteLength(value)
  return rlpHeaderLength(length) + length
}

function payloadLength(items: readonly RlpInput[]): number {
  let length = 0
  for (const item of items) length += rlpLength(item)
  return length
}

/** Bytes that `encodeRlp(item)` will have. */
export function rlpLength(item: RlpInput): number {
  if (item instanceof Uint8Array) return stringLength(item)
  if (typeof item === 'bigint') return bigintLength(item)
  if (typeof item === 'number') return bigintLength(BigInt(item))
  const payload = payloadLength(item)
  return rlpHeaderLength(payload) + payload
}

function write(target: Uint8Array, offset: number, item: RlpInput): number {
  if (item instanceof Uint8Array) {
    if (item.length === 1 && item[0]! < 0x80) {
      target[offset] = item[0]!
      return offset + 1
    }
    const start = writeRlpHeader(target, offset, item.length, 0x80)
    target.set(item, start)
    return start + item.length
  }
  if (typeof item === 'bigint') return writeRlpBigint(target, offset, item)
  if (typeof item === 'number') return writeRlpBigint(target, offset, BigInt(item))
  let position = writeRlpHeader(target, offset, payloadLength(item), 0xc0)
  for (const child of item) position = write(target, position, child)
  return position
}

/** Writes `value` as an RLP string; returns the offset after it. */
export function writeRlpBigint(target: Uint8Array, offset: number, value: bigint): number {
  if (value > 0n && value < 0x80n) {
    target[offset] = Number(value)
    return offset + 1
  }
  const length = bigintByteLength(value)
  const start = writeRlpHeader(target, offset, length, 0x80)
  writeBigint(target, value, start, length)
  return start + length
}

/** A list of safe non-negative integers: quicker than `encodeRlp`, for the lists that indexes are full of. */
export function encodeRlpNumbers(numbers: readonly number[]): Uint8Array {
  let payload = 0
  for (const number of numbers) payload += number < 0x80 ? 1 : 1 + numberLength(number)
  const encoded = new Uint8Array(rlpHeaderLength(payload) + payload)
  let at = writeRlpHeader(encoded, 0, payload, 0xc0)
  for (const number of numbers) {
    if (number > 0 && number < 0x80) {
      encoded[at++] = number
      continue
    }
    const length = numberLength(number)
    encoded[at++] = 0x80 + length
    let rest = number
    for (let i = length - 1; i >= 0; i--) {
      encoded[at + i] = rest % 256
      rest = Math.floor(rest / 256)
    }
    at += length
  }
  return encoded
}

function numberLength(value: number): number {
  let length = 0
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) length++
  return length
}

export function encodeRlp(item: RlpInput): Uint8Array {
  const encoded = new Uint8Array(rlpLength(item))
  write(encoded, 0, item)
  return encoded
}

/** A list whose items are encoded already. */
export function encodeRlpList(encodedItems: readonly Uint8Array[]): Uint8Array {
  let payload = 0
  for (const item of encodedItems) payload += item.length
  const encoded = new Uint8Array(rlpHeaderLength(payload) + payload)
  let offset = writeRlpHeader(encoded, 0, payload, 0xc0)
  for (const item of encodedItems) {
    encoded.set(item, offset)
    offset += item.length
  }
  return encoded
}

/** Returned byte strings are views into `bytes`, not copies. @throws DecodeError unless `bytes` is exactly one item. */
export function decodeRlp(bytes: Uint8Array): RlpItem {
  const reader = new RlpReader(bytes)
  const item = readItem(reader, 0)
  reader.end()
  return item
}

function readItem(reader: RlpReader, depth: number): RlpItem {
  if (!reader.atList()) return reader.bytes()
  if (depth === MAX_DEPTH) throw new DecodeError(`RLP nested deeper than ${MAX_DEPTH}`)
  const list = reader.list()
  const items: RlpItem[] = []
  while (!list.done()) items.push(readItem(list, depth + 1))
  return items
}

/** A prime, so that round amounts spread over all of them. */
const SHARED_SLOTS = 251
const sharedNumbers = new Float64Array(SHARED_SLOTS)
const sharedBigints: bigint[] = Array.from(sharedNumbers, () => 0n)

/**
 * Equal numbers are mostly one object: transactions in memory have chain id, prices and gas in common, and a bigint of their
 * own for each would be a quarter of what they take.
 */
function sharedBigint(value: number): bigint {
  const slot = value % SHARED_SLOTS
  if (sharedNumbers[slot] !== value) {
    sharedNumbers[slot] = value
    sharedBigints[slot] = BigInt(value)
  }
  return sharedBigints[slot]!
}

/**
 * Cursor over RLP that checks canonical form as it goes, without building a tree first.
 * Every method throws DecodeError on input that is malformed or of another kind than asked for.
 */
export class RlpReader {
  readonly #source: Uint8Array
  readonly #limit: number
  #offset: number
  /** Payload bounds of the item that `#header` parsed last. */
  #start = 0
  #end = 0
  #isList = false

  constructor(source: Uint8Array, offset = 0, limit = source.length) {
    this.#source = plain(source)
    this.#offset = offset
    this.#limit = limit
  }

  /** True when nothing is left. */
  done(): boolean {
    return this.#offset === this.#limit
  }

  /** @throws DecodeError if something is left. */
  end(): void {
    if (!this.done()) throw new DecodeError(`${this.#limit - this.#offset} bytes after the last item`)
  }

  /** True when the next item is a list. */
  atList(): boolean {
    return this.#offset < this.#limit && this.#source[this.#offset]! >= 0xc0
  }

  #header(): void {
    const source = this.#source
    const at = this.#offset
    if (at >= this.#limit) throw new DecodeError('RLP ends early')
    const first = source[at]!
    this.#isList = first >= 0xc0
    if (first < 0x80) {
      this.#start = at
      this.#end = at + 1
      this.#offset = this.#end
      return
    }
    const short = first - (this.#isList ? 0xc0 : 0x80)
    if (short < 56) {
      this.#start = at + 1
      this.#end = this.#start + short
      if (this.#end > this.#limit) throw new DecodeError('RLP ends early')
      if (short === 1 && !this.#isList && source[at + 1]! < 0x80) throw new DecodeError('single byte with a header')
    } else {
      const size = short - 55
      this.#start = at + 1 + size
      if (this.#start > this.#limit) throw new DecodeError('RLP ends early')
      if (source[at + 1] === 0) throw new DecodeError('length with a leading zero')
      let length = 0
      for (let i = 1; i <= size; i++) length = length * 256 + source[at + i]!
      if (length < 56) throw new DecodeError('long form for a short length')
      this.#end = this.#start + length
      if (this.#end > this.#limit) throw new DecodeError('RLP ends early')
    }
    this.#offset = this.#end
  }

  /** The next item, a string, as a view. */
  bytes(): Uint8Array {
    this.#header()
    if (this.#isList) throw new DecodeError('list where a string belongs')
    return this.#start === this.#end ? EMPTY_BYTES : this.#source.subarray(this.#start, this.#end)
  }

  /** The next item, a string of exactly `length` bytes, as a view. */
  fixed(length: number, name: string): Uint8Array {
    const bytes = this.bytes()
    if (bytes.length !== length) throw new DecodeError(`${name} has ${bytes.length} bytes, not ${length}`)
    return bytes
  }

  /** The next item, an unsigned number of at most `maxBytes` bytes. */
  bigint(maxBytes: number, name: string): bigint {
    this.#header()
    this.#checkNumber(maxBytes, name)
    const length = this.#end - this.#start
    if (length <= 6) {
      let small = 0
      for (let i = this.#start; i < this.#end; i++) small = small * 256 + this.#source[i]!
      return sharedBigint(small)
    }
    return bytesToBigint(this.#source.subarray(this.#start, this.#end))
  }

  /** The next item, an unsigned number up to 2^53 - 1. */
  number(name: string): number {
    this.#header()
    this.#checkNumber(8, name)
    let value = 0
    for (let i = this.#start; i < this.#end; i++) value = value * 256 + this.#source[i]!
    if (value > Number.MAX_SAFE_INTEGER) throw new DecodeError(`${name} is above 2^53 - 1`)
    return value
  }

  /** Where in the source the next item begins. */
  get offset(): number {
    return this.#offset
  }

  /** Passes over the next item, an unsigned number of at most `maxBytes` bytes. */
  skipUint(maxBytes: number, name: string): void {
    this.#header()
    this.#checkNumber(maxBytes, name)
  }

  /** The next item, an unsigned number of at most `maxBytes` bytes, left as big-endian bytes. */
  uintBytes(maxBytes: number, name: string): Uint8Array {
    this.#header()
    this.#checkNumber(maxBytes, name)
    return this.#source.subarray(this.#start, this.#end)
  }

  #checkNumber(maxBytes: number, name: string): void {
    if (this.#isList) throw new DecodeError(`${name} is a list`)
    if (this.#end - this.#start > maxBytes) throw new DecodeError(`${name} is longer than ${maxBytes} bytes`)
    if (this.#end > this.#start && this.#source[this.#start] === 0) throw new DecodeError(`${name} has a leading zero`)
  }

  /** The next item, a list, as a reader of its own. */
  list(): RlpReader {
    this.#header()
    if (!this.#isList) throw new DecodeError('string where a list belongs')
    return new RlpReader(this.#source, this.#start, this.#end)
  }

  /** Passes over the next item, its content unchecked. */
  skip(): void {
    this.#header()
  }

  /** The next item whole, header included, as a view. */
  raw(): Uint8Array {
    const at = this.#offset
    this.#header()
    return this.#source.subarray(at, this.#end)
  }
}

/** Node's Buffer is a Uint8Array whose `slice` shares: who copies what a reader gives would keep the whole source alive. */
function plain(bytes: Uint8Array): Uint8Array {
  if (bytes.constructor === Uint8Array) return bytes
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
}
