import { decodeRlp as ethersDecode, encodeRlp as ethersEncode } from 'ethers'
import fc from 'fast-check'
import { fromRlp, toRlp, keccak256 as viemKeccak256 } from 'viem'
import { describe, expect, it } from 'vitest'
import { keccak256, keccak256Key } from '../../src/crypto/keccak.ts'
import { fromKey, toHex } from '../../src/primitives/bytes.ts'
import { decodeRlp, encodeRlp, encodeRlpNumbers, type RlpItem, rlpLength } from '../../src/primitives/rlp.ts'
import { rlpItem } from '../support/arbitraries.ts'

type HexItem = `0x${string}` | HexItem[]

function toHexItem(item: RlpItem): HexItem {
  return item instanceof Uint8Array ? (toHex(item) as `0x${string}`) : item.map(toHexItem)
}

describe('RLP', () => {
  it("encodes as viem's and ethers' does", () => {
    fc.assert(
      fc.property(rlpItem, (item) => {
        const encoded = encodeRlp(item)
        expect(toHex(encoded)).toBe(toRlp(toHexItem(item)))
        expect(toHex(encoded)).toBe(ethersEncode(toHexItem(item)))
        expect(encoded).toHaveLength(rlpLength(item))
      }),
      { numRuns: 300 },
    )
  })

  it('encodes lists of numbers by themselves as within others', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.nat(300), fc.maxSafeNat()), { maxLength: 40 }), (numbers) => {
        expect(encodeRlpNumbers(numbers)).toEqual(encodeRlp(numbers))
      }),
      { numRuns: 300 },
    )
  })

  it('decodes to what was encoded, by us, viem and ethers', () => {
    fc.assert(
      fc.property(rlpItem, (item) => {
        const encoded = encodeRlp(item)
        expect(decodeRlp(encoded)).toEqual(item)
        expect(fromRlp(encoded, 'hex')).toEqual(toHexItem(item))
        expect(ethersDecode(encoded)).toEqual(toHexItem(item))
      }),
      { numRuns: 300 },
    )
  })
})

describe('keccak256', () => {
  it("is viem's, at all sizes", () => {
    const size = fc.oneof(fc.nat(300), fc.constantFrom(63, 64, 65, 135, 136, 137, 271, 272, 16_384, 16_385, 100_000))
    fc.assert(
      fc.property(size, fc.nat(255), (length, first) => {
        const data = Uint8Array.from({ length }, (_, i) => first + i * 7)
        const expected = viemKeccak256(data)
        expect(toHex(keccak256(data))).toBe(expected)
        expect(toHex(keccak256(data.subarray(0)))).toBe(expected)
        expect(toHex(fromKey(keccak256Key(data)))).toBe(expected)
      }),
      { numRuns: 300 },
    )
  })

  it('gives digests that later ones do not overwrite', () => {
    const first = keccak256(Uint8Array.of(1))
    const copy = first.slice()
    keccak256(Uint8Array.of(2))
    expect(first).toEqual(copy)
  })
})
