import { JsonRpcProvider } from 'ethers'
import { createPublicClient, http, type PublicClient, parseGwei } from 'viem'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { transactionHash } from '../../../src/crypto/hashes.ts'
import { EMPTY_ACCOUNT } from '../../../src/primitives/account.ts'
import { toHex } from '../../../src/primitives/bytes.ts'
import type { Transaction } from '../../../src/primitives/transaction.ts'
import { rpcMethods } from '../../../src/rpc/methods/all.ts'
import type { RpcServer } from '../../../src/rpc/server.ts'
import { CHAIN_ID, fakeBackends, GWEI, SENDER } from './fake-backends.ts'
import { createServing, eventServices } from './serving.ts'
import { signedByViem } from './signed.ts'

/** The libraries' own parsers decide whether our JSON is Ethereum's. */

const TO = `0x${'0b'.repeat(20)}` as const
const from = toHex(SENDER) as `0x${string}`
let server: RpcServer
let viem: PublicClient
let ethers: JsonRpcProvider
let mined: readonly Transaction[]
let pooled: Transaction
let blockHash: `0x${string}`

const hashHex = (tx: Transaction) => toHex(transactionHash(tx)) as `0x${string}`

beforeAll(async () => {
  const accessList = [{ address: TO, storageKeys: [`0x${'00'.repeat(31)}01` as const] }]
  mined = [
    await signedByViem({ to: TO, nonce: 0, value: 5n, gasPrice: 3n * GWEI }),
    await signedByViem({ to: TO, nonce: 1, gasPrice: 3n * GWEI, accessList, gas: 30_000n }),
    await signedByViem({ to: TO, nonce: 2, maxFeePerGas: 9n * GWEI, maxPriorityFeePerGas: 2n * GWEI, data: '0x01' }),
  ]
  pooled = await signedByViem({ to: TO, nonce: 3, maxFeePerGas: 9n * GWEI, maxPriorityFeePerGas: 2n * GWEI })
  const backends = fakeBackends({
    blocks: [{ transactions: mined }],
    pooled: [pooled],
    accounts: { [from]: { ...EMPTY_ACCOUNT, nonce: 3n, balance: 10n ** 18n } },
  })
  blockHash = toHex(backends.blocks[1]!.hash) as `0x${string}`
  server = createServing({
    methods: rpcMethods(backends, eventServices()),
    onInternalError: (error) => expect.fail(String(error)),
  })
  const url = await server.start()
  viem = createPublicClient({ transport: http(url, { batch: true, retryCount: 0 }) })
  ethers = new JsonRpcProvider(url)
})

afterAll(async () => {
  ethers.destroy()
  await server.stop()
})

test('viem reads blocks with hashes and with transactions', async () => {
  const block = await viem.getBlock()
  expect(block).toMatchObject({
    number: 1n,
    hash: blockHash,
    totalDifficulty: 2_000n,
    transactions: mined.map(hashHex),
  })
  const full = await viem.getBlock({ blockHash, includeTransactions: true })
  expect(full.transactions.map(({ type, typeHex, from }) => [type, typeHex, from])).toEqual([
    ['legacy', '0x0', from],
    ['eip2930', '0x1', from],
    ['eip1559', '0x2', from],
  ])
  await expect(viem.getBlock({ blockNumber: 9n })).rejects.toThrow('could not be found')
})

test('viem reads transactions and receipts of each type, and pending ones', async () => {
  for (const [index, tx] of mined.entries()) {
    const hash = hashHex(tx)
    expect(await viem.getTransaction({ hash })).toMatchObject({
      hash,
      chainId: CHAIN_ID,
      transactionIndex: index,
      gasPrice: 3n * GWEI,
      nonce: index,
    })
    expect(await viem.getTransactionReceipt({ hash })).toMatchObject({
      status: 'success',
      contractAddress: null,
      effectiveGasPrice: 3n * GWEI,
      blockHash,
      logs: [],
    })
  }
  expect(await viem.getTransaction({ hash: hashHex(pooled) })).toMatchObject({ blockNumber: null, blockHash: null })
  await expect(viem.getTransactionReceipt({ hash: hashHex(pooled) })).rejects.toThrow('could not be found')
})

test('viem reads accounts, proofs, fees and gas', async () => {
  expect(await viem.getChainId()).toBe(CHAIN_ID)
  expect(await viem.getBalance({ address: from })).toBe(10n ** 18n)
  expect(await viem.getTransactionCount({ address: from, blockTag: 'pending' })).toBe(4)
  expect(await viem.getProof({ address: from, storageKeys: [blockHash] })).toMatchObject({
    nonce: 3,
    balance: 10n ** 18n,
  })
  expect(await viem.getStorageAt({ address: from, slot: '0x2' })).toBe(`0x${'2'.padStart(64, '0')}`)
  expect(await viem.getGasPrice()).toBeGreaterThan(GWEI)
  expect(await viem.estimateFeesPerGas()).toMatchObject({ maxPriorityFeePerGas: parseGwei('2') })
  expect(await viem.estimateGas({ account: from, to: TO, value: 1n })).toBe(21_000n)
  expect(await viem.getFeeHistory({ blockCount: 2, rewardPercentiles: [25, 75] })).toMatchObject({ oldestBlock: 0n })
  await expect(viem.estimateGas({ account: from, to: TO, value: 10n ** 19n })).rejects.toThrow(/exceeds the balance/)
})

test('ethers reads the same', async () => {
  const block = await ethers.getBlock('latest', true)
  expect(block).toMatchObject({ number: 1, hash: blockHash })
  expect(block!.prefetchedTransactions.map(({ type }) => type)).toEqual([0, 1, 2])
  for (const tx of mined) {
    const found = await ethers.getTransaction(hashHex(tx))
    // ethers encodes the transaction again from the JSON: nothing that is signed may be missing from it.
    expect(found!.signature.yParity).toBe(tx.yParity)
    expect(await ethers.getTransactionReceipt(hashHex(tx))).toMatchObject({ status: 1, gasPrice: 3n * GWEI, blockHash })
  }
  expect(await ethers.getTransaction(hashHex(pooled))).toMatchObject({ blockHash: null })
  expect(await ethers.getTransactionReceipt(hashHex(pooled))).toBeNull()
  expect(await ethers.getTransactionCount(from, 'pending')).toBe(4)
  expect(await ethers.getFeeData()).toMatchObject({ maxPriorityFeePerGas: parseGwei('2') })
  expect((await ethers.getNetwork()).chainId).toBe(BigInt(CHAIN_ID))
})
