import { rmSync } from 'node:fs'
import { Wallet } from 'ethers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { NodeProcess } from '../support/node-process.ts'
import { temporaryDirectory } from '../support/test-chain.ts'

/** What MetaMask's controllers ask a network, with the parameters they send, against a node process over HTTP. */

const QUANTITY = /^0x(0|[1-9a-f][0-9a-f]*)$/
const HASH = /^0x[0-9a-f]{64}$/
const wallet = new Wallet('0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80')
const from = wallet.address.toLowerCase()
const to = '0x70997970c51812dc3a010c7d01b50e0d17dc79c8'
/** The contract in which the account tracker looks for many balances at once, where a network has it. */
const BALANCE_CHECKER = '0xb1f8e55c7f64d203c1400b9d8555d050f94adf39'
const MULTICALL3 = '0xca11bde05977b3631167028862be2a173976ca11'

let directory: string
let node: NodeProcess
let url: string
let nextId = 1

beforeAll(async () => {
  directory = temporaryDirectory()
  node = new NodeProcess(['start', '--dev', '--datadir', directory, '--http.port', '0'])
  url = await node.rpcUrl()
})

afterAll(async () => {
  await node.kill()
  rmSync(directory, { recursive: true, force: true })
})

async function ask<Result = string>(method: string, params?: readonly unknown[]): Promise<Result> {
  const body = JSON.stringify({ id: nextId++, jsonrpc: '2.0', method, ...(params && { params }) })
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  expect(response.status).toBe(200)
  const answer = (await response.json()) as { result: Result; error?: unknown }
  expect(answer.error, method).toBeUndefined()
  return answer.result
}

interface Block {
  readonly number: string
  readonly hash: string
  readonly baseFeePerGas: string
  readonly timestamp: string
  readonly transactions: readonly string[]
}

async function receiptOf(hash: string): Promise<Readonly<Record<string, string>>> {
  for (let attempt = 0; attempt < 600; attempt++) {
    const receipt = await ask<Record<string, string> | null>('eth_getTransactionReceipt', [hash])
    if (receipt) return receipt
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`no receipt of ${hash}`)
}

