import { getAddress } from 'viem'
import { describe, expect, test } from 'vitest'
import { transactionHash } from '../../../src/crypto/hashes.ts'
import { encodeBlock } from '../../../src/primitives/block.ts'
import { toHex } from '../../../src/primitives/bytes.ts'
import { encodeHeader, type HashedHeader } from '../../../src/primitives/header.ts'
import type { MinedTransaction } from '../../../src/rpc/backend.ts'
import type { Json } from '../../../src/rpc/json.ts'
import { rpcMethods } from '../../../src/rpc/methods/all.ts'
import { fakeBackends, GWEI, SENDER } from './fake-backends.ts'
import { eventServices, LOCAL } from './serving.ts'
import { signedByViem } from './signed.ts'

/** What explorers read: Otterscan's methods, raw records, the pool. */

const TO = `0x${'0b'.repeat(20)}` as const
const FROM = toHex(SENDER)
/** EIP-55's form of it. */
const FROM_CHECKSUMMED = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266'

async function node() {
  const fees = { maxFeePerGas: 9n * GWEI, maxPriorityFeePerGas: 2n * GWEI }
  const mined = await Promise.all(
    [0, 1, 2, 3, 4].map((nonce) =>
      signedByViem({ to: TO, nonce, value: 7n, gas: 22_000n, data: '0x0102030405', ...fees }),
    ),
  )
  const pooled = await Promise.all([5, 6].map((nonce) => signedByViem({ to: TO, nonce, value: 7n, ...fees })))
  const queued = [await signedByViem({ to: TO, nonce: 9, gasPrice: 3n * GWEI })]
  const backends = fakeBackends({ blocks: [{ transactions: mined, baseFeePerGas: GWEI }, {}], pooled, queued })
  const methods = rpcMethods(backends, eventServices())
  const call = async <T = unknown>(name: string, ...params: Json[]) => (await methods[name]!.call(params, LOCAL)) as T
  const hashes = mined.map((tx) => toHex(transactionHash(tx)))
  return { backends, mined, pooled, call, hashes }
}

describe('for Otterscan', () => {
  test('a block has what it minted and what fees it took', async () => {
    const { call, backends } = await node()
    expect(await call('ots_getApiLevel')).toBe(8)
    const details = await call<{ block: object }>('ots_getBlockDetails', 1)
    const gas = 5n * (21_000n + 5n * 16n)
    expect(details).toMatchObject({
      block: { number: '0x1', transactionCount: '0x5', logsBloom: null },
      issuance: { blockReward: '0x1bc16d674ec80000', uncleReward: '0x0', issuance: '0x1bc16d674ec80000' },
      // Base fee and tip of each gas: explorers take off what is burnt.
      totalFees: `0x${(gas * 3n * GWEI).toString(16)}`,
    })
    expect(details.block).not.toHaveProperty('transactions')
    expect(await call('ots_getBlockDetailsByHash', toHex(backends.blocks[1]!.hash))).toEqual(details)
    expect(await call('ots_getBlockDetails', 0)).toMatchObject({ issuance: { issuance: '0x0' }, totalFees: '0x0' })
  })

  test('its transactions come in pages, counted from its end, calldata cut', async () => {
    const { call, hashes } = await node()
    interface Page {
      readonly fullblock: {
        readonly transactions: readonly { hash: string; input: string }[]
        transactionCount: string
      }
      readonly receipts: readonly { transactionHash: string; logs: null; logsBloom: null }[]
    }
    const page = async (index: number, size: number) => {
      const { fullblock, receipts } = await call<Page>('ots_getBlockTransactions', 1, index, size)
      expect(fullblock.transactionCount).toBe('0x5')
      for (const { input } of fullblock.transactions) expect(input).toBe('0x01020304')
      for (const { logs, logsBloom } of receipts) expect([logs, logsBloom]).toEqual([null, null])
      const listed = fullblock.transactions.map(({ hash }) => hash)
      expect(receipts.map(({ transactionHash }) => transactionHash)).toEqual(listed)
      return listed
    }
    expect(await page(0, 2)).toEqual(hashes.slice(3, 5))
    expect(await page(1, 2)).toEqual(hashes.slice(1, 3))
    expect(await page(2, 2)).toEqual(hashes.slice(0, 1))
    expect(await page(3, 2)).toEqual([])
    expect(await page(0, 25)).toEqual(hashes)
  })

  test('a transaction is one call, without anything inside', async () => {
    const { call, hashes } = await node()
    const [hash] = hashes as [string]
    expect(await call('ots_traceTransaction', hash)).toEqual([
      { type: 'CALL', depth: 0, from: FROM, to: TO, value: '0x7', input: '0x0102030405', output: '0x' },
    ])
    expect(await call('ots_getInternalOperations', hash)).toEqual([])
    expect(await call('ots_getTransactionError', hash)).toBe('0x')
  })

  test('its head is asked for in another name', async () => {
    const { call } = await node()
    expect(await call('erigon_getHeaderByNumber', 'latest')).toEqual(await call('eth_getHeaderByNumber', 'latest'))
    expect(await call('erigon_getHeaderByNumber', 1)).toEqual(await call('eth_getHeaderByNumber', '0x1'))
  })
})

