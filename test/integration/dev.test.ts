import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import {
  createPublicClient,
  createTestClient,
  createWalletClient,
  type Hash,
  http,
  parseEther,
  parseGwei,
  type TestClient,
} from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { anvil } from 'viem/chains'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { NodeProcess, run } from '../support/node-process.ts'
import { temporaryDirectory } from '../support/test-chain.ts'

/** `idobata start --dev` as Hardhat's and Foundry's users meet it: viem's test client on a real process. */

const account = privateKeyToAccount('0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80')
const NOBODY = '0x00000000000000000000000000000000000000aa'
const transfer = { to: NOBODY, value: 1n } as const
/** The same bytes whenever it is signed with the same nonce. */
const fixed = {
  ...transfer,
  gas: 21_000n,
  maxFeePerGas: parseGwei('10'),
  maxPriorityFeePerGas: parseGwei('1'),
} as const

let directory: string
const running: NodeProcess[] = []
beforeEach(() => {
  directory = temporaryDirectory()
})
afterEach(async () => {
  for (const node of running.splice(0)) await node.kill()
  rmSync(directory, { recursive: true, force: true })
})

function start(...args: string[]): NodeProcess {
  const node = new NodeProcess(['start', '--dev', '--http.port', '0', ...args], { TMPDIR: directory })
  running.push(node)
  return node
}

function clientsOf(url: string, mode: TestClient['mode'] = 'anvil') {
  const options = {
    chain: anvil,
    transport: http(url, { retryCount: 0, timeout: 120_000 }),
    pollingInterval: 20,
    cacheTime: 0,
  } as const
  return {
    reader: createPublicClient(options),
    wallet: createWalletClient({ ...options, account }),
    dev: createTestClient({ ...options, mode }),
    raw: (method: string, ...params: unknown[]) => createPublicClient(options).request({ method, params } as never),
  }
}

type Clients = ReturnType<typeof clientsOf>

async function clients(
  node = start('--datadir', join(directory, 'data')),
  mode?: TestClient['mode'],
): Promise<Clients> {
  return clientsOf(await node.rpcUrl(), mode)
}

const timestampOf = async ({ reader }: Clients) => Number((await reader.getBlock()).timestamp)

