import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BrowserProvider, Wallet } from 'ethers'
import {
  type Block,
  createPublicClient,
  createWalletClient,
  custom,
  defineChain,
  type Hex,
  http,
  type PublicClient,
  type Transport,
} from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { RpcClient } from '../../../src/cli/rpc-client.ts'
import { createFullNode, createLightNode, type FullNode, type LightNode, parseGenesis } from '../../../src/index.ts'
import { devAccounts } from '../../../src/node/dev.ts'
import { toHex } from '../../../src/primitives/bytes.ts'
import { HOSTILE_CHAIN_ID, hostileGenesis } from '../../scenario/hostile-genesis.ts'
import { NodeProcess } from '../../support/node-process.ts'
import { eventually } from '../../support/p2p-hosts.ts'
import { Subscription } from '../../support/subscription.ts'
import { temporaryDirectory } from '../../support/test-chain.ts'

/**
 * Light nodes of a small network that mines, as their users have them: one as a process, one in this program. One network for all, and
 * one test after the other, since each begins where the last has left it.
 */

const RECIPIENT = `0x${'0b'.repeat(20)}` as const
const KEY = toHex(devAccounts()[0]!.privateKey) as Hex
const chain = defineChain({
  id: HOSTILE_CHAIN_ID,
  name: 'test',
  nativeCurrency: { name: 'coin', symbol: 'COIN', decimals: 18 },
  rpcUrls: { default: { http: [] } },
})
const POLL_MS = 50

const directory = temporaryDirectory()
const genesisFile = join(directory, 'genesis.json')
const undo: (() => Promise<void>)[] = []

/** The one that light nodes know, and one that mines a chain of its own until they meet. */
let full: FullNode
let other: FullNode
let running: RunningLight
let light: LightNode

interface RunningLight {
  readonly process: NodeProcess
  readonly url: string
  readonly rpc: RpcClient
}

/** As a process, on the same directory each time. */
async function startRunning(bootnode: string): Promise<RunningLight> {
  const files = ['--datadir', join(directory, 'light'), '--genesis', genesisFile]
  const args = [
    'start',
    '--light',
    '--light.vouchers',
    '1',
    '--http.port',
    '0',
    '--ws',
    '--bootnodes',
    bootnode,
    ...files,
  ]
  const process = new NodeProcess(args, { IDOBATA_P2P: 'true' })
  undo.push(() => process.kill())
  const url = await process.rpcUrl()
  return { process, url, rpc: new RpcClient(url) }
}

async function startMiner(name: string): Promise<FullNode> {
  const node = createFullNode({
    datadir: join(directory, name),
    genesis: parseGenesis(hostileGenesis()),
    network: { addr: '127.0.0.1', port: 0, transports: ['tcp'], bootnodes: [], maxPeers: 16 },
    mining: { threads: 1 },
  })
  undo.push(() => node.stop())
  await node.start()
  await eventually(() => expect(node.addresses).not.toEqual([]))
  return node
}

async function headOf(node: Pick<FullNode, 'request'>) {
  return (await node.request({ method: 'eth_getBlockByNumber', params: ['latest', false] })) as {
    readonly hash: Hex
    readonly number: Hex
    readonly totalDifficulty: Hex
  }
}

beforeAll(async () => {
  writeFileSync(genesisFile, JSON.stringify(hostileGenesis()))
  ;[full, other] = await Promise.all([startMiner('full'), startMiner('other')])
  const bootnode = full.addresses[0]!
  light = createLightNode({
    datadir: join(directory, 'own'),
    genesis: parseGenesis(hostileGenesis()),
    bootnodes: [bootnode],
    vouchers: 1,
  })
  undo.push(() => light.stop())
  await eventually(async () => expect(Number((await headOf(full)).number)).toBeGreaterThan(0))
  ;[running] = await Promise.all([startRunning(bootnode), light.start()])
  await running.rpc.call('idobata_waitUntilSynced')
  await light.waitUntilSynced()
})

afterAll(async () => {
  for (const step of undo.reverse()) await step()
  rmSync(directory, { recursive: true, force: true })
})

