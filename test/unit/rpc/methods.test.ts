import { parseGwei } from 'viem'
import { describe, expect, test } from 'vitest'
import { transactionHash } from '../../../src/crypto/hashes.ts'
import { EMPTY_ACCOUNT } from '../../../src/primitives/account.ts'
import { fromHex, toHex } from '../../../src/primitives/bytes.ts'
import { type RpcError, toRpcError } from '../../../src/rpc/errors.ts'
import { rpcMethods } from '../../../src/rpc/methods/all.ts'
import { type FakeOptions, fakeBackends, GWEI, SENDER } from './fake-backends.ts'
import { eventServices, LOCAL } from './serving.ts'
import { signedByViem } from './signed.ts'

const TO = `0x${'0b'.repeat(20)}` as const
const SENDER_HEX = toHex(SENDER)

function node(options: FakeOptions = {}) {
  const backends = fakeBackends(options)
  const methods = rpcMethods(backends, eventServices())
  const call = async (name: string, ...params: unknown[]) => methods[name]!.call(params, LOCAL)
  const refusal = async (name: string, ...params: unknown[]): Promise<RpcError> => {
    try {
      await call(name, ...params)
    } catch (error) {
      return toRpcError(error) ?? Promise.reject(error)
    }
    throw new Error(`${name} was answered`)
  }
  return { ...backends, call, refusal }
}

const rich = { ...EMPTY_ACCOUNT, nonce: 7n, balance: 10n ** 18n }

test('every method describes itself, its parameters and its result', () => {
  for (const [name, { summary, params, result }] of Object.entries(rpcMethods(fakeBackends(), eventServices()))) {
    expect(name).toMatch(/^[a-z0-9]+_[a-zA-Z0-9]+$/)
    expect(summary).not.toBe('')
    for (const { schema } of Object.values(params)) expect(Object.keys(schema)).not.toEqual([])
    expect(Object.keys(result)).not.toEqual([])
  }
})

describe('status', () => {
  test('of a node at the head', async () => {
    const { call } = node({ blocks: [{}, {}], coinbase: SENDER })
    expect(await call('eth_chainId')).toBe('0x4e95')
    expect(await call('net_version')).toBe('20117')
    expect(await call('eth_blockNumber')).toBe('0x2')
    expect(await call('eth_syncing')).toBe(false)
    expect(await call('eth_mining')).toBe(true)
    expect(await call('eth_hashrate')).toBe('0x4d2')
    expect(await call('eth_coinbase')).toBe(SENDER_HEX)
    expect(await call('eth_accounts')).toEqual([])
    expect(await call('net_listening')).toBe(false)
    expect(await call('net_peerCount')).toBe('0x0')
    expect(await call('web3_clientVersion')).toBe('idobata/0.0.0/test')
    expect(await call('web3_sha3', '0x')).toBe('0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470')
  })

  test('of a node that is behind, and one without an account', async () => {
    const { call, refusal } = node({
      syncing: {
        startingBlock: 1,
        currentBlock: 16,
        highestBlock: 255,
        stages: [
          { name: 'headers', block: 255 },
          { name: 'execution', block: 16 },
        ],
      },
    })
    expect(await call('eth_syncing')).toEqual({
      startingBlock: '0x1',
      currentBlock: '0x10',
      highestBlock: '0xff',
      stages: [
        { stage_name: 'headers', block_number: '0xff' },
        { stage_name: 'execution', block_number: '0x10' },
      ],
    })
    expect(await refusal('eth_coinbase')).toMatchObject({ code: -32000 })
  })
})