describe.each(['anvil', 'hardhat'] as const)('viem’s test client in mode %s', (mode) => {
  test('controls when blocks come', async () => {
    const { reader, wallet, dev } = await clients(undefined, mode)
    expect(await dev.getAutomine()).toBe(true)
    const first = await wallet.sendTransaction(transfer)
    expect(await reader.getTransactionReceipt({ hash: first })).toMatchObject({ blockNumber: 1n, status: 'success' })

    await dev.setAutomine(false)
    expect(await dev.getAutomine()).toBe(false)
    const waiting = [await wallet.sendTransaction(transfer), await wallet.sendTransaction(transfer)]
    expect(await reader.getBlockNumber()).toBe(1n)
    await dev.mine({ blocks: 1 })
    expect(await reader.getBlock()).toMatchObject({ number: 2n, transactions: waiting })

    const dropped = await wallet.sendTransaction(transfer)
    await dev.dropTransaction({ hash: dropped })
    await dev.mine({ blocks: 1 })
    expect(await reader.getBlock()).toMatchObject({ number: 3n, transactions: [] })

    const pending = await wallet.sendTransaction(transfer)
    await dev.setAutomine(true)
    await expect.poll(() => reader.getBlockNumber()).toBe(4n)
    expect(await reader.getTransactionReceipt({ hash: pending })).toMatchObject({ blockNumber: 4n })

    await dev.setAutomine(false)
    const later = await wallet.sendTransaction(transfer)
    await dev.setIntervalMining({ interval: 1 })
    await expect.poll(() => reader.getBlockNumber()).toBeGreaterThanOrEqual(6n)
    expect(await reader.getTransactionReceipt({ hash: later })).toMatchObject({ blockNumber: 5n })
    await dev.setIntervalMining({ interval: 0 })
    const height = await reader.getBlockNumber()
    await dev.mine({ blocks: 1 })
    expect(await reader.getBlockNumber()).toBeLessThanOrEqual(height + 2n)
  })

  test('controls their time', async () => {
    const all = await clients(undefined, mode)
    const { reader, wallet, dev } = all
    await dev.mine({ blocks: 1 })
    const begun = await timestampOf(all)
    await dev.increaseTime({ seconds: 86_400 })
    await dev.mine({ blocks: 1 })
    const dayLater = await timestampOf(all)
    expect(dayLater).toBeGreaterThanOrEqual(begun + 86_400)

    const next = dayLater + 1_000_000
    await dev.setNextBlockTimestamp({ timestamp: BigInt(next) })
    const { blockNumber } = await wallet
      .sendTransaction(transfer)
      .then((hash) => reader.getTransactionReceipt({ hash }))
    expect((await reader.getBlock({ blockNumber })).timestamp).toBe(BigInt(next))
    await dev.mine({ blocks: 1 })
    expect(await timestampOf(all)).toBeGreaterThan(next)

    const before = await timestampOf(all)
    await dev.mine({ blocks: 3, interval: 60 })
    const head = await reader.getBlock()
    const [first] = await Promise.all([reader.getBlock({ blockNumber: head.number - 2n })])
    expect(first.timestamp).toBeGreaterThan(BigInt(before))
    expect(head.timestamp - first.timestamp).toBe(120n)

    const past = dev.setNextBlockTimestamp({ timestamp: head.timestamp })
    await expect(past).rejects.toThrow(
      `Timestamp ${head.timestamp} is lower than or equal to previous block's timestamp`,
    )
  })

  test('takes a snapshot of chain, pool and time, and goes back to it', async () => {
    const all = await clients(undefined, mode)
    const { reader, wallet, dev, raw } = all
    await wallet.sendTransaction(transfer)
    await dev.setAutomine(false)
    const pooled = await wallet.sendTransaction(transfer)
    const [before, nonce] = [await reader.getBlock(), await reader.getTransactionCount({ address: account.address })]
    const id = await dev.snapshot()
    await dev.mine({ blocks: 2 })
    const gone = await wallet.sendTransaction(fixed)
    await dev.setBalance({ address: NOBODY, value: 5n })
    const inner = await dev.snapshot()
    await dev.increaseTime({ seconds: 10_000_000 })
    await dev.mine({ blocks: 3 })

    await dev.revert({ id })
    expect(await reader.getBlock()).toEqual(before)
    expect(await reader.getBalance({ address: NOBODY })).toBe(1n)
    expect(await reader.getTransactionCount({ address: account.address })).toBe(nonce)
    expect(await reader.getTransaction({ hash: pooled })).toMatchObject({ blockNumber: null })
    await expect(reader.getTransaction({ hash: gone })).rejects.toThrow('could not be found')
    await expect(reader.getTransactionReceipt({ hash: gone })).rejects.toThrow('could not be found')
    expect(await raw('evm_revert', inner)).toBe(false)
    expect(await raw('evm_revert', id)).toBe(false)

    await dev.mine({ blocks: 1 })
    expect(await reader.getTransactionReceipt({ hash: pooled })).toMatchObject({ blockNumber: before.number + 1n })
    expect(await timestampOf(all)).toBeLessThan(Number(before.timestamp) + 10_000_000)
    // What is gone can come again.
    await dev.setAutomine(true)
    const again = await wallet.sendTransaction(fixed)
    expect(again).toBe(gone)
    expect(await reader.getTransactionReceipt({ hash: again })).toMatchObject({ status: 'success' })
  })

  test('sets balances and nonces', async () => {
    const { reader, wallet, dev, raw } = await clients(undefined, mode)
    await dev.setBalance({ address: NOBODY, value: parseEther('3') })
    expect(await reader.getBalance({ address: NOBODY })).toBe(parseEther('3'))
    await dev.setBalance({ address: account.address, value: 0n })
    await expect(wallet.sendTransaction(transfer)).rejects.toThrow('insufficient funds')
    await dev.setBalance({ address: account.address, value: parseEther('1') })
    await dev.setNonce({ address: account.address, nonce: 7 })
    const hash = await wallet.sendTransaction(transfer)
    expect(await reader.getTransaction({ hash })).toMatchObject({ nonce: 7 })
    await expect(dev.setNonce({ address: account.address, nonce: 7 })).rejects.toThrow('must not be smaller')
    expect(await raw(`${mode}_metadata`)).toMatchObject({ chainId: 31_337, latestBlockNumber: 5 })
    await dev.reset()
    expect(await reader.getBlockNumber()).toBe(0n)
    expect(await reader.getTransactionCount({ address: account.address })).toBe(0)
    expect(await reader.getBalance({ address: account.address })).toBe(parseEther('10000'))
  })
})

