import { describe, expect, test } from 'vitest'
import { hashHeader } from '../../../src/crypto/hashes.ts'
import {
  compactForm,
  describesBlock,
  type KnownTransaction,
  matchTransactions,
} from '../../../src/p2p/compact-matching.ts'
import { decodeCompactBlock } from '../../../src/p2p/wire/compact-block.ts'
import { MAX_PREFILLED_BYTES } from '../../../src/p2p/wire/limits.ts'
import type { RecoveredTransaction } from '../../../src/primitives/transaction.ts'
import { headerWith } from '../../support/header-chain.ts'
import { recoverHere } from '../../support/test-chain.ts'
import { signedTransfer } from '../../support/transactions.ts'

const block = hashHeader(headerWith({ number: 5 }))
const nonce = new Uint8Array(8).fill(7)
const transactions = (await recoverHere(
  Array.from({ length: 20 }, (_, i) => signedTransfer({ nonce: BigInt(i) })),
)) as RecoveredTransaction[]
const known: readonly KnownTransaction[] = transactions
const plain = transactions.map(({ tx }) => tx)

function compact(of: readonly RecoveredTransaction[], ...prefilled: readonly number[]) {
  return decodeCompactBlock(compactForm(block, of, nonce, (each) => prefilled.includes(of.indexOf(each))))
}

describe('matching', () => {
  test('finds every transaction that is known or sent along, whatever their order', () => {
    expect(matchTransactions(compact(transactions, 0, 7, 19), known.toReversed())).toEqual(plain)
    expect(matchTransactions(compact([]), known)).toEqual([])
  })

  test('leaves the places of others empty', () => {
    const found = matchTransactions(compact(transactions, 3), known.slice(5))
    expect(found).toEqual([undefined, undefined, undefined, plain[3], undefined, ...plain.slice(5)])
  })

  test('takes a transaction that is known twice for one', () => {
    expect(matchTransactions(compact(transactions.slice(0, 2)), [known[1]!, known[1]!, known[0]!])).toEqual(
      plain.slice(0, 2),
    )
  })
})

describe('a compact form', () => {
  test('describes its block and no other', () => {
    for (const form of [compact(transactions), compact(transactions, 0, 19)]) {
      expect(describesBlock(form, plain)).toBe(true)
      expect(describesBlock(form, plain.toReversed())).toBe(false)
      expect(describesBlock(form, plain.slice(1))).toBe(false)
      expect(describesBlock(form, plain.with(0, signedTransfer({ nonce: 99n })))).toBe(false)
    }
  })

  test('sends along what peers lack, as far as there is room', async () => {
    const large = (await recoverHere(
      [9_000, 9_000, 5_000].map((size, i) => signedTransfer({ nonce: BigInt(i), data: new Uint8Array(size) })),
    )) as RecoveredTransaction[]
    const form = decodeCompactBlock(compactForm(block, large, nonce, () => true))
    expect(form.prefilled.map(({ index }) => index)).toEqual([0, 2])
    expect(form.prefilled.reduce((sum, { transaction }) => sum + transaction.raw.length, 0)).toBeLessThan(
      MAX_PREFILLED_BYTES,
    )
  })
})