test('a page of history reads the receipts of each block once, however many of its transactions are there', async () => {
  const { backends, call, hashes } = await node()
  const asked: [string, number][] = []
  const chain = {
    ...backends.chain,
    receiptsOf: (block: HashedHeader, transactions: readonly MinedTransaction[]) => {
      asked.push([toHex(block.hash), transactions.length])
      return backends.chain.receiptsOf(block, transactions)
    },
  }
  const methods = rpcMethods({ ...backends, chain }, eventServices())
  const page = await methods.ots_searchTransactionsBefore!.call([TO, 0, 3], LOCAL)
  expect(asked).toEqual([[toHex(backends.blocks[1]!.hash), 5]])
  expect(page).toMatchObject({
    txs: hashes.toReversed().map((hash) => ({ hash })),
    receipts: hashes.toReversed().map((transactionHash) => ({ transactionHash })),
  })
  expect(page).toEqual(await call('ots_searchTransactionsAfter', TO, 0, 3))
})

describe('raw records', () => {
  test('are what is hashed', async () => {
    const { call, backends, mined, pooled, hashes } = await node()
    const block = backends.blocks[1]!
    expect(await call('debug_getRawHeader', '0x1')).toBe(toHex(encodeHeader(block.header)))
    expect(await call('debug_getRawBlock', toHex(block.hash))).toBe(toHex(encodeBlock(block)))
    expect(await call<string[]>('debug_getRawReceipts', '0x1')).toHaveLength(5)
    for (const name of ['debug_getRawTransaction', 'eth_getRawTransactionByHash']) {
      expect(await call(name, hashes[2]!)).toBe(toHex(mined[2]!.raw))
      expect(await call(name, toHex(transactionHash(pooled[0]!)))).toBe(toHex(pooled[0]!.raw))
    }
    expect(await call('eth_getRawTransactionByBlockNumberAndIndex', '0x1', '0x3')).toBe(toHex(mined[3]!.raw))
    expect(await call('eth_getRawTransactionByBlockHashAndIndex', toHex(block.hash), 4)).toBe(toHex(mined[4]!.raw))
    expect(await call('eth_getTransactionByBlockNumberAndIndex', '0x1', '0x3')).toMatchObject({ hash: hashes[3] })
  })
})

describe('the pool', () => {
  test("is told in geth's shapes: by sender in EIP-55, by nonce in decimal", async () => {
    const { call, pooled } = await node()
    expect(await call('txpool_status')).toEqual({ pending: '0x2', queued: '0x1' })
    const content = await call<{ pending: Record<string, object>; queued: Record<string, object> }>('txpool_content')
    expect(Object.keys(content.pending)).toEqual([FROM_CHECKSUMMED])
    expect(Object.keys(content.pending[FROM_CHECKSUMMED]!)).toEqual(['5', '6'])
    expect(content.pending[FROM_CHECKSUMMED]).toMatchObject({
      5: { hash: toHex(transactionHash(pooled[0]!)), blockHash: null, from: FROM },
    })
    expect(Object.keys(content.queued[FROM_CHECKSUMMED]!)).toEqual(['9'])
    expect(await call('txpool_contentFrom', FROM)).toEqual({
      pending: content.pending[FROM_CHECKSUMMED],
      queued: content.queued[FROM_CHECKSUMMED],
    })
    expect(await call('txpool_contentFrom', TO)).toEqual({ pending: {}, queued: {} })
    expect(await call('txpool_inspect')).toMatchObject({
      pending: {
        [FROM_CHECKSUMMED]: { 5: `${getAddress(TO)}: 7 wei + 21000 gas × 9000000000 wei` },
      },
    })
  })
})