/** Signed ahead, so that sending costs the node alone. */
async function signedTransfers({ wallet }: Clients, count: number): Promise<`0x${string}`[]> {
  return Promise.all(Array.from({ length: count }, (_, nonce) => wallet.signTransaction({ ...fixed, nonce })))
}

test('a hundred transactions at once get a hundred blocks, one second apart at least, each with its receipt', async () => {
  const all = await clients()
  const { reader } = all
  const signed = await signedTransfers(all, 100)
  const hashes = await Promise.all(
    signed.map((serializedTransaction) => reader.sendRawTransaction({ serializedTransaction })),
  )
  const receipts = await Promise.all(hashes.map((hash) => reader.getTransactionReceipt({ hash })))
  expect(receipts.map(({ blockNumber }) => Number(blockNumber))).toEqual(signed.map((_, i) => i + 1))
  const blocks = await Promise.all(receipts.map(({ blockNumber }) => reader.getBlock({ blockNumber })))
  const times = blocks.map(({ timestamp }) => timestamp)
  expect(times.every((time, i) => i === 0 || time > times[i - 1]!)).toBe(true)
})

test('a transaction that must wait for another is answered at once, and mined with it', async () => {
  const all = await clients()
  const { reader } = all
  const [first, second] = await signedTransfers(all, 2)
  const waiting = await reader.sendRawTransaction({ serializedTransaction: second! })
  expect(await reader.getBlockNumber()).toBe(0n)
  await reader.sendRawTransaction({ serializedTransaction: first! })
  await expect.poll(() => reader.getBlockNumber()).toBe(2n)
  expect(await reader.getTransactionReceipt({ hash: waiting })).toMatchObject({ blockNumber: 2n })
})

test('evm_mine takes a timestamp, by itself or in options, and counts', async () => {
  const all = await clients()
  const { raw, reader } = all
  expect(await raw('evm_mine')).toBe('0x0')
  const at = (await timestampOf(all)) + 500
  expect(await raw('evm_mine', at)).toBe('0x0')
  expect(await timestampOf(all)).toBe(at)
  await raw('evm_mine', { blocks: 4, timestamp: at + 500 })
  expect(await reader.getBlockNumber()).toBe(6n)
  expect((await reader.getBlock({ blockNumber: 3n })).timestamp).toBe(BigInt(at + 500))
  await expect(raw('evm_mine', at)).rejects.toThrow('lower than or equal')
  await expect(raw('hardhat_mine', '0x2711')).rejects.toThrow('limit 10000')
  await raw('anvil_setBalance', NOBODY, 1000)
  expect(await reader.getBalance({ address: NOBODY })).toBe(1000n)
  await expect(raw('anvil_setBalance', NOBODY, `0x${'f'.repeat(64)}`)).rejects.toThrow('below 2^224')
  await expect(raw('anvil_reset', { forking: { jsonRpcUrl: 'http://127.0.0.1' } })).rejects.toThrow('not supported')
})

