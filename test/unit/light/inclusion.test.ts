import { beforeAll, describe, expect, it } from 'vitest'
import { transactionHash } from '../../../src/crypto/hashes.ts'
import { type Inclusion, verifyInclusion } from '../../../src/light/inclusion.ts'
import { fromKey } from '../../../src/primitives/bytes.ts'
import type { Header } from '../../../src/primitives/header.ts'
import { EMPTY_BLOOM, encodeReceipt } from '../../../src/primitives/receipt.ts'
import { bytesCodec, orderedProver, orderedRoot } from '../../../src/trie/ordered.ts'
import { headerWith } from '../../support/header-chain.ts'
import { signedTransfer } from '../../support/transactions.ts'

const unhurried = { pause: () => undefined }
const transactions = Array.from({ length: 200 }, (_, nonce) => signedTransfer({ nonce: BigInt(nonce) }))
const raws = transactions.map(({ raw }) => raw)
const receipts = raws.map((_, i) =>
  encodeReceipt({ type: 2, status: 1, cumulativeGasUsed: 21_000n * BigInt(i + 1), logs: [] }, EMPTY_BLOOM),
)
let header: Header

beforeAll(async () => {
  const [transactionsRoot, receiptsRoot] = await Promise.all([
    orderedRoot(raws, bytesCodec, unhurried),
    orderedRoot(receipts, bytesCodec, unhurried),
  ])
  header = headerWith({ transactionsRoot: fromKey(transactionsRoot), receiptsRoot: fromKey(receiptsRoot) })
})

async function inclusionOf(index: number): Promise<Inclusion> {
  const transaction = await orderedProver(raws, bytesCodec, unhurried)
  const receipt = await orderedProver(receipts, bytesCodec, unhurried)
  return {
    blockHash: new Uint8Array(32),
    number: 1,
    index,
    transaction: transaction(index),
    receipt: receipt(index),
    receiptBefore: index === 0 ? [] : receipt(index - 1),
  }
}
const hashOf = (index: number) => transactionHash(transactions[index]!)

describe('a transaction in a block', () => {
  it.each([0, 1, 127, 128, 199])('at place %i is shown with its receipt', async (index) => {
    const { transaction, receipt, gasUsed } = verifyInclusion(header, hashOf(index), await inclusionOf(index))
    expect(transaction.raw).toEqual(raws[index])
    expect(receipt.cumulativeGasUsed).toBe(21_000n * BigInt(index + 1))
    expect(gasUsed).toBe(21_000n)
  })

  it('is refused when it is another one', async () => {
    const inclusion = await inclusionOf(5)
    expect(() => verifyInclusion(header, hashOf(6), inclusion)).toThrow('other-transaction')
  })

  it("is refused with another place's receipt, or one of another block", async () => {
    const [five, six] = [await inclusionOf(5), await inclusionOf(6)]
    expect(() => verifyInclusion(header, hashOf(5), { ...five, receipt: six.receipt })).toThrow('not-in-block')
    expect(() => verifyInclusion(header, hashOf(5), { ...five, receiptBefore: six.receiptBefore })).toThrow(
      'not-in-block',
    )
    const other = { ...header, receiptsRoot: header.transactionsRoot }
    expect(() => verifyInclusion(other, hashOf(5), five)).toThrow('not-in-block')
  })

  it('is refused at a place that the block has not', async () => {
    const inclusion = await inclusionOf(199)
    expect(() => verifyInclusion(header, hashOf(199), { ...inclusion, index: 200 })).toThrow('not-in-block')
    expect(() => verifyInclusion(header, hashOf(199), { ...inclusion, transaction: [] })).toThrow('not-in-block')
  })
})
