import { rmSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { createFullNode, type FullNode, parseGenesis } from '../../src/index.ts'
import { devAccounts } from '../../src/node/dev.ts'
import { TRANSPORTS, type Transport } from '../../src/node/network-options.ts'
import { wirePrefix } from '../../src/p2p/wire/names.ts'
import { fromHex, toHex } from '../../src/primitives/bytes.ts'
import { RecordingProxy } from '../support/recording-proxy.ts'
import { temporaryDirectory } from '../support/test-chain.ts'
import { signedTransfer } from '../support/transactions.ts'
import { HOSTILE_CHAIN_ID, hostileGenesis } from './hostile-genesis.ts'
import type { Finding, Scenario } from './scenario.ts'

const POLL_MS = 50
/** Looks until something must have happened; a minute on a machine that keeps up. */
const MAX_LOOKS = 1_200
const BLOCKS_BEFORE = 3

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (let looks = 0; looks < MAX_LOOKS; looks++) {
    if (await holds()) return
    await setTimeout(POLL_MS)
  }
  throw new Error(`in vain: ${what}`)
}

function node(datadir: string, transport: Transport, bootnodes: readonly string[], mine: boolean): FullNode {
  return createFullNode({
    datadir,
    genesis: parseGenesis(hostileGenesis()),
    network: { addr: '127.0.0.1', port: 0, transports: [transport], bootnodes, maxPeers: 16 },
    ...(mine && { mining: { threads: 1 } }),
  })
}

const head = async (of: FullNode) => Number(await of.request({ method: 'eth_blockNumber' }))
const blockAt = async (of: FullNode, number: number | string) =>
  (await of.request({
    method: 'eth_getBlockByNumber',
    params: [typeof number === 'number' ? `0x${number.toString(16)}` : number, false],
  })) as { readonly hash: string } | null

/** The whole way of blocks and transactions over one transport, with somebody who listens in between. */
async function listenIn(transport: Transport): Promise<readonly Finding[]> {
  const directories = [temporaryDirectory(), temporaryDirectory()] as const
  const miner = node(directories[0], transport, [], true)
  await miner.start()
  const nodes = [miner]
  const [, , , kind, port, ...rest] = miner.addresses[0]!.split('/')
  const proxy = await RecordingProxy.start(kind as 'tcp' | 'udp', Number(port))
  try {
    await until('blocks', async () => (await head(miner)) >= BLOCKS_BEFORE)
    const through = ['', 'ip4', '127.0.0.1', kind, proxy.port, ...rest].join('/')
    const late = node(directories[1], transport, [through], false)
    nodes.push(late)
    await late.start()
    await until('the blocks from before', async () => (await head(late)) >= BLOCKS_BEFORE)
    const { raw } = signedTransfer(
      { chainId: BigInt(HOSTILE_CHAIN_ID), maxFeePerGas: 10_000_000_000n },
      devAccounts()[0]!.privateKey,
    )
    const hash = await late.request({ method: 'eth_sendRawTransaction', params: [toHex(raw)] })
    const receipt = () => late.request({ method: 'eth_getTransactionReceipt', params: [hash] })
    await until('the transaction in a block', async () => (await receipt()) !== null)
    const genesisHash = fromHex((await blockAt(late, 0))!.hash)
    const { blockHash } = (await receipt()) as { readonly blockHash: string }
    const peers = (await late.request({ method: 'idobata_peers' })) as { readonly address: string }[]
    const onlyThrough = peers.length === 1 && peers[0]!.address.includes(`/${proxy.port}`)
    const secrets: Readonly<Record<string, Uint8Array>> = {
      'the transaction': raw.subarray(10),
      'its hash': fromHex(String(hash)),
      "its block's hash": fromHex(blockHash),
      'the genesis hash': genesisHash,
      'the program': Buffer.from('idobata/'),
      'the network': Buffer.from(wirePrefix(genesisHash)),
      'the protocol of gossip': Buffer.from('meshsub'),
    }
    const { seen } = proxy
    const read = Object.entries(secrets).flatMap(([name, bytes]) => (seen.includes(Buffer.from(bytes)) ? [name] : []))
    return [
      { name: `${transport}: blocks from before, a transaction, its block`, value: 'came', bar: 'came', pass: true },
      {
        name: `${transport}: bytes that passed the listener`,
        value: `${seen.length}`,
        bar: 'all there were',
        pass: onlyThrough && seen.length > 10_000,
      },
      {
        name: `${transport}: what could be read of ${Object.keys(secrets).length} things`,
        value: read.join(', ') || 'nothing',
        bar: 'nothing',
        pass: read.length === 0,
      },
    ]
  } finally {
    for (const each of nodes.reverse()) await each.stop()
    proxy.stop()
    for (const directory of directories) rmSync(directory, { recursive: true, force: true })
  }
}

export const transports: Scenario = {
  name: 'transports',
  claim: 'gossip, sync and requests go over TCP, QUIC and WebSocket alike, and nothing of them can be read on the way',
  async run({ log }) {
    const findings: Finding[] = []
    for (const transport of TRANSPORTS) {
      findings.push(...(await listenIn(transport)))
      log(transport)
    }
    return findings
  },
}
