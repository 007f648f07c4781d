import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DEFAULT_POOL_OPTIONS, MAX_QUEUED_PER_ACCOUNT } from '../../../src/pool/limits.ts'
import { EMPTY_ACCOUNT } from '../../../src/primitives/account.ts'
import { toHex } from '../../../src/primitives/bytes.ts'
import { COIN, MAX_TRANSACTION_BYTES } from '../../../src/primitives/limits.ts'
import type { TransactionFields } from '../../../src/primitives/transaction.ts'
import type { Backends } from '../../../src/rpc/backend.ts'
import { toRpcError } from '../../../src/rpc/errors.ts'
import type { Json } from '../../../src/rpc/json.ts'
import * as limits from '../../../src/rpc/limits.ts'
import { rpcMethods } from '../../../src/rpc/methods/all.ts'
import { makeBlock } from '../../support/block-maker.ts'
import { londonEngine } from '../../support/london-engine.ts'
import { type RpcLedger, rpcLedger } from '../../support/rpc-ledger.ts'
import { openTestChain, type TestChain } from '../../support/test-chain.ts'
import { account, keyAddress, testGenesis } from '../../support/test-genesis.ts'
import { signedTransfer, testKey } from '../../support/transactions.ts'
import { type FakeOptions, fakeBackends, GWEI, SENDER } from './fake-backends.ts'
import { eventServices, LOCAL } from './serving.ts'

/** The table of errors in docs/rpc.md, row by row, on a real pool and a real chain; and each limit at its value and one past it. */

const CONTRACT = keyAddress(30)
const CODE = Uint8Array.of(0x60, 0x42)
const SENDER_WITH_CODE = 31
const GAS = 21_000n
/** What a plain transfer of `signedTransfer` reserves for gas. */
const FEE = GAS * 2n * GWEI

let testChain: TestChain
let ledger: RpcLedger

beforeAll(async () => {
  const accounts = [
    account(CONTRACT, { code: CODE }),
    account(keyAddress(SENDER_WITH_CODE), { code: CODE, balance: COIN }),
  ]
  testChain = await openTestChain({ genesis: testGenesis({ accounts }) }, londonEngine)
  const { chain } = testChain
  const transactions = [signedTransfer({ nonce: 0n }, testKey(1))]
  await chain.import(await makeBlock(chain, londonEngine, chain.head, { transactions }))
  ledger = await rpcLedger(testChain, londonEngine)
})
afterAll(async () => {
  await ledger.stop()
  await testChain.remove()
})

/** The error of a call, which must be one. */
async function refusal(method: string, ...params: Json[]): Promise<{ code: number; message: string; data?: Json }> {
  const message = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
  const { error } = JSON.parse((await ledger.send(message))!)
  return error ?? expect.fail(`${method} was answered`)
}

const send = (changes: Partial<TransactionFields>, key = 2) =>
  ledger.call('eth_sendRawTransaction', toHex(signedTransfer(changes, testKey(key)).raw))
const refusedSending = async (changes: Partial<TransactionFields>, key = 2) => {
  const { code, message } = await refusal('eth_sendRawTransaction', toHex(signedTransfer(changes, testKey(key)).raw))
  expect(code).toBe(-32000)
  return message
}

describe('a message', () => {
  test('that is not JSON, no request, of no method, or with bad parameters', async () => {
    const codeOf = async (text: string) => JSON.parse((await ledger.send(text))!).error
    expect(await codeOf('{')).toMatchObject({ code: -32700 })
    expect(await codeOf('{"id":1}')).toMatchObject({ code: -32600 })
    expect(await refusal('eth_nothing')).toMatchObject({
      code: -32601,
      message: 'the method eth_nothing does not exist/is not available',
    })
    expect(await refusal('eth_getBalance', '0x01')).toMatchObject({
      code: -32602,
      message: 'invalid argument 0 (address): hex string has 1 bytes, want 20',
    })
  })

  test('about a state that is not held', async () => {
    const gone = { code: -32000, message: 'historical state not available' }
    expect(await refusal('eth_getBalance', toHex(CONTRACT), '0x99')).toMatchObject(gone)
    expect(await refusal('eth_getProof', toHex(CONTRACT), [], `0x${'77'.repeat(32)}`)).toMatchObject(gone)
  })

  test('about what does not exist is null', async () => {
    const nothing = `0x${'77'.repeat(32)}`
    for (const method of ['eth_getBlockByHash', 'eth_getTransactionByHash', 'eth_getTransactionReceipt']) {
      expect(await ledger.call(method, nothing)).toBeNull()
    }
  })
})

