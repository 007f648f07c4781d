import { keccak_256 } from '@noble/hashes/sha3.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HASHER_BYTES, Hasher, keccak256, keccak256Key, MAX_JOBS } from '../../../src/crypto/keccak.ts'
import { WebAssembly } from '../../../src/crypto/web-assembly.ts'
import { fromKey, toHex } from '../../../src/primitives/bytes.ts'

function message(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + length) & 0xff)
}

describe('keccak256', () => {
  it('has the digests that everybody knows', () => {
    const text = (characters: string) => toHex(keccak256(new TextEncoder().encode(characters)))
    expect(text('')).toBe('0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470')
    expect(text('abc')).toBe('0x4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45')
  })

  it('agrees with another implementation around every boundary of its blocks, and far beyond its first memory', () => {
    for (let length = 0; length <= 3 * 136 + 9; length++) {
      expect(keccak256(message(length))).toEqual(keccak_256(message(length)))
    }
    expect(fromKey(keccak256Key(message(1_000_000)))).toEqual(keccak_256(message(1_000_000)))
  })
})

describe('a hasher', () => {
  it('hashes messages of any lengths and places where they lie, however many at a time', () => {
    const memory = new WebAssembly.Memory({ initial: 16 })
    const hasher = new Hasher(memory)
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(600), fc.nat(7)), { maxLength: 40 }),
        fc.integer({ min: 1, max: 40 }),
        (shapes, perRun) => {
          let at = HASHER_BYTES
          const bytes = new Uint8Array(memory.buffer)
          const placed = shapes.map(([length, gap], i) => {
            const start = at + gap
            bytes.set(message(length), start)
            at = start + length + 32
            hasher.add(start, length, start + length)
            if (i % perRun === perRun - 1) hasher.run()
            return { start, length }
          })
          hasher.run()
          for (const { start, length } of placed) {
            expect(bytes.slice(start + length, start + length + 32)).toEqual(keccak_256(message(length)))
          }
        },
      ),
      { numRuns: 200 },
    )
  })

  it('goes on by itself once it holds as many as it can, and in a memory that has grown', () => {
    const memory = new WebAssembly.Memory({ initial: 1 })
    const hasher = new Hasher(memory)
    memory.grow(1)
    const bytes = new Uint8Array(memory.buffer)
    for (let i = 0; i < MAX_JOBS; i++) hasher.add(HASHER_BYTES, 0, HASHER_BYTES + 32 * i)
    expect(bytes.slice(HASHER_BYTES + 32, HASHER_BYTES + 64)).toEqual(keccak_256(new Uint8Array(0)))
  })
})