describe.each([
  ['its EIP-1193 provider', () => custom(light)],
  ['HTTP', () => http(running.url)],
] as [string, () => Transport][])('viem on a light node over %s', (_, transport) => {
  test('reads a balance and a nonce, sends, waits for the receipt, watches blocks', async () => {
    const account = privateKeyToAccount(KEY)
    const reader = createPublicClient({ chain, transport: transport(), pollingInterval: POLL_MS }) as PublicClient
    const wallet = createWalletClient({ account, chain, transport: transport() })
    const blocks: Block[] = []
    const stop = reader.watchBlocks({
      onBlock: (block) => blocks.push(block),
      onError: (error) => expect.fail(error.message),
    })
    const [before, nonce] = [
      await reader.getBalance({ address: RECIPIENT }),
      await reader.getTransactionCount({ address: account.address }),
    ]
    const hash = await wallet.sendTransaction({ to: RECIPIENT, value: 3n })
    const receipt = await reader.waitForTransactionReceipt({ hash })
    expect(receipt).toMatchObject({ status: 'success', gasUsed: 21_000n, transactionHash: hash })
    expect(await reader.getBalance({ address: RECIPIENT })).toBe(before + 3n)
    expect(await reader.getTransactionCount({ address: account.address })).toBe(nonce + 1)
    await eventually(() => expect(blocks.some(({ number }) => number! >= receipt.blockNumber)).toBe(true))
    stop()
  })
})

test('ethers does so through its BrowserProvider', async () => {
  const provider = new BrowserProvider(light)
  provider.pollingInterval = POLL_MS
  const wallet = new Wallet(KEY, provider)
  const blocks: number[] = []
  await provider.on('block', (number: number) => blocks.push(number))
  const before = await provider.getBalance(RECIPIENT)
  const nonce = await provider.getTransactionCount(wallet.address)
  const receipt = await (await wallet.sendTransaction({ to: RECIPIENT, value: 5n })).wait()
  expect(receipt).toMatchObject({ status: 1, gasUsed: 21_000n })
  expect(await provider.getBalance(RECIPIENT)).toBe(before + 5n)
  expect(await provider.getTransactionCount(wallet.address)).toBe(nonce + 1)
  await eventually(() => expect(blocks.some((number) => number >= receipt!.blockNumber)).toBe(true))
  provider.destroy()
})

test('a running light node follows a reorg, and tells who listens of the new blocks', async () => {
  const told: { readonly hash: string; readonly number: string; readonly parentHash: string }[] = []
  const subscription = await Subscription.open(running.url, 'newHeads', (head) => told.push(head as (typeof told)[0]))
  await full.request({ method: 'miner_stop' })
  const left = await headOf(full)
  await eventually(async () => expect((await running.rpc.call('eth_blockNumber')) as Hex).toBe(left.number))
  await eventually(async () => {
    expect(BigInt((await headOf(other)).totalDifficulty)).toBeGreaterThan(BigInt(left.totalDifficulty))
  })
  await other.request({ method: 'miner_stop' })
  const head = await headOf(other)
  told.length = 0
  await full.request({ method: 'admin_addPeer', params: [other.addresses[0]!] })
  await eventually(() => expect(told.at(-1)?.hash).toBe(head.hash))
  subscription.close()
  // Every block of the new branch in order, from the first after genesis, where the two have parted.
  expect(told.map(({ number }) => Number(number))).toEqual(
    Array.from({ length: Number(head.number) }, (_, at) => at + 1),
  )
  for (const [at, { parentHash }] of told.entries()) if (at > 0) expect(parentHash).toBe(told[at - 1]!.hash)
  expect(await running.rpc.call('eth_getBlockByHash', [head.hash, false])).toMatchObject({ number: head.number })
  expect(await running.rpc.call('eth_getBalance', [RECIPIENT, 'latest'])).toBe(
    await full.request({ method: 'eth_getBalance', params: [RECIPIENT, 'latest'] }),
  )
})

test('a light node goes on from what it had, after SIGTERM and after a kill', async () => {
  const head = await headOf(full)
  const nobody = `/ip4/127.0.0.1/tcp/1/p2p/${other.addresses[0]!.split('/').at(-1)}`
  const statusOf = async ({ rpc }: RunningLight) =>
    (await rpc.call('idobata_lightStatus')) as {
      readonly receivedBytes: number
      readonly head: { readonly hash: string }
    }
  await eventually(async () => expect((await statusOf(running)).head.hash).toBe(head.hash))
  const { receivedBytes } = await statusOf(running)
  running.process.signal('SIGTERM')
  expect(await running.process.ended()).toMatchObject({ exitCode: 0 })

  // Whom it can call now has nothing to show; so this is what it had.
  running = await startRunning(nobody)
  expect((await statusOf(running)).head.hash).toBe(head.hash)
  await running.process.kill()

  await full.request({ method: 'miner_start' })
  await eventually(async () => expect(Number((await headOf(full)).number)).toBeGreaterThan(Number(head.number)))
  await full.request({ method: 'miner_stop' })
  const newer = await headOf(full)
  running = await startRunning(full.addresses[0]!)
  await eventually(async () => expect((await statusOf(running)).head.hash).toBe(newer.hash))
  expect((await statusOf(running)).receivedBytes).toBeLessThan(receivedBytes / 2)
})
