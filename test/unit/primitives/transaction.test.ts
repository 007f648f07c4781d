import { describe, expect, it } from 'vitest'
import { toHex } from '../../../src/primitives/bytes.ts'
import { DecodeError, TxError } from '../../../src/primitives/errors.ts'
import { MAX_TRANSACTION_BYTES } from '../../../src/primitives/limits.ts'
import { encodeRlp, type RlpInput, RlpReader } from '../../../src/primitives/rlp.ts'
import {
  assembleTransaction,
  decodeTransaction,
  effectiveTip,
  encodeForSigning,
  signatureOf,
  signingBytes,
  type TransactionFields,
} from '../../../src/primitives/transaction.ts'
import { transferFields } from '../../support/transactions.ts'

const TO = new Uint8Array(20).fill(0x22)
const KEY = new Uint8Array(32).fill(0x33)
const ACCESS = [[TO, [KEY, KEY]]]

/** Fields in the order of their encoding, valid; tests replace one by its place. */
const LEGACY: readonly RlpInput[] = [1n, 2n, 21_000n, TO, 3n, Uint8Array.of(4), 37n, 5n, 6n]
const TYPE_1: readonly RlpInput[] = [1n, 1n, 2n, 21_000n, TO, 3n, Uint8Array.of(4), ACCESS, 1n, 5n, 6n]
const TYPE_2: readonly RlpInput[] = [1n, 1n, 2n, 9n, 21_000n, TO, 3n, Uint8Array.of(4), ACCESS, 0n, 5n, 6n]
const TYPES = { 0: LEGACY, 1: TYPE_1, 2: TYPE_2 } as const

function encode(type: 0 | 1 | 2, fields: readonly RlpInput[]): Uint8Array {
  const payload = encodeRlp(fields)
  return type === 0 ? payload : Uint8Array.of(type, ...payload)
}

/** Decodes a valid transaction whose field at `place` is `value`. */
function withField(type: 0 | 1 | 2, place: number, value: RlpInput) {
  return decodeTransaction(encode(type, TYPES[type].with(place, value)))
}

describe('decoding a transaction', () => {
  it('legacy, protected', () => {
    const raw = encode(0, LEGACY)
    const tx = decodeTransaction(raw)
    expect(tx).toEqual({
      type: 0,
      chainId: 1n,
      nonce: 1n,
      maxPriorityFeePerGas: 2n,
      maxFeePerGas: 2n,
      gasLimit: 21_000n,
      to: TO,
      value: 3n,
      data: Uint8Array.of(4),
      accessList: [],
      yParity: 0,
      raw,
      signatureAt: raw.length - 2,
    })
    expect(signatureOf(tx)).toEqual({ r: Uint8Array.of(5), s: Uint8Array.of(6) })
  })

  it('types 1 and 2', () => {
    const accessList = [{ address: TO, storageKeys: [KEY, KEY] }]
    const common = { chainId: 1n, nonce: 1n, gasLimit: 21_000n, to: TO, value: 3n, data: Uint8Array.of(4), accessList }
    const first = decodeTransaction(encode(1, TYPE_1))
    expect(first).toMatchObject({ ...common, type: 1, maxPriorityFeePerGas: 2n, maxFeePerGas: 2n, yParity: 1 })
    const second = decodeTransaction(encode(2, TYPE_2))
    expect(second).toMatchObject({ ...common, type: 2, maxPriorityFeePerGas: 2n, maxFeePerGas: 9n, yParity: 0 })
  })

  it.each<[bigint, bigint | undefined, 0 | 1]>([
    [27n, undefined, 0],
    [28n, undefined, 1],
    [35n, 0n, 0],
    [36n, 0n, 1],
    [37n, 1n, 0],
    [38n, 1n, 1],
    [35n + 2n * 2n ** 64n + 1n, 2n ** 64n, 1],
  ])('legacy v %i says chain id %s and parity %i', (v, chainId, yParity) => {
    expect(withField(0, 6, v)).toMatchObject({ chainId, yParity })
  })

  it('a contract creation has no recipient', () => {
    expect(withField(0, 3, new Uint8Array()).to).toBeUndefined()
    expect(withField(2, 5, new Uint8Array()).to).toBeUndefined()
  })

  it('r and s of zero decode: that nobody signed is for recovery to say', () => {
    expect(signatureOf(withField(2, 10, 0n)).r).toHaveLength(0)
    expect(signatureOf(withField(0, 8, 2n ** 256n - 1n)).s).toHaveLength(32)
  })

  it.each<[string, 0 | 1 | 2, number, RlpInput]>([
    ['a nonce of 2^64', 0, 0, 2n ** 64n],
    ['a nonce of 2^64', 2, 1, 2n ** 64n],
    ['a price of 2^256', 0, 1, 2n ** 256n],
    ['a price of 2^256', 1, 2, 2n ** 256n],
    ['a tip of 2^256', 2, 2, 2n ** 256n],
    ['a fee cap of 2^256', 2, 3, 2n ** 256n],
    ['a gas limit of 2^64', 0, 2, 2n ** 64n],
    ['a gas limit of 2^64', 1, 3, 2n ** 64n],
    ['a gas limit of 2^64', 2, 4, 2n ** 64n],
    ['a value of 2^256', 0, 4, 2n ** 256n],
    ['a value of 2^256', 2, 6, 2n ** 256n],
    ['a nonce with a leading zero', 0, 0, Uint8Array.of(0, 1)],
    ['a nonce that is a zero byte', 2, 1, Uint8Array.of(0)],
    ['a value with a leading zero', 1, 5, Uint8Array.of(0, 0x80)],
    ['a recipient of 19 bytes', 0, 3, TO.subarray(1)],
    ['a recipient of 21 bytes', 2, 5, new Uint8Array(21)],
    ['a recipient of one zero byte', 2, 5, Uint8Array.of(0)],
    ['data that is a list', 0, 5, []],
    ['data that is a list', 2, 7, [1n]],
    ['a nonce that is a list', 1, 1, []],
    ['v of 0', 0, 6, 0n],
    ['v of 26', 0, 6, 26n],
    ['v of 29', 0, 6, 29n],
    ['v of 34', 0, 6, 34n],
    ['v of 2^256', 0, 6, 2n ** 256n],
    ['r of 33 bytes', 0, 7, 2n ** 256n],
    ['r with a leading zero', 0, 7, Uint8Array.of(0, 5)],
    ['s with a leading zero', 2, 11, Uint8Array.of(0, 5)],
    ['s of 33 bytes', 1, 10, 2n ** 256n],
    ['a parity of 2', 1, 8, 2n],
    ['a parity of 27', 2, 9, 27n],
    ['a parity that is a zero byte', 2, 9, Uint8Array.of(0)],
    ['an access list that is a string', 1, 7, new Uint8Array()],
    ['an access list of strings', 2, 8, [TO]],
    ['a listed address of 19 bytes', 2, 8, [[TO.subarray(1), []]]],
    ['a listed key of 31 bytes', 2, 8, [[TO, [KEY.subarray(1)]]]],
    ['a listed address without keys', 2, 8, [[TO]]],
    ['a listed address with something after its keys', 1, 7, [[TO, [], []]]],
  ])('refuses %s (type %i)', (_, type, place, value) => {
    expect(() => withField(type, place, value)).toThrow(DecodeError)
  })

  it.each([0, 1, 2] as const)('refuses type %i with a field too few or too many, or with bytes after it', (type) => {
    const fields = TYPES[type]
    expect(decodeTransaction(encode(type, fields)).type).toBe(type)
    expect(() => decodeTransaction(encode(type, fields.slice(0, -1)))).toThrow(DecodeError)
    expect(() => decodeTransaction(encode(type, [...fields, 0n]))).toThrow(DecodeError)
    expect(() => decodeTransaction(Uint8Array.of(...encode(type, fields), 0))).toThrow(DecodeError)
    for (let end = 0; end < encode(type, fields).length; end++) {
      expect(() => decodeTransaction(encode(type, fields).subarray(0, end))).toThrow(DecodeError)
    }
  })

  it('says which type it does not know', () => {
    for (const type of [0, 3, 4, 0x7f]) {
      expect(() => decodeTransaction(Uint8Array.of(type, ...encodeRlp(TYPE_2)))).toThrow(
        new TxError('type-not-supported', { type }),
      )
    }
    for (const first of [0x80, 0xb8, 0xbf]) {
      expect(() => decodeTransaction(Uint8Array.of(first, ...encodeRlp(TYPE_2)))).toThrow(DecodeError)
    }
  })

  it('takes 128 KiB and not a byte more', () => {
    const sized = (dataLength: number) => encode(0, LEGACY.with(5, new Uint8Array(dataLength)))
    const overhead = sized(100_000).length - 100_000
    const largest = sized(MAX_TRANSACTION_BYTES - overhead)
    expect(largest).toHaveLength(MAX_TRANSACTION_BYTES)
    expect(decodeTransaction(largest).raw).toBe(largest)
    const facts = { sizeBytes: MAX_TRANSACTION_BYTES + 1, limitBytes: MAX_TRANSACTION_BYTES }
    const tooLarge = sized(MAX_TRANSACTION_BYTES - overhead + 1)
    expect(() => decodeTransaction(tooLarge)).toThrow(new TxError('oversized', facts))
  })
})