describe('the pool refuses', () => {
  test('what it has already', async () => {
    const raw = toHex(signedTransfer({ nonce: 0n }, testKey(3)).raw)
    await ledger.call('eth_sendRawTransaction', raw)
    expect(await refusal('eth_sendRawTransaction', raw)).toEqual({ code: -32000, message: 'already known' })
  })

  test('a nonce that is used up', async () => {
    expect(await refusedSending({ nonce: 0n, value: 7n }, 1)).toBe('nonce too low: next nonce 1, tx nonce 0')
  })

  test('what costs more than there is, alone or together with others', async () => {
    const balance = 1000n * COIN
    expect(await refusedSending({ value: balance - FEE + 1n })).toBe(
      `insufficient funds for gas * price + value: balance ${balance}, tx cost ${balance + 1n}, overshot 1`,
    )
    await send({ nonce: 0n, value: balance - FEE }, 4)
    expect(await refusedSending({ nonce: 1n, value: 0n }, 4)).toBe(
      `insufficient funds for gas * price + value: balance ${balance}, queued cost ${balance}, tx cost ${FEE}, overshot ${FEE}`,
    )
    const dearer = { nonce: 0n, value: balance - FEE, maxFeePerGas: 4n * GWEI, maxPriorityFeePerGas: 4n * GWEI }
    expect(await refusedSending(dearer, 4)).toMatch(/^insufficient funds for gas \* price \+ value: .* overshot \d+$/)
  })

  test('a replacement that hardly pays more', async () => {
    await send({ nonce: 5n, value: 1n }, 5)
    const message = 'replacement transaction underpriced'
    expect(await refusedSending({ nonce: 5n, value: 2n }, 5)).toBe(message)
    const tenth = { maxFeePerGas: 2_200_000_000n, maxPriorityFeePerGas: 1_100_000_000n }
    expect(await refusedSending({ nonce: 5n, value: 2n, ...tenth, maxFeePerGas: tenth.maxFeePerGas - 1n }, 5)).toBe(
      message,
    )
    await send({ nonce: 5n, value: 2n, ...tenth }, 5)
  })

  test('a tip below the floor', async () => {
    const { minTip } = DEFAULT_POOL_OPTIONS
    expect(await refusedSending({ maxPriorityFeePerGas: minTip - 1n })).toBe(
      `transaction underpriced: gas tip cap ${minTip - 1n}, minimum needed ${minTip}`,
    )
  })

  test('too little gas, and too much', async () => {
    expect(await refusedSending({ gasLimit: 20_999n })).toBe('intrinsic gas too low: gas 20999, minimum needed 21000')
    const available = testChain.chain.head.header.gasLimit
    expect(await refusedSending({ gasLimit: available + 1n })).toMatch(/^exceeds block gas limit/)
  })

  test('fees that contradict each other, or do not fit', async () => {
    expect(await refusedSending({ maxPriorityFeePerGas: 3n * GWEI })).toMatch(
      /^max priority fee per gas higher than max fee per gas/,
    )
    const huge = 2n ** 255n
    expect(await refusedSending({ maxFeePerGas: huge, maxPriorityFeePerGas: GWEI })).toMatch(/^insufficient funds/)
  })

  test('what is signed for another network, or not protected, or not signed', async () => {
    expect(await refusedSending({ chainId: 1n })).toBe('invalid sender: invalid chain id for signer: have 1 want 1337')
    expect(await refusedSending({ type: 0, chainId: undefined, maxPriorityFeePerGas: 2n * GWEI })).toBe(
      'only replay-protected (EIP-155) transactions allowed over RPC',
    )
    const { raw } = signedTransfer({}, testKey(2))
    // r and s of all ones: beyond the group's order.
    const broken = Uint8Array.from(raw, (byte, i) => (i >= raw.length - 65 && i !== raw.length - 33 ? 0xff : byte))
    expect(await refusal('eth_sendRawTransaction', toHex(broken))).toMatchObject({
      code: -32000,
      message: expect.stringMatching(/^invalid sender/),
    })
  })

  test('what is too long, of another type, or no transaction at all', async () => {
    expect(await refusal('eth_sendRawTransaction', `0x02${'00'.repeat(MAX_TRANSACTION_BYTES)}`)).toEqual({
      code: -32000,
      message: `oversized data: transaction size ${MAX_TRANSACTION_BYTES + 1}, limit ${MAX_TRANSACTION_BYTES}`,
    })
    expect(await refusal('eth_sendRawTransaction', '0x03c0')).toEqual({
      code: -32000,
      message: 'transaction type not supported: 3',
    })
    for (const raw of ['0x', '0xc0', '0x02c0', '0x80']) {
      expect(await refusal('eth_sendRawTransaction', raw)).toMatchObject({ code: -32602 })
    }
  })

  test('what would run code', async () => {
    expect(await refusedSending({ to: undefined, gasLimit: 100_000n })).toMatch(/^contract creation not supported/)
    expect(await refusedSending({ to: CONTRACT })).toMatch(/^recipient is a contract/)
    expect(await refusedSending({ to: Uint8Array.from({ length: 20 }, (_, i) => (i === 19 ? 9 : 0)) })).toMatch(
      /^recipient is a precompiled contract/,
    )
    expect(await refusedSending({}, SENDER_WITH_CODE)).toMatch(/^sender not an eoa/)
  })

  test('more that waits for a nonce than an account may have', async () => {
    for (let i = 0; i < MAX_QUEUED_PER_ACCOUNT; i++) await send({ nonce: BigInt(i + 1) }, 6)
    expect(await refusedSending({ nonce: BigInt(MAX_QUEUED_PER_ACCOUNT + 1) }, 6)).toMatch(
      new RegExp(`^account limit exceeded: ${MAX_QUEUED_PER_ACCOUNT} `),
    )
  })
})

