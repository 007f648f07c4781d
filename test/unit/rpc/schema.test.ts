import { describe, expect, test } from 'vitest'
import { fromHex } from '../../../src/primitives/bytes.ts'
import { RpcError } from '../../../src/rpc/errors.ts'
import {
  address,
  arrayOf,
  blockNumber,
  blockRef,
  count,
  data,
  hash32,
  object,
  optional,
  type ParamType,
  paramsReader,
  percentile,
  quantity,
  storageKey,
} from '../../../src/rpc/schema.ts'

function parse<T>(type: ParamType<T>, value: unknown): T {
  return paramsReader({ it: type })([value]).it
}

function refusal(type: ParamType<unknown>, value: unknown): string {
  try {
    parse(type, value)
  } catch (error) {
    if (error instanceof RpcError && (error.code === -32602 || error.code === -32005)) return error.message
    throw error
  }
  throw new Error(`accepted ${JSON.stringify(value)}`)
}

const HASH = `0x${'ab'.repeat(32)}`

describe('quantities', () => {
  test('are read up to 256 bits', () => {
    expect(parse(quantity, '0x0')).toBe(0n)
    expect(parse(quantity, '0x1A')).toBe(26n)
    expect(parse(quantity, `0x${'f'.repeat(64)}`)).toBe(2n ** 256n - 1n)
  })

  test("that are not canonical hex are refused in geth's words", () => {
    expect(refusal(quantity, '2')).toMatch('hex string without 0x prefix')
    expect(refusal(quantity, '0x')).toMatch('hex string "0x"')
    expect(refusal(quantity, '0x01')).toMatch('leading zero')
    expect(refusal(quantity, '0xg')).toMatch('invalid hex string')
    expect(refusal(quantity, `0x1${'0'.repeat(64)}`)).toMatch('> 256 bits')
    expect(refusal(quantity, 5)).toMatch('not a hex string')
  })

  test('that count may be plain numbers', () => {
    expect(parse(count, 5)).toBe(5)
    expect(parse(count, '0x5')).toBe(5)
    for (const bad of [-1, 1.5, '0x20000000000000', true]) expect(refusal(count, bad)).toMatch('argument 0')
  })
})

describe('bytes', () => {
  test('of fixed length are refused one byte short or long', () => {
    expect(parse(address, `0x${'Ab'.repeat(20)}`)).toEqual(fromHex('ab'.repeat(20)))
    expect(refusal(address, `0x${'ab'.repeat(19)}`)).toMatch('has 19 bytes, want 20')
    expect(refusal(address, `0x${'ab'.repeat(21)}`)).toMatch('has 21 bytes, want 20')
    expect(parse(hash32, HASH)).toEqual(fromHex(HASH))
    expect(refusal(hash32, HASH.slice(0, -2))).toMatch('has 31 bytes, want 32')
  })

  test('need whole bytes', () => {
    expect(parse(data, '0x')).toEqual(new Uint8Array(0))
    expect(refusal(data, '0x123')).toMatch('odd length')
    expect(refusal(data, '12')).toMatch('without 0x prefix')
  })

  test('of a storage slot are padded, and shown as they were asked for', () => {
    expect(parse(storageKey, '0x1')).toEqual({ slot: fromHex('01'.padStart(64, '0')), shown: '0x1' })
    expect(parse(storageKey, '0x00Ab')).toMatchObject({ shown: '0x00Ab' })
    expect(parse(storageKey, HASH)).toEqual({ slot: fromHex(HASH), shown: HASH })
    expect(refusal(storageKey, `${HASH}0`)).toMatch('longer than 32 bytes')
  })
})

describe('blocks', () => {
  test('are numbers or tags', () => {
    for (const tag of ['latest', 'pending', 'earliest', 'safe', 'finalized'])
      expect(parse(blockNumber, tag)).toEqual({ tag })
    expect(parse(blockNumber, '0xa')).toEqual({ number: 10 })
    expect(refusal(blockNumber, 'newest')).toMatch('without 0x prefix')
    expect(refusal(blockNumber, '0x20000000000000')).toMatch('larger than 2^53 - 1')
    expect(refusal(blockNumber, HASH)).toMatch('block number larger')
  })

  test('whose state is asked for may also be hashes or EIP-1898 objects', () => {
    const hash = fromHex(HASH)
    expect(parse(blockRef, 'safe')).toEqual({ tag: 'safe' })
    expect(parse(blockRef, HASH)).toEqual({ hash })
    expect(parse(blockRef, { blockNumber: '0xa' })).toEqual({ number: 10 })
    expect(parse(blockRef, { blockNumber: 'earliest' })).toEqual({ tag: 'earliest' })
    expect(parse(blockRef, { blockHash: HASH })).toEqual({ hash, requireCanonical: false })
    expect(parse(blockRef, { blockHash: HASH, requireCanonical: true })).toEqual({ hash, requireCanonical: true })
    expect(refusal(blockRef, { blockHash: HASH, blockNumber: '0x1' })).toMatch('cannot specify both')
    expect(refusal(blockRef, {})).toMatch('neither')
    expect(refusal(blockRef, 5)).toMatch('not an object')
    expect(refusal(blockRef, { blockHash: HASH, requireCanonical: 1 })).toMatch('not a boolean')
  })
})

describe('composed types', () => {
  const entry = object({ address, slots: arrayOf(hash32, 2), note: optional(data) })

  test('read nested values, ignore members without a type, and fill in what is optional', () => {
    const value = { address: `0x${'01'.repeat(20)}`, slots: [HASH], extra: 1 }
    expect(parse(entry, value)).toEqual({ address: fromHex('01'.repeat(20)), slots: [fromHex(HASH)], note: undefined })
  })

  test('say which member is wrong', () => {
    expect(refusal(entry, { slots: [] })).toMatch('argument 0 (it): address is missing')
    expect(refusal(entry, { address: '0x01', slots: [] })).toMatch('address: hex string has 1 bytes')
    expect(refusal(entry, { address: `0x${'01'.repeat(20)}`, slots: [HASH, HASH, HASH] })).toMatch(
      'slots: 3 items, limit 2',
    )
    expect(refusal(entry, [])).toMatch('not an object')
  })

  test('percentiles lie from 0 to 100', () => {
    expect(parse(percentile, 0)).toBe(0)
    expect(parse(percentile, 100)).toBe(100)
    for (const bad of [-0.1, 100.1, '50', Number.NaN]) expect(refusal(percentile, bad)).toMatch('from 0 to 100')
  })
})

test('what a type accepts its JSON schema describes', () => {
  const matches = (type: ParamType<unknown>, text: string) => new RegExp(String(type.schema.pattern)).test(text)
  expect(matches(quantity, '0x0') && matches(quantity, '0xff')).toBe(true)
  expect(matches(quantity, '0x01') || matches(quantity, '0x') || matches(quantity, `0x1${'0'.repeat(64)}`)).toBe(false)
  expect(matches(hash32, HASH) && !matches(hash32, `${HASH}00`)).toBe(true)
  expect(matches(data, '0x') && !matches(data, '0x1')).toBe(true)
  expect(object({ a: address, b: optional(address) }).schema).toMatchObject({ required: ['a'] })
})