describe('the bytes a sender signs', () => {
  const longData = { data: new Uint8Array(300).fill(7) }
  const cases: Partial<TransactionFields>[] = [
    {},
    longData,
    { to: undefined },
    { value: 0n, nonce: 0n },
    { chainId: 2n ** 64n },
    { chainId: 45n },
    { chainId: 46n },
    { chainId: 127n },
    { chainId: 128n },
  ]
  const signatures = [
    { r: 2n ** 256n - 1n, s: 2n ** 255n, yParity: 1 },
    { r: 1n, s: 0x80n, yParity: 0 },
    { r: 0n, s: 0x7fn, yParity: 1 },
  ] as const

  it.each([0, 1, 2] as const)('are cut out of type %i as they were encoded', (type) => {
    for (const changes of [
      ...cases,
      ...(type === 0 ? [{ chainId: undefined }, { ...longData, chainId: undefined }] : []),
    ]) {
      const fields = transferFields({ ...changes, type })
      for (const signature of signatures) {
        expect(toHex(signingBytes(assembleTransaction(fields, signature)))).toBe(toHex(encodeForSigning(fields)))
      }
    }
  })

  it('end in chainId, 0, 0 in a protected legacy transaction (EIP-155)', () => {
    const items = (chainId: bigint | undefined) => {
      const list = new RlpReader(encodeForSigning(transferFields({ type: 0, chainId }))).list()
      const found: string[] = []
      while (!list.done()) found.push(toHex(list.raw()))
      return found
    }
    expect(items(undefined)).toHaveLength(6)
    expect(items(1337n).slice(6)).toEqual(['0x820539', '0x80', '0x80'])
  })
})

describe('what a miner gets per gas', () => {
  it('is the tip, or what the fee cap leaves above the base fee', () => {
    const tx = transferFields({ maxPriorityFeePerGas: 3n, maxFeePerGas: 10n })
    expect([0n, 7n, 8n, 10n, 11n].map((baseFee) => effectiveTip(tx, baseFee))).toEqual([3n, 3n, 2n, 0n, -1n])
  })
})
