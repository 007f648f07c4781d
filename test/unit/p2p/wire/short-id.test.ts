import { describe, expect, it } from 'vitest'
import { SHORT_ID_BYTES, ShortIds, shortIdNumber } from '../../../../src/p2p/wire/short-id.ts'
import { toHex } from '../../../../src/primitives/bytes.ts'

const headerHash = new Uint8Array(32).fill(1)
const nonce = new Uint8Array(8).fill(2)
const transactionHash = (byte: number) => new Uint8Array(32).fill(byte)

function idOf(ids: ShortIds, hash: Uint8Array): string {
  const id = new Uint8Array(SHORT_ID_BYTES)
  ids.write(hash, id, 0)
  return toHex(id)
}

describe('short ids', () => {
  it('are other ones under another nonce or header', () => {
    const ids = [
      new ShortIds(headerHash, nonce),
      new ShortIds(headerHash, new Uint8Array(8)),
      new ShortIds(nonce, nonce),
    ].map((of) => idOf(of, transactionHash(7)))
    expect(new Set(ids).size).toBe(3)
  })

  it('are found again by the number that their bytes stand for', () => {
    const ids = new ShortIds(headerHash, nonce)
    const packed = new Uint8Array(1 + 200 * SHORT_ID_BYTES).subarray(1)
    for (let i = 0; i < 200; i++) ids.write(transactionHash(i), packed, i * SHORT_ID_BYTES)
    const numbers = Array.from({ length: 200 }, (_, i) => shortIdNumber(packed, i))
    expect(numbers).toEqual(Array.from({ length: 200 }, (_, i) => ids.number(transactionHash(i))))
    expect(new Set(numbers).size).toBe(200)
    expect(numbers.every(Number.isSafeInteger)).toBe(true)
  })
})
