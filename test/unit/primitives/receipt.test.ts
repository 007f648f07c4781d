import { describe, expect, it } from 'vitest'
import { logsBloom } from '../../../src/crypto/hashes.ts'
import { concatBytes, toHex } from '../../../src/primitives/bytes.ts'
import { DecodeError } from '../../../src/primitives/errors.ts'
import {
  decodeStoredReceipts,
  decodeStoredReceiptsAt,
  EMPTY_BLOOM,
  encodeReceipt,
  encodeStoredReceipts,
  placeReceipts,
  placeReceiptsAt,
  type Receipt,
} from '../../../src/primitives/receipt.ts'
import { encodeRlp, type RlpInput } from '../../../src/primitives/rlp.ts'

const log = {
  address: new Uint8Array(20).fill(1),
  topics: [new Uint8Array(32).fill(2), new Uint8Array(32).fill(3)],
  data: Uint8Array.of(4, 5),
}
const receipts: readonly Receipt[] = [
  { type: 0, status: 1, cumulativeGasUsed: 21_000n, logs: [] },
  { type: 2, status: 0, cumulativeGasUsed: 60_000n, logs: [log, { ...log, topics: [], data: new Uint8Array() }] },
  { type: 1, status: 1, cumulativeGasUsed: 90_000n, logs: [log] },
]

describe('receipts', () => {
  it('are encoded as status, gas, bloom and logs, behind their type', () => {
    const [plain, typed] = receipts
    const payload = encodeRlp([1n, 21_000n, EMPTY_BLOOM, []])
    expect(encodeReceipt(plain!, EMPTY_BLOOM)).toEqual(payload)
    const bloom = logsBloom(typed!.logs)
    const logs = typed!.logs.map(({ address, topics, data }) => [address, [...topics], data])
    const expected = concatBytes(Uint8Array.of(2), encodeRlp([0n, 60_000n, bloom, logs]))
    expect(encodeReceipt(typed!, bloom)).toEqual(expected)
  })

  it('come back from the store, where types are not kept', () => {
    const types = receipts.map(({ type }) => type)
    expect(decodeStoredReceipts(encodeStoredReceipts(receipts), types)).toEqual(receipts)
    expect(decodeStoredReceipts(encodeStoredReceipts([]), [])).toEqual([])
  })

  it.each([[[0]], [[1]], [[2]], [[0, 2]], [[1, 2]], [[0, 1, 2]], [[]]])(
    'are read at %j as they are read together',
    (places) => {
      const encoded = encodeStoredReceipts(receipts)
      const placed = placeReceipts(receipts).filter((_, index) => places.includes(index))
      const types = placed.map(({ receipt }) => receipt.type)
      expect(decodeStoredReceiptsAt(encoded, places, types)).toEqual(placed)
      expect(placeReceiptsAt(receipts, places)).toEqual(placed)
    },
  )

  it('are refused at a place that the block does not have', () => {
    const encoded = encodeStoredReceipts(receipts)
    expect(() => decodeStoredReceiptsAt(encoded, [1, receipts.length], [2, 0])).toThrow(DecodeError)
  })

  it('are refused when there are not as many as transactions', () => {
    const encoded = encodeStoredReceipts(receipts)
    expect(() => decodeStoredReceipts(encoded, [0, 2])).toThrow(DecodeError)
    expect(() => decodeStoredReceipts(encoded, [0, 2, 1, 0])).toThrow(DecodeError)
  })

  it.each<[string, RlpInput]>([
    ['status 2', [2n, 1n, []]],
    ['a field too many', [1n, 1n, [], 0n]],
    ['a short log address', [1n, 1n, [[new Uint8Array(19), [], new Uint8Array()]]]],
    ['a short topic', [1n, 1n, [[log.address, [new Uint8Array(31)], new Uint8Array()]]]],
    ['a log with a field too many', [1n, 1n, [[log.address, [], new Uint8Array(), 0n]]]],
    ['gas of 2^64', [1n, 2n ** 64n, []]],
  ])('are refused with %s', (_, stored) => {
    expect(() => decodeStoredReceipts(encodeRlp([stored]), [0])).toThrow(DecodeError)
  })
})

describe('the bloom of logs', () => {
  it('has three bits for the address and for each topic', () => {
    const bits = (bloom: Uint8Array) =>
      bloom.reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0)
    expect(logsBloom([])).toEqual(EMPTY_BLOOM)
    expect(bits(logsBloom([{ ...log, topics: [] }]))).toBe(3)
    expect(bits(logsBloom([log]))).toBe(9)
  })

  it('sets bits from the low end, by the first three pairs of the hash', () => {
    // keccak256 of 20 zero bytes starts 5380c7b7ae81…: bits 0x380, 0x7b7, 0x681.
    const bloom = logsBloom([{ address: new Uint8Array(20), topics: [], data: new Uint8Array() }])
    const expected = new Uint8Array(256)
    for (const bit of [0x380, 0x7b7, 0x681]) expected[255 - (bit >> 3)]! |= 1 << (bit & 7)
    expect(toHex(bloom)).toBe(toHex(expected))
  })
})
