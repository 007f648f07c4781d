import { describe, expect, test } from 'vitest'
import { Bundler } from '../../../src/p2p/bundler.ts'
import { MAX_WAITING_BYTES } from '../../../src/p2p/limits.ts'
import { MAX_BUNDLE_BYTES } from '../../../src/p2p/wire/limits.ts'
import { decodeTransactionBundle } from '../../../src/p2p/wire/transactions.ts'
import type { RecoveredTransaction } from '../../../src/primitives/transaction.ts'
import { recoverHere } from '../../support/test-chain.ts'
import { signedTransfer } from '../../support/transactions.ts'

async function transactionWith(dataBytes: number, nonce = 0n): Promise<RecoveredTransaction> {
  const [recovered] = await recoverHere([signedTransfer({ data: new Uint8Array(dataBytes), nonce })])
  return recovered as RecoveredTransaction
}

function bundler(...transactions: readonly RecoveredTransaction[]): Bundler {
  const made = new Bundler()
  for (const transaction of transactions) made.add(transaction)
  return made
}

describe('bundles', () => {
  test('hold what waits, in its order, each no larger than a message may be', async () => {
    const sizes = [30_000, 30_000, 10, 40_000, 10, 10]
    const transactions = await Promise.all(sizes.map((size, i) => transactionWith(size, BigInt(i))))
    const bundles = bundler(...transactions).take()
    expect(bundles.map((bundle) => bundle.transactions.map(({ tx }) => tx.nonce))).toEqual([
      [0n, 1n, 2n],
      [3n, 4n, 5n],
    ])
    for (const { data, transactions } of bundles) {
      expect(data.length).toBeLessThanOrEqual(MAX_BUNDLE_BYTES)
      expect(decodeTransactionBundle(data).map(({ raw }) => raw)).toEqual(transactions.map(({ tx }) => tx.raw))
    }
  })

  test('are filled to the last byte that a message may have', async () => {
    const whole = await transactionWith(0)
    // What one transaction more takes, found by trying: none fits beside it, and a byte less does.
    const room = MAX_BUNDLE_BYTES - bundler(whole, await transactionWith(60_000)).take()[0]!.data.length
    expect(bundler(whole, await transactionWith(60_000 + room)).take()).toHaveLength(1)
    expect(bundler(whole, await transactionWith(60_001 + room)).take()).toHaveLength(2)
  })

  test('hold a transaction that is larger than a bundle alone', async () => {
    const [small, large] = [await transactionWith(10), await transactionWith(100_000, 1n)]
    const bundles = bundler(small, large, small).take()
    expect(bundles.map(({ transactions }) => transactions.length)).toEqual([1, 1, 1])
    expect(decodeTransactionBundle(bundles[1]!.data)).toHaveLength(1)
  })

  test('are taken once', async () => {
    const made = bundler(await transactionWith(10))
    expect(made.empty).toBe(false)
    expect(made.take()).toHaveLength(1)
    expect(made.empty).toBe(true)
    expect(made.take()).toEqual([])
  })
})

test('what waits is bounded', async () => {
  const large = await transactionWith(100_000)
  const made = new Bundler()
  expect(made.full).toBe(false)
  let added = 0
  while (made.add(large)) added++
  expect(made.full).toBe(true)
  expect(added).toBe(Math.floor(MAX_WAITING_BYTES / (large.tx.raw.length + 4)))
  made.take()
  expect(made.add(large)).toBe(true)
})