test('a chain that went back and set accounts survives a kill, is found intact, and is the same from a file', async () => {
  const datadir = join(directory, 'data')
  const node = start('--datadir', datadir)
  const before = await clients(node)
  const { reader, wallet, dev } = before
  await wallet.sendTransaction(transfer)
  const id = await dev.snapshot()
  for (let i = 0; i < 3; i++) await wallet.sendTransaction(transfer)
  await dev.setBalance({ address: NOBODY, value: 77n })
  await dev.revert({ id })
  await dev.increaseTime({ seconds: 1_000_000 })
  const hashes: Hash[] = []
  for (let i = 0; i < 3; i++) hashes.push(await wallet.sendTransaction({ ...transfer, value: 2n }))
  await dev.setBalance({ address: NOBODY, value: parseEther('9') })
  const head = await reader.getBlock()
  await node.kill()

  expect(await run(['db', 'check', '--dev', '--datadir', datadir])).toMatchObject({ exitCode: 0 })
  const again = start('--datadir', datadir)
  const after = await clients(again)
  expect(await after.reader.getBlock()).toEqual(head)
  expect(await after.reader.getBalance({ address: NOBODY })).toBe(parseEther('9'))
  for (const hash of hashes)
    expect(await after.reader.getTransactionReceipt({ hash })).toMatchObject({ status: 'success' })
  expect(await after.raw('evm_revert', id)).toBe(false)
  await after.dev.mine({ blocks: 1 })
  expect(await timestampOf(after)).toBeGreaterThan(Number(head.timestamp))
  expect(await timestampOf(after)).toBeLessThan(Number(head.timestamp) + 100_000)
  again.signal('SIGTERM')
  expect(await again.ended()).toMatchObject({ exitCode: 0 })

  const file = join(directory, 'blocks.rlp')
  const copy = join(directory, 'copy')
  expect(await run(['export', file, '--dev', '--datadir', datadir])).toMatchObject({ exitCode: 0 })
  expect(await run(['import', file, '--dev', '--datadir', copy])).toMatchObject({ exitCode: 0 })
  const { reader: copied } = await clients(start('--datadir', copy))
  expect((await copied.getBlock({ blockNumber: head.number })).hash).toBe(head.hash)
  expect(await copied.getBlockNumber()).toBe(head.number + 1n)
  expect(await copied.getBalance({ address: NOBODY })).toBe(parseEther('9'))
}, 240_000)

test('a kill at any moment of going back leaves a chain that is whole', async () => {
  const datadir = join(directory, 'data')
  for (let round = 0; round < 3; round++) {
    const node = start('--datadir', datadir)
    const { dev, raw } = await clients(node)
    const id = await dev.snapshot()
    await dev.mine({ blocks: 20 })
    const going = [raw('evm_revert', id), dev.mine({ blocks: 5 }), dev.setBalance({ address: NOBODY, value: 1n })]
    const settled = Promise.allSettled(going)
    if (round > 0) await Promise.race(going.slice(0, round)).catch(() => undefined)
    await node.kill()
    await settled
    expect(await run(['db', 'check', '--dev', '--datadir', datadir])).toMatchObject({ exitCode: 0, stderr: '' })
  }
}, 240_000)

test('whoever asks or sends while the chain goes back gets an answer from before or after it', async () => {
  const { raw, reader, dev } = await clients()
  const [from] = (await raw('eth_accounts')) as `0x${string}`[]
  const send = () => raw('eth_sendTransaction', { from, to: NOBODY, value: '0x1' })
  await send()
  for (let round = 0; round < 2; round++) {
    const id = await dev.snapshot()
    await dev.mine({ blocks: 300 })
    await send()
    const before = [send(), raw('eth_getBalance', NOBODY, 'latest')]
    const reverted = raw('evm_revert', id)
    const after = Array.from({ length: 30 }, () => [send(), raw('eth_getBalance', NOBODY, 'latest')]).flat()
    await Promise.all(before)
    expect(await reverted).toBe(true)
    await Promise.all(after)
  }
  // Which of them came before the command, and went with it, is the connections' to decide; nothing else may be left.
  const blocks = await reader.getBlockNumber()
  expect(await reader.getBalance({ address: NOBODY })).toBe(blocks)
  expect(BigInt(await reader.getTransactionCount({ address: from! }))).toBe(blocks)
}, 240_000)