test('adding the network: its ids agree, and its blocks have a base fee', async () => {
  expect(await ask('eth_chainId', [])).toBe('0x7a69')
  expect(await ask('net_version', [])).toBe('31337')
  expect(await ask('net_version')).toBe('31337')
  expect(await ask<Block>('eth_getBlockByNumber', ['latest', false])).toMatchObject({
    baseFeePerGas: expect.stringMatching(QUANTITY),
  })
  expect(await ask('web3_clientVersion', [])).toMatch(/^idobata\//)
  expect(await ask('eth_syncing', [])).toBe(false)
})

test('tracking blocks and accounts', async () => {
  const number = await ask('eth_blockNumber', [])
  expect(number).toMatch(QUANTITY)
  const block = await ask<Block>('eth_getBlockByNumber', [number, false])
  expect(await ask<Block>('eth_getBlockByHash', [block.hash, false])).toEqual(block)
  for (const at of ['latest', number]) {
    expect(BigInt(await ask('eth_getBalance', [from, at]))).toBeGreaterThan(0n)
  }
  expect(await ask('eth_getBalance', [`0x${'99'.repeat(20)}`, 'latest'])).toBe('0x0')
})

test('contracts that this network does not have return nothing, and nothing is no error', async () => {
  const balances = `0xf0002ea9${'40'.padStart(64, '0')}`
  for (const contract of [BALANCE_CHECKER, MULTICALL3]) {
    expect(await ask('eth_getCode', [contract, 'latest'])).toBe('0x')
    expect(await ask('eth_call', [{ from, to: contract, data: balances }, 'latest'])).toBe('0x')
    expect(await ask('eth_call', [{ to: contract, data: balances }, await ask('eth_blockNumber', [])])).toBe('0x')
  }
  expect(
    await ask('eth_getLogs', [{ address: MULTICALL3, fromBlock: '0x0', toBlock: 'latest', topics: [null] }]),
  ).toEqual([])
})

describe('sending', () => {
  test('a transaction: judged, priced, signed, sent, followed until it is mined', async () => {
    // Is the recipient a contract?
    expect(await ask('eth_getCode', [to, 'latest'])).toBe('0x')
    const latest = await ask<Block>('eth_getBlockByNumber', ['latest', false])
    const draft = { from, to, value: '0xde0b6b3a7640000', data: '0x' }
    const gas = await ask('eth_estimateGas', [draft])
    expect(gas).toBe('0x5208')
    expect(await ask('eth_estimateGas', [{ ...draft, gas, gasPrice: '0x77359400' }, latest.number])).toBe(gas)

    const history = await ask<{
      baseFeePerGas: string[]
      gasUsedRatio: number[]
      reward: string[][]
      oldestBlock: string
    }>('eth_feeHistory', ['0x5', 'latest', [10, 20, 30]])
    const blocks = Math.min(5, Number(latest.number) + 1)
    expect(history.baseFeePerGas).toHaveLength(blocks + 1)
    expect(history.gasUsedRatio).toHaveLength(blocks)
    expect(history.reward).toHaveLength(blocks)
    const gasPrice = BigInt(await ask('eth_gasPrice', []))
    const tip = BigInt(await ask('eth_maxPriorityFeePerGas', []))
    expect(gasPrice).toBeGreaterThanOrEqual(tip)
    const nextBaseFee = BigInt(history.baseFeePerGas.at(-1)!)
    expect(gasPrice).toBe(nextBaseFee + tip)

    const confirmed = await ask('eth_getTransactionCount', [from, latest.number])
    expect(await ask('eth_getTransactionCount', [from, 'latest'])).toBe(confirmed)
    expect(await ask('eth_getTransactionCount', [from, 'pending'])).toBe(confirmed)
    const raw = await wallet.signTransaction({
      type: 2,
      chainId: 31_337,
      nonce: Number(confirmed),
      to,
      value: BigInt(draft.value),
      gasLimit: BigInt(gas),
      maxPriorityFeePerGas: tip,
      maxFeePerGas: 2n * nextBaseFee + tip,
    })
    const before = BigInt(await ask('eth_getBalance', [to, 'latest']))
    const hash = await ask('eth_sendRawTransaction', [raw])
    expect(hash).toMatch(HASH)

    const receipt = await receiptOf(hash)
    expect(receipt).toMatchObject({ status: '0x1', transactionHash: hash, gasUsed: gas, from, to })
    const block = await ask<Block>('eth_getBlockByHash', [receipt.blockHash, false])
    expect(block.transactions).toContain(hash)
    expect(await ask('eth_getTransactionByHash', [hash])).toMatchObject({
      hash,
      blockHash: receipt.blockHash,
      blockNumber: receipt.blockNumber,
      nonce: confirmed,
    })
    expect(BigInt(await ask('eth_getBalance', [to, receipt.blockNumber])) - before).toBe(10n ** 18n)
    expect(BigInt(await ask('eth_getTransactionCount', [from, 'latest']))).toBe(BigInt(confirmed) + 1n)
  })

  test('what a wallet would explain to its user is refused in words it knows', async () => {
    const explain = async (method: string, params: readonly unknown[]) => {
      const body = JSON.stringify({ id: nextId++, jsonrpc: '2.0', method, params })
      const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
      return ((await response.json()) as { error: { code: number; message: string } }).error
    }
    const tooMuch = { from, to, value: '0xffffffffffffffffffff', data: '0x' }
    expect(await explain('eth_estimateGas', [tooMuch])).toMatchObject({
      code: -32000,
      message: expect.stringMatching(/^insufficient funds for gas \* price \+ value/),
    })
    const stale = await wallet.signTransaction({
      type: 0,
      chainId: 31_337,
      nonce: 0,
      to,
      gasLimit: 21_000,
      gasPrice: 10n ** 10n,
    })
    expect(await explain('eth_sendRawTransaction', [stale])).toMatchObject({
      code: -32000,
      message: expect.stringMatching(/^nonce too low/),
    })
    // What a wallet does itself, no node is asked to do.
    expect(await explain('personal_sign', ['0x01', from])).toMatchObject({ code: -32601 })
  })
})

test('several questions in one message', async () => {
  const batch = ['eth_chainId', 'eth_blockNumber', 'eth_gasPrice'].map((method, id) => ({
    id,
    jsonrpc: '2.0',
    method,
    params: [],
  }))
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(batch),
  })
  const answers = (await response.json()) as { id: number; result: string }[]
  expect(answers.map(({ id }) => id)).toEqual([0, 1, 2])
  for (const { result } of answers) expect(result).toMatch(QUANTITY)
})