describe('accounts', () => {
  const accounts = { [SENDER_HEX]: rich }

  test('that do not exist have nothing', async () => {
    const { call } = node()
    expect(await call('eth_getBalance', TO)).toBe('0x0')
    expect(await call('eth_getTransactionCount', TO, 'latest')).toBe('0x0')
  })

  test('count pooled transactions only under the pending tag', async () => {
    const pooled = [await signedByViem({ to: TO, nonce: 7, gasPrice: GWEI })]
    const { call } = node({ accounts, pooled })
    expect(await call('eth_getBalance', SENDER_HEX, 'pending')).toBe('0xde0b6b3a7640000')
    expect(await call('eth_getTransactionCount', SENDER_HEX)).toBe('0x7')
    expect(await call('eth_getTransactionCount', SENDER_HEX, 'latest')).toBe('0x7')
    expect(await call('eth_getTransactionCount', SENDER_HEX, 'pending')).toBe('0x8')
  })

  test('have code, slots of 32 bytes, and proofs that name slots as asked', async () => {
    const { call } = node({ accounts })
    expect(await call('eth_getCode', SENDER_HEX, 'latest')).toBe('0x6042')
    expect(await call('eth_getStorageAt', SENDER_HEX, '0x5', 'latest')).toBe(`0x${'5'.padStart(64, '0')}`)
    const word = `0x${'2'.padStart(64, '0')}`
    expect(await call('eth_getProof', SENDER_HEX, ['0x1', word], 'latest')).toMatchObject({
      address: SENDER_HEX,
      nonce: '0x7',
      accountProof: ['0xc0'],
      storageProof: [
        { key: '0x1', value: '0x1', proof: ['0x80'] },
        { key: word, value: '0x2', proof: ['0x80'] },
      ],
    })
    expect(await call('eth_getProof', TO, [], 'latest')).toMatchObject({
      balance: '0x0',
      codeHash: '0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470',
      storageHash: '0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421',
      storageProof: [],
    })
  })

  test('in a state that is not held are an error, never empty', async () => {
    const { call, refusal } = node({ accounts, blocks: [{}, {}], stateFrom: 1 })
    const gone = { code: -32000, message: 'historical state not available' }
    expect(await call('eth_getBalance', SENDER_HEX, '0x1')).toBe('0xde0b6b3a7640000')
    expect(await refusal('eth_getBalance', SENDER_HEX, '0x0')).toMatchObject(gone)
    expect(await refusal('eth_getBalance', SENDER_HEX, 'earliest')).toMatchObject(gone)
    expect(await refusal('eth_getBalance', SENDER_HEX, '0x3')).toMatchObject(gone)
    expect(await refusal('eth_getCode', SENDER_HEX, `0x${'00'.repeat(32)}`)).toMatchObject(gone)
  })

  test('at a side block are refused where the caller asks for canonical blocks alone', async () => {
    const { call, refusal, side, blocks } = node({ accounts, blocks: [{}] })
    const blockHash = toHex(side.hash)
    expect(await call('eth_getBalance', SENDER_HEX, { blockHash })).toBe('0xde0b6b3a7640000')
    expect(await refusal('eth_getBalance', SENDER_HEX, { blockHash, requireCanonical: true })).toMatchObject({
      code: -32000,
      message: 'hash is not currently canonical',
    })
    const canonical = { blockHash: toHex(blocks[1]!.hash), requireCanonical: true }
    expect(await call('eth_getBalance', SENDER_HEX, canonical)).toBe('0xde0b6b3a7640000')
  })
})

describe('blocks and transactions', () => {
  const types = async () => [
    await signedByViem({ to: TO, nonce: 0, gasPrice: 3n * GWEI }),
    await signedByViem({ to: TO, nonce: 1, gasPrice: 3n * GWEI, accessList: [], gas: 30_000n }),
    await signedByViem({ to: TO, nonce: 2, maxFeePerGas: 9n * GWEI, maxPriorityFeePerGas: 2n * GWEI, data: '0x01' }),
  ]

  test('a block lists hashes or whole transactions', async () => {
    const transactions = await types()
    const { call, blocks } = node({ blocks: [{ transactions }] })
    const hashes = transactions.map((tx) => toHex(transactionHash(tx)))
    const block = { hash: toHex(blocks[1]!.hash), totalDifficulty: '0x7d0', uncles: [], transactions: hashes }
    expect(await call('eth_getBlockByNumber', 'latest')).toMatchObject(block)
    expect(await call('eth_getBlockByNumber', '0x1', false)).toMatchObject(block)
    expect(await call('eth_getBlockByHash', block.hash, false)).toMatchObject(block)
    expect(await call('eth_getBlockByNumber', '0x1', true)).toMatchObject({
      transactions: hashes.map((hash, index) => ({ hash, from: SENDER_HEX, transactionIndex: `0x${index}` })),
    })
    expect(await call('eth_getHeaderByNumber', '0x1')).not.toHaveProperty('transactions')
    expect(await call('eth_getHeaderByHash', block.hash)).toMatchObject({ number: '0x1', hash: block.hash })
  })

  test('what does not exist is null', async () => {
    const { call } = node()
    const nothing = `0x${'77'.repeat(32)}`
    expect(await call('eth_getBlockByNumber', '0x1', true)).toBeNull()
    for (const name of [
      'eth_getBlockByHash',
      'eth_getHeaderByHash',
      'eth_getTransactionByHash',
      'eth_getTransactionReceipt',
      'eth_getBlockReceipts',
    ]) {
      expect(await call(name, nothing)).toBeNull()
    }
  })

  test('a transaction is found in its block, else in the pool with null in place of the block', async () => {
    const [first, second, third] = await types()
    const { call, blocks } = node({ blocks: [{ transactions: [first!, second!] }], pooled: [third!] })
    expect(await call('eth_getTransactionByHash', toHex(transactionHash(second!)))).toMatchObject({
      blockHash: toHex(blocks[1]!.hash),
      blockNumber: '0x1',
      transactionIndex: '0x1',
      type: '0x1',
      yParity: expect.stringMatching(/^0x[01]$/),
    })
    const pending = toHex(transactionHash(third!))
    expect(await call('eth_getTransactionByHash', pending)).toMatchObject({
      blockHash: null,
      blockNumber: null,
      transactionIndex: null,
      gasPrice: `0x${(9n * GWEI).toString(16)}`,
    })
    expect(await call('eth_getTransactionReceipt', pending)).toBeNull()
  })

  test('a receipt counts gas by itself and through the block, and tells the price paid', async () => {
    const transactions = await types()
    const { call } = node({ blocks: [{ transactions, baseFeePerGas: GWEI }] })
    const receipts = await call('eth_getBlockReceipts', '0x1')
    expect(receipts).toMatchObject([
      { gasUsed: '0x5208', cumulativeGasUsed: '0x5208', effectiveGasPrice: '0xb2d05e00', type: '0x0' },
      { gasUsed: '0x5208', cumulativeGasUsed: '0xa410', effectiveGasPrice: '0xb2d05e00', type: '0x1' },
      { gasUsed: '0x5218', cumulativeGasUsed: '0xf628', effectiveGasPrice: '0xb2d05e00', type: '0x2' },
    ])
    for (const receipt of receipts as { transactionHash: string }[]) {
      expect(receipt).toMatchObject({ status: '0x1', contractAddress: null, logs: [], from: SENDER_HEX, to: TO })
      expect(await call('eth_getTransactionReceipt', receipt.transactionHash)).toEqual(receipt)
    }
  })

  test('an unprotected transaction has no chain id and v of 27 or 28', async () => {
    const tx = await signedByViem({ to: TO, gasPrice: GWEI, chainId: undefined })
    const { call } = node({ blocks: [{ transactions: [tx] }] })
    const json = await call('eth_getTransactionByHash', toHex(transactionHash(tx)))
    expect(json).toMatchObject({ v: expect.stringMatching(/^0x1[bc]$/) })
    expect(json).not.toHaveProperty('chainId')
    expect(json).not.toHaveProperty('yParity')
  })

  test('a raw transaction reaches the pool byte for byte', async () => {
    const tx = await signedByViem({ to: TO, gasPrice: GWEI })
    const { call, submitted } = node()
    expect(await call('eth_sendRawTransaction', toHex(tx.raw))).toBe(toHex(transactionHash(tx)))
    expect(submitted).toEqual([tx.raw])
  })
})