test('automine is as it was asked for last, however soon after the command before', async () => {
  const { raw, dev } = await clients()
  const batch = [false, true].map((enabled, id) => ({
    jsonrpc: '2.0',
    id,
    method: 'evm_setAutomine',
    params: [enabled],
  }))
  const url = await running[0]!.rpcUrl()
  for (let round = 0; round < 5; round++) {
    await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(batch),
    }).then((response) => response.json())
    expect(await dev.getAutomine()).toBe(true)
  }
  const [from] = (await raw('eth_accounts')) as `0x${string}`[]
  const hash = await raw('eth_sendTransaction', { from, to: NOBODY })
  expect(await raw('eth_getTransactionReceipt', hash)).toMatchObject({ status: '0x1' })
})

test('what killed processes have left behind goes with the next start, what running ones have does not', async () => {
  const datadirOf = async (node: NodeProcess) => String((await node.record('ledger opened')).datadir)
  const killed = start()
  const left = await datadirOf(killed)
  await killed.kill()
  expect(existsSync(left)).toBe(true)
  const strange = join(directory, 'idobata-dev-strange')
  mkdirSync(strange)
  const other = await datadirOf(start())
  expect(existsSync(left)).toBe(false)
  const another = start()
  await another.rpcUrl()
  expect(
    readdirSync(directory)
      .map((name) => join(directory, name))
      .sort(),
  ).toEqual([other, await datadirOf(another), strange].sort())
})

test('without a data directory it begins anew, and leaves nothing behind', async () => {
  const node = start()
  const { dev, reader } = await clients(node)
  await dev.mine({ blocks: 2 })
  expect(await reader.getBlockNumber()).toBe(2n)
  node.signal('SIGTERM')
  expect(await node.ended()).toMatchObject({ exitCode: 0 })
  const { datadir } = await node.record('ledger opened')
  expect(String(datadir).startsWith(directory)).toBe(true)
  expect(readdirSync(directory)).toEqual([])
  const other = start()
  expect(await (await clients(other)).reader.getBlockNumber()).toBe(0n)
  expect((await other.record('account 9')).address).toBe('0xa0Ee7A142d267C1f36714E4a8F75612F20a79720')
})

test('the ten accounts are unlocked: eth_sendTransaction signs for them, one nonce after the other', async () => {
  const { raw, reader } = await clients()
  const accounts = (await raw('eth_accounts')) as `0x${string}`[]
  expect(accounts).toHaveLength(10)
  expect(accounts[0]).toBe(account.address.toLowerCase())
  const [, from] = accounts
  const sent = await Promise.all(
    [1, 2, 3].map((value) => raw('eth_sendTransaction', { from, to: NOBODY, value: `0x${value}` })),
  )
  const transactions = await Promise.all(sent.map((hash) => reader.getTransaction({ hash: hash as Hash })))
  expect(transactions).toMatchObject([1n, 2n, 3n].map((value, nonce) => ({ from, value, nonce, blockNumber: value })))
  const legacy = await raw('eth_sendTransaction', { from, to: NOBODY, gas: '0x5208', gasPrice: '0x77359400' })
  expect(await reader.getTransaction({ hash: legacy as Hash })).toMatchObject({ type: 'legacy', nonce: 3 })
  await expect(raw('eth_sendTransaction', { from: NOBODY, to: NOBODY })).rejects.toThrow(`unknown account ${NOBODY}`)
  await expect(raw('eth_sendTransaction', { to: NOBODY })).rejects.toThrow('from is missing')
  // viem with an account that is an address alone.
  const wallet = createWalletClient({ account: from!, chain: anvil, transport: http(await running[0]!.rpcUrl()) })
  expect(await reader.getTransactionReceipt({ hash: await wallet.sendTransaction(transfer) })).toBeDefined()
})

test('other networks have none of it', async () => {
  const genesis = join(import.meta.dirname, '../../genesis.json')
  const args = ['start', '--genesis', genesis, '--datadir', join(directory, 'data'), '--http.port', '0']
  const node = new NodeProcess(args)
  running.push(node)
  const { raw } = clientsOf(await node.rpcUrl())
  for (const method of ['evm_mine', 'anvil_setBalance', 'hardhat_reset', 'evm_revert', 'miner_stop']) {
    await expect(raw(method)).rejects.toThrow(`the method ${method} does not exist/is not available`)
  }
})
