import { randomBytes } from 'node:crypto'
import { multiaddr } from '@multiformats/multiaddr'
import { fromHex } from 'viem'
import { expect, test } from 'vitest'
import type { FullNode } from '../../../src/index.ts'
import { systemClock } from '../../../src/node/system.ts'
import type { Host } from '../../../src/p2p/host.ts'
import { RequestServer } from '../../../src/p2p/reqresp/server.ts'
import { topicsOf } from '../../../src/p2p/topics.ts'
import { wirePrefix } from '../../../src/p2p/wire/names.ts'
import { clientOf, startNode, walletOf } from '../../support/network-nodes.ts'
import { eventually, startHost } from '../../support/p2p-hosts.ts'
import { temporaryDirectory } from '../../support/test-chain.ts'

const NOBODY = `0x${'ee'.repeat(20)}` as const

const multiaddrs = (node: FullNode) => node.addresses.map((address) => multiaddr(address))

test('a transaction handed to one node is mined by another and seen by all', async () => {
  const miner = await startNode({ mine: true })
  const [near, far] = await Promise.all([
    startNode({ network: { bootnodes: miner.addresses } }),
    startNode({ network: { bootnodes: miner.addresses } }),
  ])
  await eventually(() => expect(near.status().peers + far.status().peers).toBe(2))
  const hash = await walletOf(near).sendTransaction({ to: NOBODY, value: 5n })
  const { blockHash } = await clientOf(far).waitForTransactionReceipt({ hash })
  expect(await clientOf(miner).getTransactionReceipt({ hash })).toMatchObject({ blockHash })
  expect(await clientOf(far).getBalance({ address: NOBODY })).toBe(5n)
  await eventually(async () => expect((await clientOf(near).getBlock()).hash).toBe(blockHash))
})

test('a transaction handed to a node that was alone reaches who connects later, also after a restart', async () => {
  const datadir = temporaryDirectory()
  const alone = await startNode({ datadir })
  const hash = await walletOf(alone).sendTransaction({ to: NOBODY, value: 7n })
  const first = await startNode({ network: { bootnodes: alone.addresses } })
  await eventually(async () =>
    expect(await clientOf(first).getTransaction({ hash })).toMatchObject({ blockHash: null }),
  )
  await Promise.all([alone.stop(), first.stop()])
  const again = await startNode({ datadir })
  const second = await startNode({ network: { bootnodes: again.addresses } })
  await eventually(async () => expect(await clientOf(second).getTransaction({ hash })).toMatchObject({ hash }))
})

test('nodes that tell each other when they saw a block see its way through the network', async () => {
  const miner = await startNode({ mine: true })
  const begin = (sightings: boolean, bootnodes: readonly string[]) => startNode({ network: { bootnodes, sightings } })
  const first = await begin(true, miner.addresses)
  const [second, silent] = [await begin(true, first.addresses), await begin(false, first.addresses)]
  await eventually(() => expect([miner, first].map((node) => node.status().peers)).toEqual([1, 3]))
  const hash = await walletOf(silent).sendTransaction({ to: NOBODY, value: 1n })
  const { blockHash } = await clientOf(second).waitForTransactionReceipt({ hash })
  const propagation = (node: FullNode) => node.request({ method: 'idobata_propagation', params: [blockHash] })
  const told = [first, second].map((node) => node.addresses[0]!.split('/').at(-1)!)
  for (const node of [first, second]) {
    await eventually(async () => {
      const { sightings, wave } = (await propagation(node)) as { sightings: { peer: string }[]; wave: unknown }
      expect(sightings.map(({ peer }) => peer)).toEqual(told)
      expect(wave).toMatchObject({ count: 2, p50: 0 })
    })
  }
  expect(await propagation(silent)).not.toHaveProperty('sightings')
})

test.each(['tcp', 'quic', 'ws'] as const)('a late joiner catches up over %s', async (transport) => {
  const transports = [transport]
  const miner = await startNode({ mine: true, network: { transports } })
  const wallet = walletOf(miner)
  for (let nonce = 0; nonce < 3; nonce++) {
    const hash = await wallet.sendTransaction({ to: NOBODY, value: 1n, nonce })
    await clientOf(miner).waitForTransactionReceipt({ hash })
  }
  const late = await startNode({ network: { transports, bootnodes: miner.addresses } })
  const { hash } = await clientOf(miner).getBlock()
  await eventually(async () => expect((await clientOf(late).getBlock()).hash).toBe(hash))
})

async function genesisHash(node: FullNode): Promise<Uint8Array> {
  return fromHex((await clientOf(node).getBlock({ blockNumber: 0n })).hash, 'bytes')
}

/** A peer that says it is of the node's network, and behaves as it likes. */
async function stranger(node: FullNode): Promise<{ host: Host; prefix: string }> {
  const hash = await genesisHash(node)
  const prefix = wirePrefix(hash)
  const host = await startHost({ prefix, topics: topicsOf(prefix), listen: [] })
  const status = {
    version: 1,
    genesisHash: hash,
    headHash: hash,
    number: 0,
    totalDifficulty: 1n,
    oldestBody: 0,
    serves: { headers: false, bodies: false, txs: false, proof: false, history: false },
    agent: 'stranger',
  }
  const server = new RequestServer(
    { prefix },
    {
      host,
      backend: { status: () => status, peerRecords: async () => [] },
      clock: systemClock,
      onOffence: () => undefined,
      onError: () => undefined,
    },
  )
  await server.start()
  return { host, prefix }
}

test('a peer that sends junk is banned, and the others do not notice', async () => {
  const miner = await startNode({ mine: true })
  const friend = await startNode({ network: { bootnodes: miner.addresses } })
  const { host, prefix } = await stranger(miner)
  const { tx } = topicsOf(prefix)
  host.services.gossip.subscribe(tx)
  const [address] = await Promise.all([
    host.dial(multiaddrs(miner)),
    eventually(() => expect(miner.status().peers).toBe(2)),
  ])
  await eventually(() => expect(host.services.gossip.getMeshPeers(tx)).toHaveLength(1))
  await eventually(async () => {
    if (address.status === 'open') await host.services.gossip.publish(tx, new Uint8Array(randomBytes(64)))
    expect(address.status).not.toBe('open')
  })
  const again = await host.dial(multiaddrs(miner)).catch(() => undefined)
  await eventually(() => expect(again?.status ?? 'closed').not.toBe('open'))
  const hash = await walletOf(friend).sendTransaction({ to: NOBODY, value: 1n })
  await clientOf(friend).waitForTransactionReceipt({ hash })
  expect(miner.status().peers).toBe(1)
})

test('a peer of another network is hung up on', async () => {
  const node = await startNode()
  const other = await startHost({ prefix: '/idobata/ffffffff', listen: [] })
  const connection = await other.dial(multiaddrs(node))
  await eventually(() => expect(connection.status).not.toBe('open'))
  expect(node.status().peers).toBe(0)
})

test('nodes that know one bootnode find each other', async () => {
  const network = { discovery: { dht: true }, exchange: true }
  const { addresses } = await startNode({ network })
  const begin = () => startNode({ network: { ...network, bootnodes: addresses } })
  const nodes = [await begin(), await begin(), await begin()]
  await eventually(() => expect(nodes.map((node) => node.status().peers)).toEqual([3, 3, 3]))
})