describe('an estimate fails as sending would', () => {
  const to = toHex(keyAddress(20))
  const hex = (value: bigint) => `0x${value.toString(16)}`

  test('where the fee does not reach the base fee', async () => {
    const { baseFeePerGas } = testChain.chain.head.header
    const at = (fee: bigint) => ({ from: toHex(keyAddress(2)), to, maxFeePerGas: hex(fee) })
    expect(await ledger.call('eth_estimateGas', at(baseFeePerGas))).toBe('0x5208')
    expect(await refusal('eth_estimateGas', at(baseFeePerGas - 1n))).toMatchObject({
      code: -32000,
      message: `max fee per gas less than block base fee: maxFeePerGas: ${baseFeePerGas - 1n}, baseFee: ${baseFeePerGas}`,
    })
  })

  test('where the gas given does not suffice', async () => {
    expect(await ledger.call('eth_estimateGas', { to, gas: '0x5208' })).toBe('0x5208')
    expect(await refusal('eth_estimateGas', { to, gas: '0x5207' })).toMatchObject({
      code: -32000,
      message: 'intrinsic gas too low: gas 20999, minimum needed 21000',
    })
  })

  test.each(['eth_call', 'eth_estimateGas', 'eth_createAccessList', 'eth_fillTransaction'])(
    'where the transaction contradicts itself (%s)',
    async (method) => {
      const from = toHex(keyAddress(2))
      const bad = async (fields: Json, reason: RegExp) => {
        const { code, message } = await refusal(method, { from, to, ...(fields as object) })
        expect(code).toBe(-32602)
        expect(message).toMatch(reason)
      }
      await bad({ gasPrice: '0x77359400', maxFeePerGas: '0x77359400' }, /both gasPrice and/)
      await bad({ chainId: '0x1' }, /chainId does not match node's \(have=1, want=1337\)/)
      await bad({ data: '0x01', input: '0x02' }, /both "data" and "input"/)
      const refused = (fields: Json) => refusal(method, { from, to, ...(fields as object) })
      expect(await refused({ maxFeePerGas: '0x77359400', maxPriorityFeePerGas: '0x77359401' })).toMatchObject({
        code: -32000,
        message: expect.stringMatching(/^max priority fee per gas higher than max fee per gas/),
      })
      for (const [fields, type] of [
        [{ type: '0x4' }, 4],
        [{ authorizationList: [] }, 4],
        [{ blobVersionedHashes: [] }, 3],
      ] as const) {
        expect(await refused(fields)).toEqual({ code: -32000, message: `transaction type not supported: ${type}` })
      }
      expect(await refused({ value: hex(2000n * COIN) })).toMatchObject({
        code: -32000,
        message: expect.stringMatching(/^insufficient funds for gas \* price \+ value/),
      })
      expect(await refusal(method, { from, data: '0x60' })).toMatchObject({
        code: -32000,
        message: expect.stringMatching(/^contract creation not supported/),
      })
    },
  )

  test('where a call would have its state changed first', async () => {
    expect(await refusal('eth_call', { to }, 'latest', { [to]: { balance: '0x1' } })).toMatchObject({
      code: -32602,
      message: 'invalid argument 2 (stateOverrides): overrides are not supported: no code runs',
    })
  })
})

describe('logs are refused', () => {
  test.each<[Json, number, RegExp]>([
    [{ fromBlock: '0x1', toBlock: '0x0' }, -32602, /invalid block range params/],
    [{ fromBlock: 'latest', toBlock: '0x0' }, -32602, /invalid block range params/],
    [{ toBlock: '0x2' }, -32602, /block range extends beyond current head block/],
    [{ fromBlock: '0x2' }, -32602, /invalid block range params/],
    [{ toBlock: 'pending' }, -32602, /pending logs are not supported/],
    [{ blockHash: `0x${'77'.repeat(32)}` }, -32000, /^unknown block$/],
    [{ blockHash: `0x${'77'.repeat(32)}`, toBlock: '0x1' }, -32602, /cannot specify both BlockHash and FromBlock/],
    [{ address: '0x01' }, -32602, /address: hex string has 1 bytes, want 20/],
    [{ topics: ['0x01'] }, -32602, /topics: hex string has 1 bytes, want 32/],
  ])('for %j', async (query, code, message) => {
    expect(await refusal('eth_getLogs', query)).toMatchObject({ code, message: expect.stringMatching(message) })
  })

  test('and given for a block, a range, and everything', async () => {
    const blockHash = toHex(testChain.chain.head.hash)
    for (const query of [{}, { blockHash }, { fromBlock: '0x0', toBlock: '0x1' }, { fromBlock: 'earliest' }]) {
      expect(await ledger.call('eth_getLogs', query)).toEqual([])
    }
  })
})

describe('a limit', () => {
  const calling = (options: FakeOptions = {}, changes: (backends: Backends) => Partial<Backends> = () => ({})) => {
    const backends = fakeBackends(options)
    const methods = rpcMethods({ ...backends, ...changes(backends) }, eventServices())
    return async (method: string, ...params: Json[]): Promise<unknown> => {
      try {
        return await methods[method]!.call(params, LOCAL)
      } catch (error) {
        const { code, message, data } = toRpcError(error)!
        return { code, message, data }
      }
    }
  }
  const past = (limit: number) => ({
    code: -32005,
    message: expect.stringMatching(new RegExp(`^limit exceeded: .*${limit}`)),
    data: { limit },
  })
  const word = `0x${'01'.padStart(64, '0')}`
  const address = toHex(SENDER)
  const many = <T extends Json>(length: number, item: T) => Array.from({ length }, () => item)

  test.each<[string, number, (length: number) => Json[], string]>([
    ['storage slots of a proof', limits.MAX_PROOF_KEYS, (n) => [address, many(n, '0x1'), 'latest'], 'eth_getProof'],
    ['percentiles', limits.MAX_FEE_PERCENTILES, (n) => [1, 'latest', many(n, 50)], 'eth_feeHistory'],
    ['addresses of a query', limits.MAX_LOG_ADDRESSES, (n) => [{ address: many(n, address) }], 'eth_getLogs'],
    ['topics at one place', limits.MAX_LOG_TOPICS, (n) => [{ topics: [many(n, word)] }], 'eth_getLogs'],
    ['transactions of a block to a page', limits.MAX_BLOCK_PAGE, (n) => ['latest', 0, n], 'ots_getBlockTransactions'],
    [
      'transactions of a history to a page',
      limits.MAX_HISTORY_PAGE,
      (n) => [address, 0, n],
      'ots_searchTransactionsBefore',
    ],
  ])('of %s is kept: %i', async (_, limit, params, method) => {
    const call = calling()
    expect(await call(method, ...params(limit))).not.toHaveProperty('code')
    expect(await call(method, ...params(limit + 1))).toMatchObject(past(limit))
  })

  test('of access-list entries is kept, and what passes costs more than a block', async () => {
    const call = calling()
    const entry = { address, storageKeys: [] }
    const estimate = (length: number) => call('eth_estimateGas', { to: address, accessList: many(length, entry) })
    expect(await estimate(limits.MAX_ACCESS_LIST_ITEMS)).toMatchObject({
      code: -32000,
      message: expect.stringMatching(/block gas limit/),
    })
    expect(await estimate(limits.MAX_ACCESS_LIST_ITEMS + 1)).toMatchObject(past(limits.MAX_ACCESS_LIST_ITEMS))
  })

  test('of a pool that is told whole is kept', async () => {
    const withPool = (pending: number, queued: number) =>
      calling({}, ({ pool }) => ({ pool: { ...pool, status: () => ({ pending, queued }) } }))
    for (const method of ['txpool_content', 'txpool_inspect']) {
      expect(await withPool(limits.MAX_POOL_CONTENT - 1, 1)(method)).toEqual({ pending: {}, queued: {} })
      expect(await withPool(limits.MAX_POOL_CONTENT, 1)(method)).toMatchObject(past(limits.MAX_POOL_CONTENT))
    }
  })

  test('of a search for a nonce is kept', async () => {
    const tx = signedTransfer({}, testKey(1))
    // An account that has only ever received, one transaction a block.
    const receiving = (blocks: number) =>
      calling({}, ({ chain }) => ({
        chain: {
          ...chain,
          head: async () => ({ ...(await chain.head()), header: { ...(await chain.head()).header, number: blocks } }),
          history: async (_address, from) => {
            const number = 'after' in from ? from.after + 1 : 0
            const head = await chain.head()
            const header = { ...head, header: { ...head.header, number } }
            return {
              transactions: [{ tx, hash: head.hash, sender: CONTRACT, header, index: 0 }],
              more: number < blocks,
            }
          },
        },
      }))
    const blocks = limits.MAX_NONCE_SEARCH
    // Halving looks at the upper half first, then at half of what is left: as many as there are blocks, nearly.
    expect(await receiving(blocks - 100)('ots_getTransactionBySenderAndNonce', address, 0)).toBeNull()
    expect(await receiving(blocks + 100)('ots_getTransactionBySenderAndNonce', address, 0)).toMatchObject(past(blocks))
  })

  test('of fee history is silently kept, as in geth', async () => {
    const blocks = many(limits.MAX_FEE_HISTORY_BLOCKS + 5, {})
    const call = calling({ blocks })
    const lengthOf = async (...params: Json[]) =>
      ((await call('eth_feeHistory', ...params)) as { gasUsedRatio: unknown[] }).gasUsedRatio.length
    expect(await lengthOf(limits.MAX_FEE_HISTORY_BLOCKS, 'latest')).toBe(limits.MAX_FEE_HISTORY_BLOCKS)
    expect(await lengthOf(limits.MAX_FEE_HISTORY_BLOCKS + 1, 'latest')).toBe(limits.MAX_FEE_HISTORY_BLOCKS)
    expect(await lengthOf(limits.MAX_FEE_REWARD_BLOCKS + 1, 'latest', [50])).toBe(limits.MAX_FEE_REWARD_BLOCKS)
  })

  test('of blocks behind: fees and nonces are told up to it and refused past it, the rest always', async () => {
    const highestBlock = 1_000
    const behind = (blocks: number) =>
      calling({
        accounts: { [address]: { ...EMPTY_ACCOUNT, nonce: 3n, balance: COIN } },
        syncing: { startingBlock: 0, currentBlock: highestBlock - blocks, highestBlock, stages: [] },
      })
    const asking: readonly (readonly [string, ...Json[]])[] = [
      ['eth_gasPrice'],
      ['eth_maxPriorityFeePerGas'],
      ['eth_feeHistory', 1, 'latest'],
      ['eth_getTransactionCount', address],
      ['eth_getTransactionCount', address, 'pending'],
      ['eth_fillTransaction', { from: address, to: address }],
    ]
    for (const [method, ...params] of asking) {
      expect(await behind(limits.MAX_BLOCKS_BEHIND)(method, ...params)).not.toHaveProperty('code')
      expect(await behind(limits.MAX_BLOCKS_BEHIND + 1)(method, ...params)).toMatchObject({
        code: -32000,
        message: 'node is syncing: at block 991 of 1000, fees and nonces are not known yet',
      })
    }
    const far = behind(500)
    expect(await far('eth_getBalance', address)).toBe('0xde0b6b3a7640000')
    expect(await far('eth_getTransactionCount', address, '0x0')).toBe('0x3')
    expect(await far('eth_syncing')).toMatchObject({ currentBlock: '0x1f4', highestBlock: '0x3e8' })
  })
})
