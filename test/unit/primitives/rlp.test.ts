import { describe, expect, it } from 'vitest'
import { bigintToBytes, concatBytes, fromHex, toHex } from '../../../src/primitives/bytes.ts'
import { DecodeError } from '../../../src/primitives/errors.ts'
import {
  decodeRlp,
  encodeRlp,
  encodeRlpList,
  type RlpInput,
  RlpReader,
  rlpHeaderLength,
  rlpLength,
  writeRlpBigint,
} from '../../../src/primitives/rlp.ts'

function filled(length: number): Uint8Array {
  return new Uint8Array(length).fill(0xee)
}

/** Hex of `encoded` up to the first filled byte. */
function header(encoded: Uint8Array): string {
  return toHex(encoded.subarray(0, encoded.indexOf(0xee)))
}

describe('RLP encoding', () => {
  it.each<[string, RlpInput, string]>([
    ['the empty string', filled(0), '80'],
    ['a byte below 0x80, as itself', Uint8Array.of(0x7f), '7f'],
    ['a zero byte, as itself', Uint8Array.of(0), '00'],
    ['a byte of 0x80', Uint8Array.of(0x80), '8180'],
    ['zero, as the empty string', 0n, '80'],
    ['small numbers', [1, 127, 128n, 256], 'c7017f8180820100'],
    ['the empty list', [], 'c0'],
    ['lists in lists', [[], [[]], [[], [[]]]], 'c7c0c1c0c3c0c1c0'],
  ])('%s', (_, value, hex) => {
    expect(toHex(encodeRlp(value))).toBe(`0x${hex}`)
    expect(rlpLength(value)).toBe(hex.length / 2)
  })

  it('writes lengths from 56 on after a length of the length', () => {
    expect(header(encodeRlp(filled(55)))).toBe('0xb7')
    expect(header(encodeRlp(filled(56)))).toBe('0xb838')
    expect(header(encodeRlp(filled(255)))).toBe('0xb8ff')
    expect(header(encodeRlp(filled(256)))).toBe('0xb90100')
    expect(header(encodeRlp(filled(0x10000)))).toBe('0xba010000')
    expect(header(encodeRlp(filled(0x1000000)))).toBe('0xbb01000000')
    expect(header(encodeRlp([filled(54)]))).toBe('0xf7b6')
    expect(header(encodeRlp([filled(55)]))).toBe('0xf838b7')
    expect([55, 56, 255, 256, 2 ** 24, 2 ** 32].map(rlpHeaderLength)).toEqual([1, 2, 2, 3, 5, 6])
  })

  it('holds for numbers of any size, like strings', () => {
    for (const value of [2n ** 440n - 1n, 2n ** 440n, 2n ** 2048n]) {
      expect(encodeRlp(value)).toEqual(encodeRlp(bigintToBytes(value)))
      const target = new Uint8Array(rlpLength(value) + 2)
      expect(writeRlpBigint(target, 1, value)).toBe(target.length - 1)
      expect(target.subarray(1, -1)).toEqual(encodeRlp(value))
    }
  })

  it('has no negative numbers', () => {
    expect(() => encodeRlp(-1n)).toThrow(RangeError)
    expect(() => encodeRlp([-1])).toThrow(RangeError)
  })

  it('joins items that are encoded already', () => {
    const items: RlpInput[] = [1n, filled(60), [filled(3)]]
    expect(encodeRlpList(items.map(encodeRlp))).toEqual(encodeRlp(items))
    expect(encodeRlpList([])).toEqual(encodeRlp([]))
  })
})