describe('the gas estimate', () => {
  const accounts = { [SENDER_HEX]: rich, [TO]: { ...EMPTY_ACCOUNT, codeHash: new Uint8Array(32).fill(1) } }
  const plain = `0x${'0c'.repeat(20)}`

  test('is the intrinsic gas', async () => {
    const { call } = node({ accounts })
    expect(await call('eth_estimateGas', { to: plain })).toBe('0x5208')
    expect(await call('eth_estimateGas', { to: plain, data: '0x0001' }, 'latest')).toBe('0x521c')
    expect(await call('eth_estimateGas', { to: plain, input: '0x0001', data: '0x0001' }, 'latest', {})).toBe('0x521c')
    const accessList = [{ address: plain, storageKeys: [`0x${'00'.repeat(32)}`] }]
    expect(await call('eth_estimateGas', { to: plain, accessList })).toBe(`0x${(21_000 + 2_400 + 1_900).toString(16)}`)
  })

  test('fails as sending would', async () => {
    const { refusal, call } = node({ accounts, blocks: [{ gasLimit: 100_000n }] })
    const message = (text: string) => ({ code: -32000, message: expect.stringContaining(text) })
    expect(await refusal('eth_estimateGas', { data: '0x60' })).toMatchObject(message('contract creation'))
    expect(await refusal('eth_estimateGas', { to: TO })).toMatchObject(message('recipient is a contract'))
    for (const last of ['01', '09']) {
      const to = `0x${last.padStart(40, '0')}`
      expect(await refusal('eth_estimateGas', { to })).toMatchObject(message('precompiled'))
    }
    expect(await call('eth_estimateGas', { to: `0x${'0a'.padStart(40, '0')}` })).toBe('0x5208')
    const huge = { to: plain, data: `0x${'ff'.repeat(5_000)}` }
    expect(await refusal('eth_estimateGas', huge)).toMatchObject(message('exceeds block gas limit'))
    const long = { to: plain, data: `0x${'00'.repeat(128 * 1024 + 1)}` }
    expect(await refusal('eth_estimateGas', long)).toMatchObject(message('oversized data'))
    expect(await refusal('eth_estimateGas', { to: plain, data: '0x01', input: '0x02' })).toMatchObject({ code: -32602 })
  })

  test('wants value and fee to be covered, to the wei', async () => {
    const { call, refusal } = node({ accounts })
    const value = rich.balance - 21_000n * GWEI
    const transfer = (wei: bigint) => ({
      from: SENDER_HEX,
      to: plain,
      value: `0x${wei.toString(16)}`,
      maxFeePerGas: `0x${GWEI.toString(16)}`,
    })
    expect(await call('eth_estimateGas', transfer(value))).toBe('0x5208')
    expect(await refusal('eth_estimateGas', transfer(value + 1n))).toMatchObject({
      message: expect.stringMatching(/^insufficient funds .* overshot 1$/),
    })
  })
})

