import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeAccount, EMPTY_ACCOUNT, encodeAccount } from '../../src/primitives/account.ts'
import { decodeBlock, decodeTransactions, encodeBlock, encodeTransactions } from '../../src/primitives/block.ts'
import { bytesToBigint, toHex } from '../../src/primitives/bytes.ts'
import { DecodeError, TxError } from '../../src/primitives/errors.ts'
import { decodeHeader, encodeHeader } from '../../src/primitives/header.ts'
import { decodeStoredReceipts, encodeStoredReceipts } from '../../src/primitives/receipt.ts'
import { decodeRlp, encodeRlp } from '../../src/primitives/rlp.ts'
import { assembleTransaction, decodeTransaction, signatureOf, signingBytes } from '../../src/primitives/transaction.ts'
import { anySignature, rlpItem, transactionFields } from '../support/arbitraries.ts'
import { sampleHeader } from '../support/blocks.ts'
import { damage, damaged } from '../support/damage.ts'

interface Codec {
  readonly name: string
  /** Decodes, and encodes again. */
  readonly roundTrip: (bytes: Uint8Array) => Uint8Array
}

const log = { address: new Uint8Array(20), topics: [new Uint8Array(32)], data: Uint8Array.of(1) }

const codecs: readonly Codec[] = [
  { name: 'RLP', roundTrip: (bytes) => encodeRlp(decodeRlp(bytes)) },
  {
    name: 'transaction',
    roundTrip: (bytes) => {
      const tx = decodeTransaction(bytes)
      signingBytes(tx)
      const { r, s } = signatureOf(tx)
      return assembleTransaction(tx, { r: bytesToBigint(r), s: bytesToBigint(s), yParity: tx.yParity }).raw
    },
  },
  { name: 'transactions of a block', roundTrip: (bytes) => encodeTransactions(decodeTransactions(bytes)) },
  { name: 'header', roundTrip: (bytes) => encodeHeader(decodeHeader(bytes)) },
  { name: 'block', roundTrip: (bytes) => encodeBlock(decodeBlock(bytes)) },
  { name: 'account', roundTrip: (bytes) => encodeAccount(decodeAccount(bytes)) },
  { name: 'stored receipts', roundTrip: (bytes) => encodeStoredReceipts(decodeStoredReceipts(bytes, [0, 2])) },
]

const transaction = fc
  .tuple(transactionFields, anySignature)
  .map(([fields, signature]) => assembleTransaction(fields, signature))

/** Something valid for one of the codecs. */
const valid: fc.Arbitrary<Uint8Array> = fc.oneof(
  rlpItem.map(encodeRlp),
  transaction.map(({ raw }) => raw),
  fc.array(transaction, { maxLength: 3 }).map(encodeTransactions),
  fc
    .array(transaction, { maxLength: 2 })
    .map((list) => encodeBlock({ header: sampleHeader(), body: encodeTransactions(list) })),
  fc.uint8Array({ maxLength: 100 }).map((extraData) => encodeHeader(sampleHeader({ extraData }))),
  fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }).map((balance) => encodeAccount({ ...EMPTY_ACCOUNT, balance })),
  fc.constantFrom(0 as const, 1 as const).map((status) =>
    encodeStoredReceipts([
      { type: 0, status, cumulativeGasUsed: 21_000n, logs: [] },
      { type: 2, status, cumulativeGasUsed: 42_000n, logs: [log] },
    ]),
  ),
)

/** Every codec either refuses `bytes` in its own words or has understood them whole. */
function judge(bytes: Uint8Array): void {
  for (const { name, roundTrip } of codecs) {
    let again: Uint8Array
    try {
      again = roundTrip(bytes)
    } catch (error) {
      if (error instanceof DecodeError || error instanceof TxError) continue
      throw new Error(`${name} threw ${String(error)} on ${toHex(bytes)}`, { cause: error })
    }
    expect(toHex(again), name).toBe(toHex(bytes))
  }
}

describe('any bytes', () => {
  it('are refused, or are the one encoding of what they decode to', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), judge), { numRuns: 1000 })
  })

  it('that were valid before one change, likewise', () => {
    fc.assert(
      fc.property(valid, fc.array(damage, { minLength: 1, maxLength: 2 }), (bytes, damages) => {
        judge(damages.reduce(damaged, bytes))
      }),
      { numRuns: 2000 },
    )
  })

  it('that are valid are understood by the codec that wrote them', () => {
    fc.assert(
      fc.property(transaction, (tx) => {
        expect(decodeTransaction(tx.raw)).toEqual(tx)
        expect(decodeTransactions(encodeTransactions([tx, tx]))).toEqual([tx, tx])
        const block = encodeBlock({ header: sampleHeader(), body: encodeTransactions([tx]) })
        expect(decodeBlock(block).transactions).toEqual([tx])
        judge(tx.raw)
      }),
    )
  })
})
