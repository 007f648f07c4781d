import { expect, test } from 'vitest'
import type { ExecutedBlock } from '../../../src/chain/executed-block.ts'
import { hashBlock, transactionHash } from '../../../src/crypto/hashes.ts'
import { RecentBlocks } from '../../../src/node/recent-blocks.ts'
import { recoverSenders } from '../../../src/node/senders.ts'
import { toKey } from '../../../src/primitives/bytes.ts'
import { TxError } from '../../../src/primitives/errors.ts'
import type { RecoveredTransaction, Transaction } from '../../../src/primitives/transaction.ts'
import { branchOf } from '../../support/model-chain.ts'
import { fakeBackends } from '../rpc/fake-backends.ts'
import { signedByViem } from '../rpc/signed.ts'

const TO = `0x${'0b'.repeat(20)}` as const

const recovered = (tx: Transaction): RecoveredTransaction => ({
  tx,
  hash: transactionHash(tx),
  sender: new Uint8Array(20),
  senderKey: '',
  recipientKey: '',
})

const transfer = (nonce: number) => signedByViem({ to: TO, nonce, gasPrice: 1n })

/** A block of height `number` that holds `transactions`. */
function executed(number: number, transactions: readonly Transaction[], sizeBytes = 1_000): ExecutedBlock {
  const [genesis] = fakeBackends().blocks
  const header = { ...genesis!.header, number }
  const block = hashBlock({ header, transactions, body: genesis!.body, sizeBytes })
  return { block, transactions: transactions.map(recovered), receipts: [] }
}

test('blocks and their transactions are found until a reorg removes them', async () => {
  const [first, second, third] = await Promise.all([0, 1, 2].map(transfer))
  const one = executed(1, [first!, second!])
  const other = executed(2, [third!])
  const recent = new RecentBlocks(undefined)
  recent.apply({ connected: branchOf([one]), disconnected: branchOf([]) })
  expect(recent.block(one.block.hash)).toBe(one)
  expect(recent.transaction(transactionHash(second!))).toEqual({ executed: one, index: 1 })
  expect(recent.transaction(transactionHash(third!))).toBeUndefined()

  recent.apply({ connected: branchOf([other]), disconnected: branchOf([one]) })
  expect(recent.block(one.block.hash)).toBeUndefined()
  expect(recent.transaction(transactionHash(second!))).toBeUndefined()
  expect(recent.transaction(transactionHash(third!))).toEqual({ executed: other, index: 0 })
})

test('a transaction that a reorg moves to another block is found there', async () => {
  const tx = await transfer(0)
  const left = executed(1, [tx])
  const joined = [executed(2, []), executed(3, [tx])]
  const recent = new RecentBlocks(undefined)
  recent.apply({ connected: branchOf([left]), disconnected: branchOf([]) })
  recent.apply({ connected: branchOf(joined), disconnected: branchOf([left]) })
  expect(recent.transaction(transactionHash(tx))).toEqual({ executed: joined[1], index: 0 })
})

test('the head is there from the start, and stays however large it is', () => {
  const head = executed(5, [], 1024 ** 3)
  const recent = new RecentBlocks(head)
  expect(recent.block(head.block.hash)).toBe(head)
  const next = executed(6, [], 1024 ** 3)
  recent.apply({ connected: branchOf([next]), disconnected: branchOf([]) })
  expect(recent.block(head.block.hash)).toBeUndefined()
  expect(recent.block(next.block.hash)).toBe(next)
})

test('the oldest go first, by count and by size', async () => {
  const recent = new RecentBlocks(undefined)
  const blocks = await Promise.all(Array.from({ length: 66 }, async (_, i) => executed(i + 1, [await transfer(i)])))
  for (const block of blocks) recent.apply({ connected: branchOf([block]), disconnected: branchOf([]) })
  expect(blocks.map(({ block }) => recent.block(block.hash) !== undefined).indexOf(true)).toBe(2)
  expect(recent.transaction(blocks[1]!.transactions[0]!.hash)).toBeUndefined()
  expect(recent.transaction(blocks[2]!.transactions[0]!.hash)).toBeDefined()

  const large = [100, 101].map((number) => executed(number, [], 16 * 1024 * 1024))
  for (const block of large) recent.apply({ connected: branchOf([block]), disconnected: branchOf([]) })
  expect([...blocks, ...large].filter(({ block }) => recent.block(block.hash))).toEqual([large[1]])
})

test('senders are recovered for those transactions only that nobody knows', async () => {
  const transactions = await Promise.all([0, 1, 2, 3].map(transfer))
  const known = recovered(transactions[1]!)
  const asked: (readonly Transaction[])[] = []
  const results = await recoverSenders(transactions, {
    known: (hashKey) => (hashKey === toKey(known.hash) ? known : undefined),
    recover: async (missing) => {
      asked.push(missing)
      return missing.map((tx) => (tx.nonce === 2n ? new TxError('invalid-signature') : recovered(tx)))
    },
  })
  expect(asked).toEqual([[transactions[0], transactions[2], transactions[3]]])
  expect(results[1]).toBe(known)
  expect(results.map((result) => (result instanceof TxError ? result.code : Number(result.tx.nonce)))).toEqual([
    0,
    1,
    'invalid-signature',
    3,
  ])
})
