import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  bigintByteLength,
  bigintToBytes,
  bytesToBigint,
  compareBytes,
  concatBytes,
  equalBytes,
  fromHex,
  fromKey,
  keyAt,
  outsideHeap,
  toHex,
  toKey,
  uint64ToBytes,
  writeBigint,
  writeKey,
} from '../../../src/primitives/bytes.ts'

/** Sizes on both sides of what V8 keeps on its heap. */
const bytes = fc.uint8Array({ maxLength: 100 })
const uint = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 264n }),
  fc.integer({ min: 0, max: 264 }).map((n) => 2n ** BigInt(n)),
  fc.integer({ min: 0, max: 264 }).map((n) => 2n ** BigInt(n) - 1n),
)

describe('hex', () => {
  it('comes back as the bytes it was', () => {
    fc.assert(
      fc.property(bytes, (data) => {
        const hex = toHex(data)
        expect(hex).toBe(`0x${Buffer.from(data).toString('hex')}`)
        expect(fromHex(hex)).toEqual(data)
        expect(fromHex(hex.slice(2).toUpperCase())).toEqual(data)
      }),
    )
  })

  it('of a view covers only the view', () => {
    const whole = Uint8Array.from({ length: 200 }, (_, i) => i)
    expect(toHex(whole.subarray(5, 8))).toBe('0x050607')
    expect(toHex(whole.subarray(10, 110))).toBe(`0x${Buffer.from(whole).toString('hex').slice(20, 220)}`)
  })

  it('is refused when it is none', () => {
    for (const text of [
      '0',
      '0x0',
      'xy',
      '0x0g',
      ' 00',
      '00\n',
      '0x0x00',
      '0\u0130',
      `${'00'.repeat(100)}zz`,
      `${'00'.repeat(100)}\u0130\u0130`,
    ]) {
      expect(() => fromHex(text), text).toThrow(TypeError)
    }
    expect(fromHex('')).toHaveLength(0)
    expect(fromHex('0x')).toHaveLength(0)
  })

  it('may be as long as a whole block', () => {
    const hex = 'ab'.repeat(8_000_000)
    expect(fromHex(hex)).toHaveLength(8_000_000)
    expect(() => fromHex(`${hex}z0`)).toThrow(TypeError)
  })
})

describe('keys', () => {
  it('hold one character per byte and come back', () => {
    fc.assert(
      fc.property(bytes, fc.nat(5), (data, offset) => {
        const key = toKey(data)
        expect(key).toBe(Buffer.from(data).toString('latin1'))
        expect(fromKey(key)).toEqual(data)
        expect(keyAt(concatBytes(new Uint8Array(offset), data, Uint8Array.of(1)), offset, offset + data.length)).toBe(
          key,
        )
        const target = new Uint8Array(offset + data.length)
        writeKey(target, key, offset)
        expect(target).toEqual(concatBytes(new Uint8Array(offset), data))
      }),
    )
  })

  it('order as their bytes do', () => {
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        const [keyA, keyB] = [toKey(a), toKey(b)]
        expect(Math.sign(compareBytes(a, b))).toBe(keyA < keyB ? -1 : keyA > keyB ? 1 : 0)
        expect(equalBytes(a, b)).toBe(keyA === keyB)
      }),
    )
  })
})

describe('numbers', () => {
  it('are big-endian, minimal or padded', () => {
    fc.assert(
      fc.property(uint, fc.nat(3), (value, padding) => {
        const minimal = bigintToBytes(value)
        expect(minimal).toHaveLength(bigintByteLength(value))
        expect(minimal[0]).not.toBe(0)
        expect(BigInt(value === 0n ? 0n : toHex(minimal))).toBe(value)
        expect(bytesToBigint(minimal)).toBe(value)
        const padded = bigintToBytes(value, minimal.length + padding)
        expect(padded).toEqual(concatBytes(new Uint8Array(padding), minimal))
        expect(bytesToBigint(padded)).toBe(value)
      }),
    )
  })

  it('are cut to their low bytes by writeBigint only', () => {
    const target = new Uint8Array(4).fill(9)
    writeBigint(target, 0x123456n, 1, 2)
    expect(target).toEqual(Uint8Array.of(9, 0x34, 0x56, 9))
    expect(() => bigintToBytes(0x123456n, 2)).toThrow(RangeError)
    expect(() => bigintToBytes(-1n)).toThrow(RangeError)
  })

  it('of 64 bits have eight bytes', () => {
    expect(toHex(uint64ToBytes(Number.MAX_SAFE_INTEGER))).toBe('0x001fffffffffffff')
  })
})

describe('outsideHeap', () => {
  it('gives the same bytes, and large arrays themselves', () => {
    for (const length of [0, 1, 63, 64, 65]) {
      const data = Uint8Array.from({ length }, (_, i) => i + 1)
      expect(outsideHeap(data)).toEqual(data)
      expect(outsideHeap(data) === data).toBe(length > 64)
      expect(outsideHeap(outsideHeap(data))).toEqual(data)
    }
  })
})