describe('RLP decoding', () => {
  it('gives strings and lists back', () => {
    const value = [filled(0), Uint8Array.of(5), [filled(100), []], filled(300)]
    expect(decodeRlp(encodeRlp(value))).toEqual(value)
  })

  it.each([
    ['nothing', ''],
    ['bytes after the item', '8080'],
    ['bytes after a list', 'c000'],
    ['a single byte with a header, 00', '8100'],
    ['a single byte with a header, 7f', '817f'],
    ['a single byte with a header, in a list', 'c28101'],
    ['a long form for an empty string', 'b800'],
    ['a long form for 55 bytes', `b837${'ee'.repeat(55)}`],
    ['a long form for a list of 55 bytes', `f837${'ee'.repeat(55)}`],
    ['a long form for an empty list', 'f800'],
    ['a length with a leading zero', `b90038${'ee'.repeat(56)}`],
    ['a list length with a leading zero', `f90038${'01'.repeat(56)}`],
    ['a string that ends early', '83eeee'],
    ['a list that ends early', 'c3eeee'],
    ['a long string that ends early', `b838${'ee'.repeat(55)}`],
    ['a length that is cut off', 'b9'],
    ['a length that is cut in two', 'b901'],
    ['a list length that is cut off', 'f8'],
    ['an item that sticks out of its list', 'c283eeeeee'],
    ['an item whose length sticks out of its list', 'c1b838'],
    ['a length of 2^64 - 1', 'bfffffffffffffffff'],
    ['a list length of 2^64 - 1', 'ffffffffffffffffff'],
    ['a length of 2^53', `be20000000000000${'ee'.repeat(60)}`],
    ['a length that wraps around 32 bits', `bc0100000038${'ee'.repeat(56)}`],
  ])('refuses %s', (_, hex) => {
    expect(() => decodeRlp(fromHex(hex))).toThrow(DecodeError)
  })

  it('refuses lists nested so deep that recursion would run out of stack', () => {
    const nested = (depth: number) => {
      let item = encodeRlp([])
      for (let i = 1; i < depth; i++) item = encodeRlpList([item])
      return item
    }
    expect(decodeRlp(nested(1024))).toHaveLength(1)
    expect(() => decodeRlp(nested(1025))).toThrow(DecodeError)
    expect(() => decodeRlp(nested(20_000))).toThrow(DecodeError)
  })
})

describe('RLP reader', () => {
  const read = (value: RlpInput) => new RlpReader(encodeRlp(value))

  it('reads a record field by field', () => {
    const fields = read([7n, filled(20), 2n ** 256n - 1n, 9, [1n, 2n], [[], 5n], 0n]).list()
    expect(fields.bigint(1, 'a')).toBe(7n)
    expect(fields.fixed(20, 'b')).toEqual(filled(20))
    expect(fields.bigint(32, 'c')).toBe(2n ** 256n - 1n)
    expect(fields.number('d')).toBe(9)
    expect(fields.atList()).toBe(true)
    expect(fields.raw()).toEqual(encodeRlp([1n, 2n]))
    const inner = fields.list()
    expect(inner.list().done()).toBe(true)
    expect(inner.atList()).toBe(false)
    expect(inner.uintBytes(1, 'e')).toEqual(Uint8Array.of(5))
    inner.end()
    expect(fields.done()).toBe(false)
    expect(() => fields.end()).toThrow(DecodeError)
    expect(fields.bytes()).toHaveLength(0)
    fields.end()
    expect(() => fields.bytes()).toThrow(DecodeError)
    expect(() => fields.list()).toThrow(DecodeError)
    expect(() => fields.raw()).toThrow(DecodeError)
    expect(fields.atList()).toBe(false)
  })

  it('refuses another kind than asked for', () => {
    expect(() => read([]).bytes()).toThrow(DecodeError)
    expect(() => read([]).bigint(32, 'n')).toThrow(DecodeError)
    expect(() => read([]).number('n')).toThrow(DecodeError)
    expect(() => read([]).uintBytes(32, 'n')).toThrow(DecodeError)
    expect(() => read(1n).list()).toThrow(DecodeError)
    expect(() => read(filled(19)).fixed(20, 'address')).toThrow('address has 19 bytes, not 20')
    expect(() => read(filled(21)).fixed(20, 'address')).toThrow(DecodeError)
  })

  it('refuses numbers with leading zeros or too many bytes', () => {
    for (const zeros of [Uint8Array.of(0), Uint8Array.of(0, 1), Uint8Array.of(0, 0x80)]) {
      expect(() => read(zeros).bigint(32, 'n')).toThrow('n has a leading zero')
      expect(() => read(zeros).number('n')).toThrow(DecodeError)
      expect(() => read(zeros).uintBytes(32, 'n')).toThrow(DecodeError)
    }
    expect(read(2n ** 64n - 1n).bigint(8, 'n')).toBe(2n ** 64n - 1n)
    expect(() => read(2n ** 64n).bigint(8, 'n')).toThrow('n is longer than 8 bytes')
    expect(read(Number.MAX_SAFE_INTEGER).number('n')).toBe(Number.MAX_SAFE_INTEGER)
    expect(() => read(2n ** 53n).number('n')).toThrow(DecodeError)
    expect(() => read(2n ** 64n - 1n).number('n')).toThrow(DecodeError)
    expect(() => read(2n ** 64n).number('n')).toThrow(DecodeError)
  })

  it('keeps to the bounds it was given', () => {
    const bytes = concatBytes(Uint8Array.of(2), encodeRlp([1n]), Uint8Array.of(3))
    const reader = new RlpReader(bytes, 1, 3)
    expect(reader.list().bigint(1, 'n')).toBe(1n)
    reader.end()
    expect(() => new RlpReader(bytes, 1, 2).list()).toThrow(DecodeError)
  })
})