describe('fees', () => {
  const tipping = (nonce: number, gwei: string, gas = 21_000n) =>
    signedByViem({ to: TO, nonce, gas, maxFeePerGas: parseGwei('1000'), maxPriorityFeePerGas: parseGwei(gwei) })
  const hex = (gwei: string) => `0x${parseGwei(gwei).toString(16)}`

  test("of an idle chain are the pool's floor over the next base fee", async () => {
    const { call } = node({ blocks: [{ baseFeePerGas: 8n * GWEI }] })
    expect(await call('eth_maxPriorityFeePerGas')).toBe(hex('1'))
    expect(await call('eth_gasPrice')).toBe(hex('8'))
  })

  test("follow what recent blocks took: the 60th percentile of each block's three lowest tips", async () => {
    const transactions = await Promise.all(['9', '2', '3', '4'].map((gwei, nonce) => tipping(nonce, gwei)))
    const later = [await tipping(4, '5')]
    const { call } = node({ blocks: [{ transactions }, { transactions: later }] })
    // 2, 3, 4 and 5: position floor(3 * 0.6).
    expect(await call('eth_maxPriorityFeePerGas')).toBe(hex('3'))
  })

  test('forget blocks older than twenty, and are capped', async () => {
    const old = { transactions: [await tipping(0, '7')] }
    const empty = Array.from({ length: 19 }, () => ({}))
    expect(await node({ blocks: [old, ...empty] }).call('eth_maxPriorityFeePerGas')).toBe(hex('7'))
    expect(await node({ blocks: [old, ...empty, {}] }).call('eth_maxPriorityFeePerGas')).toBe(hex('1'))
    const careless = { transactions: [await tipping(0, '900')] }
    expect(await node({ blocks: [careless] }).call('eth_maxPriorityFeePerGas')).toBe(hex('500'))
  })

  test('as history: one more base fee than blocks, and how full each was', async () => {
    const transactions = [await tipping(0, '2')]
    const { call } = node({ blocks: [{ gasLimit: 42_000n, transactions }, { baseFeePerGas: 16n }] })
    expect(await call('eth_feeHistory', '0x2', 'latest', [])).toEqual({
      oldestBlock: '0x1',
      baseFeePerGas: [hex('1'), '0x10', '0xe'],
      gasUsedRatio: [0.5, 0],
    })
    expect(await call('eth_feeHistory', 10, '0x1')).toMatchObject({ oldestBlock: '0x0', gasUsedRatio: [0, 0.5] })
    expect(await call('eth_feeHistory', 0, 'latest')).toEqual({
      oldestBlock: '0x0',
      baseFeePerGas: [],
      gasUsedRatio: [],
    })
  })

  test('as history: tips weighed by gas; an empty block answers with the floor', async () => {
    const memo = `0x${'01'.repeat(4_000)}` as const
    const heavy = await signedByViem({
      to: TO,
      nonce: 9,
      gas: 85_000n,
      data: memo,
      maxFeePerGas: parseGwei('1000'),
      maxPriorityFeePerGas: parseGwei('5'),
    })
    // 85,000 gas at 5 gwei stands between 21,000 at 2 and 21,000 at 8: the middle half belongs to it.
    const transactions = [await tipping(0, '8'), heavy, await tipping(1, '2')]
    const { call } = node({ blocks: [{ transactions }, {}] })
    expect(await call('eth_feeHistory', 2, 'latest', [0, 16, 17, 83, 84, 100])).toMatchObject({
      reward: [['2', '2', '5', '5', '8', '8'].map(hex), Array.from({ length: 6 }, () => hex('1'))],
    })
  })

  test('as history: refuses percentiles that fall, and blocks that are not there', async () => {
    const { refusal } = node()
    expect(await refusal('eth_feeHistory', 1, 'latest', [50, 49])).toMatchObject({ code: -32602 })
    expect(await refusal('eth_feeHistory', 1, 'latest', [101])).toMatchObject({ code: -32602 })
    expect(await refusal('eth_feeHistory', 1, '0x5', [])).toMatchObject({ code: -32000 })
  })
})

test('addresses are taken in any case', async () => {
  const { call } = node({ accounts: { [SENDER_HEX]: rich } })
  expect(await call('eth_getTransactionCount', '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266')).toBe('0x7')
  expect(fromHex(SENDER_HEX)).toEqual(SENDER)
})
