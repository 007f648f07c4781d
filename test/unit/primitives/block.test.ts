import { describe, expect, it } from 'vitest'
import { keccak256 } from '../../../src/crypto/keccak.ts'
import {
  blockLength,
  decodeBlock,
  decodeTransactions,
  decodeTransactionsAt,
  encodeBlock,
  encodeTransactions,
} from '../../../src/primitives/block.ts'
import { toHex } from '../../../src/primitives/bytes.ts'
import { DecodeError, TxError } from '../../../src/primitives/errors.ts'
import { decodeHeader, EMPTY_OMMERS_HASH, encodeHeader, headerFields } from '../../../src/primitives/header.ts'
import { encodeRlp, encodeRlpList, type RlpInput } from '../../../src/primitives/rlp.ts'
import { sampleHeader } from '../../support/blocks.ts'
import { signedTransfer } from '../../support/transactions.ts'

const legacy = signedTransfer({ type: 0 })
const typed = signedTransfer({ type: 2, data: new Uint8Array(200).fill(1) })
const header = sampleHeader()
const NO_OMMERS = encodeRlp([])

describe('headers', () => {
  it('come back as they were, and keep nothing of the buffer alive', () => {
    // A Buffer's own slices share its memory.
    for (const encoded of [encodeHeader(header), Buffer.from(encodeHeader(header))]) {
      const decoded = decodeHeader(encoded)
      expect(decoded).toEqual(header)
      encoded.fill(0)
      expect(decoded).toEqual(header)
    }
  })

  it('may have extra data of any length', () => {
    for (const length of [0, 1, 97, 1000]) {
      const long = sampleHeader({ extraData: new Uint8Array(length).fill(9) })
      expect(decodeHeader(encodeHeader(long))).toEqual(long)
    }
  })

  it.each<[string, number, RlpInput]>([
    ['a short parent hash', 0, new Uint8Array(31)],
    ['a long miner', 2, new Uint8Array(21)],
    ['a short bloom', 6, new Uint8Array(255)],
    ['a difficulty of 2^256', 7, 2n ** 256n],
    ['a number of 2^53', 8, 2n ** 53n],
    ['a number with a leading zero', 8, Uint8Array.of(0, 7)],
    ['a gas limit of 2^64', 9, 2n ** 64n],
    ['gas used of 2^64', 10, 2n ** 64n],
    ['a timestamp of 2^53', 11, 2n ** 53n],
    ['extra data that is a list', 12, []],
    ['a short mix hash', 13, new Uint8Array(31)],
    ['a nonce of 7 bytes', 14, new Uint8Array(7)],
    ['a base fee of 2^256', 15, 2n ** 256n],
  ])('are refused with %s', (_, place, value) => {
    expect(() => decodeHeader(encodeRlp(headerFields(header).with(place, value)))).toThrow(DecodeError)
  })

  it('have exactly the 16 fields of London', () => {
    const fields = headerFields(header)
    expect(fields).toHaveLength(16)
    expect(() => decodeHeader(encodeRlp(fields.slice(0, 15)))).toThrow(DecodeError)
    expect(() => decodeHeader(encodeRlp([...fields, new Uint8Array(32)]))).toThrow(DecodeError)
    expect(() => decodeHeader(Uint8Array.of(...encodeRlp(fields), 0))).toThrow(DecodeError)
  })

  it('commit to no ommers by the hash of the empty list', () => {
    expect(toHex(EMPTY_OMMERS_HASH)).toBe(toHex(keccak256(NO_OMMERS)))
  })
})

describe('blocks', () => {
  const transactions = [legacy, typed]
  const body = encodeTransactions(transactions)

  it('come back as they were, with their size', () => {
    for (const list of [transactions, []]) {
      const encodedList = encodeTransactions(list)
      const encoded = encodeBlock({ header, body: encodedList })
      const sizeBytes = encoded.length
      expect(decodeBlock(encoded)).toEqual({ header, transactions: list, body: encodedList, sizeBytes })
      expect(blockLength(header, encodedList)).toBe(sizeBytes)
    }
  })

  it('hold legacy transactions as lists and typed ones as strings', () => {
    expect(body).toEqual(encodeRlpList([legacy.raw, encodeRlp(typed.raw)]))
    expect(decodeTransactions(body)).toEqual(transactions)
  })

  it('are found by their places, the others left alone', () => {
    const transactions = decodeTransactions(body)
    expect(decodeTransactionsAt(body, [0, 1])).toEqual(transactions)
    expect(decodeTransactionsAt(body, [1])).toEqual([transactions[1]])
    expect(decodeTransactionsAt(body, [0, 2])).toEqual([transactions[0]])
    expect(decodeTransactionsAt(body, [])).toEqual([])
  })

  it('have one encoding: a legacy transaction in a string is refused', () => {
    expect(() => decodeTransactions(encodeRlp([legacy.raw]))).toThrow(DecodeError)
  })

  it.each<[string, Uint8Array]>([
    ['an empty string', encodeRlp([new Uint8Array()])],
    ['a string of RLP', encodeRlp([Uint8Array.of(0x83, 1, 2, 3)])],
    ['bytes after the list', Uint8Array.of(...body, 0xc0)],
    ['a string in place of the list', encodeRlp(new Uint8Array())],
  ])('refuse %s among the transactions', (_, encoded) => {
    expect(() => decodeTransactions(encoded)).toThrow(DecodeError)
  })

  it('refuse an unknown type', () => {
    expect(() => decodeTransactions(encodeRlp([Uint8Array.of(5, 0xc0)]))).toThrow(TxError)
  })

  it('have no ommers, and nothing after them', () => {
    const parts = [encodeHeader(header), body]
    expect(() => decodeBlock(encodeRlpList([...parts, encodeRlpList([encodeHeader(header)])]))).toThrow('ommers')
    expect(() => decodeBlock(encodeRlpList(parts))).toThrow(DecodeError)
    expect(() => decodeBlock(encodeRlpList([...parts, encodeRlp(new Uint8Array())]))).toThrow(DecodeError)
    expect(() => decodeBlock(encodeRlpList([...parts, NO_OMMERS, NO_OMMERS]))).toThrow(DecodeError)
    expect(() => decodeBlock(Uint8Array.of(...encodeBlock({ header, body }), 0))).toThrow(DecodeError)
  })
})
