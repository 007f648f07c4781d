import { rmSync } from 'node:fs'
import { createPublicClient, createWalletClient, http } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { anvil } from 'viem/chains'
import { afterEach } from 'vitest'
import { createFullNode, type FullNode, type FullNodeOptions, parseGenesis } from '../../src/index.ts'
import { devAccounts, devGenesis } from '../../src/node/dev.ts'
import type { NetworkOptions } from '../../src/node/network-options.ts'
import { toHex } from '../../src/primitives/bytes.ts'
import { temporaryDirectory } from './test-chain.ts'

const started = new Set<{ readonly node: FullNode; readonly datadir: string }>()

afterEach(async () => {
  await Promise.all([...started].map(({ node }) => node.stop()))
  for (const { datadir } of started) rmSync(datadir, { recursive: true, force: true })
  started.clear()
})

export interface NodeOptions {
  readonly mine?: boolean
  readonly network?: Partial<NetworkOptions>
  readonly genesis?: unknown
  readonly datadir?: string
}

/** A node of the development network with peers on loopback, and RPC; stopped after the test. */
export async function startNode({ mine = false, network, genesis = devGenesis(), datadir }: NodeOptions = {}) {
  const directory = datadir ?? temporaryDirectory()
  const options: FullNodeOptions = {
    datadir: directory,
    genesis: parseGenesis(genesis),
    // Only the one that mines: a development node always does.
    dev: mine,
    http: { host: '127.0.0.1', port: 0 },
    network: { addr: '127.0.0.1', port: 0, transports: ['tcp'], bootnodes: [], maxPeers: 16, ...network },
    ...(mine && { mining: { threads: 1 } }),
  }
  const node = createFullNode(options)
  started.add({ node, datadir: directory })
  await node.start()
  return node
}

/** viem on a node, as its users have it. */
export function clientOf(node: FullNode) {
  return createPublicClient({
    chain: anvil,
    transport: http(node.rpcUrl!, { retryCount: 0, timeout: 120_000 }),
    pollingInterval: 20,
  })
}

/** The wallet of development account `index`. */
export function walletOf(node: FullNode, index = 0) {
  const account = privateKeyToAccount(toHex(devAccounts()[index]!.privateKey) as `0x${string}`)
  return createWalletClient({ account, chain: anvil, transport: http(node.rpcUrl!, { timeout: 120_000 }) })
}
