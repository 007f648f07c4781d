import { multiaddr } from '@multiformats/multiaddr'
import { expect, test, vi } from 'vitest'
import { GossipWatchdog } from '../../../src/p2p/gossip-watchdog.ts'
import { GOSSIP_CHECK_MS } from '../../../src/p2p/limits.ts'
import { topicsOf } from '../../../src/p2p/topics.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { eventually, LISTEN, PREFIX, startHost, startRawHost, startSilentHost } from '../../support/p2p-hosts.ts'
import { RecordingProxy } from '../../support/recording-proxy.ts'
import { NO_DISCOVERY } from '../../support/test-host.ts'

const { block: blocks } = topicsOf(PREFIX)

test.each([
  { transport: LISTEN.tcp, encryption: '/noise' },
  { transport: LISTEN.ws, encryption: '/noise' },
  { transport: LISTEN.quic, encryption: 'native' },
])('two hosts meet over $transport and gossip', async ({ transport, encryption }) => {
  const [alice, bob] = await Promise.all([startHost({ listen: [transport] }), startHost({ listen: [] })])
  const heard: number[][] = []
  alice.services.gossip.addEventListener('gossipsub:message', ({ detail }) => heard.push([...detail.msg.data]))
  for (const { services } of [alice, bob]) services.gossip.subscribe(blocks)
  const connection = await bob.dial(alice.getMultiaddrs())
  expect(connection.encryption).toBe(encryption)
  await eventually(() => expect(bob.services.gossip.getMeshPeers(blocks)).toEqual([alice.peerId.toString()]))
  await bob.services.gossip.publish(blocks, Uint8Array.of(1, 2, 3))
  await eventually(() => expect(heard).toEqual([[1, 2, 3]]))
})

test('what nobody has judged goes no further; what is accepted does', async () => {
  const [alice, bob, carol] = await Promise.all([startHost(), startHost(), startHost()])
  for (const { services } of [alice, bob, carol]) services.gossip.subscribe(blocks)
  await bob.dial(alice.getMultiaddrs())
  await carol.dial(bob.getMultiaddrs())
  await eventually(() => expect(bob.services.gossip.getMeshPeers(blocks)).toHaveLength(2))
  await eventually(() => expect(alice.services.gossip.getMeshPeers(blocks)).toHaveLength(1))
  bob.services.gossip.addEventListener('gossipsub:message', ({ detail }) => {
    const verdict = detail.msg.data[0] === 1 ? 'accept' : 'ignore'
    bob.services.gossip.reportMessageValidationResult(detail.msgId, detail.propagationSource.toString(), verdict)
  })
  const heard: number[] = []
  carol.services.gossip.addEventListener('gossipsub:message', ({ detail }) => heard.push(detail.msg.data[0]!))
  await alice.services.gossip.publish(blocks, Uint8Array.of(2))
  await alice.services.gossip.publish(blocks, Uint8Array.of(1))
  await eventually(() => expect(heard).toEqual([1]))
})

test('a peer that is there for blocks alone hears of no transactions, and none are taken from it', async () => {
  const { tx: transactions } = topicsOf(PREFIX)
  const bob = await startHost()
  const alice = await startHost({ listen: [] }, { forBlocksAlone: (peer) => peer === bob.peerId.toString() })
  const heard: string[] = []
  for (const { services, peerId } of [alice, bob]) {
    services.gossip.subscribe(blocks)
    services.gossip.subscribe(transactions)
    services.gossip.addEventListener('gossipsub:message', ({ detail }) =>
      heard.push(`${detail.msg.topic} at ${peerId}`),
    )
  }
  await alice.dial(bob.getMultiaddrs())
  for (const { services } of [alice, bob]) {
    await eventually(() => expect(services.gossip.getMeshPeers(blocks)).toHaveLength(1))
  }
  for (const { services } of [alice, bob]) {
    expect(services.gossip.getSubscribers(transactions)).toEqual([])
    await services.gossip.publish(transactions, Uint8Array.of(heard.length))
  }
  await bob.services.gossip.publish(blocks, Uint8Array.of(1))
  await eventually(() => expect(heard).toEqual([`${blocks} at ${alice.peerId}`]))
})

test('the DHT tells nobody of a peer that is there for blocks alone', async () => {
  const discovery = { ...NO_DISCOVERY, dht: true }
  const [bob, carol] = await Promise.all([startHost({ discovery }), startHost({ discovery })])
  const alice = await startHost({ discovery }, { forBlocksAlone: (peer) => peer === bob.peerId.toString() })
  for (const host of [bob, carol]) await alice.dial(host.getMultiaddrs())
  const asker = await startHost({ discovery, listen: [] })
  await asker.dial(alice.getMultiaddrs())
  const told = async () => {
    const peers = new Set<string>()
    for await (const event of asker.services.dht!.getClosestPeers(bob.peerId.toMultihash().bytes)) {
      if (event.name !== 'PEER_RESPONSE' || !event.from.equals(alice.peerId)) continue
      for (const { id } of event.closer) peers.add(id.toString())
    }
    return peers
  }
  await eventually(async () => expect(await told()).toContain(carol.peerId.toString()))
  expect(await told()).not.toContain(bob.peerId.toString())
})

test('hosts of different networks share no protocol but the one that gossipsub fixes', async () => {
  const names = async (prefix: string) => (await startHost({ prefix })).getProtocols()
  const [ours, theirs] = await Promise.all([names(PREFIX), names('/idobata/00000002')])
  expect(ours.filter((name) => theirs.includes(name))).toEqual(['/meshsub/1.0.0', '/meshsub/1.1.0', '/meshsub/1.2.0'])
})

test('nothing that is said can be read on the way', async () => {
  const [alice, bob] = await Promise.all([startHost(), startHost({ listen: [] })])
  const port = Number(alice.getMultiaddrs()[0]!.toString().split('/')[4])
  const proxy = await RecordingProxy.start('tcp', port)
  const heard: number[] = []
  alice.services.gossip.addEventListener('gossipsub:message', ({ detail }) => heard.push(detail.msg.data.length))
  for (const { services } of [alice, bob]) services.gossip.subscribe(blocks)
  await bob.dial(multiaddr(`/ip4/127.0.0.1/tcp/${proxy.port}/p2p/${alice.peerId}`))
  await eventually(() => expect(bob.services.gossip.getMeshPeers(blocks)).toHaveLength(1))
  const secret = 'what only the two of them should know'
  await bob.services.gossip.publish(blocks, new TextEncoder().encode(secret))
  await eventually(() => expect(heard).toEqual([secret.length]))
  const wire = proxy.seen
  expect(wire.length).toBeGreaterThan(1_000)
  for (const text of [secret, blocks, 'meshsub']) expect(wire.includes(text)).toBe(false)
  proxy.stop()
})

test('a gossip stream that ends on a live connection is opened again', async () => {
  const [alice, bob] = await Promise.all([startHost(), startHost({ listen: [] })])
  for (const { services } of [alice, bob]) services.gossip.subscribe(blocks)
  const connection = await bob.dial(alice.getMultiaddrs())
  const gossipStreams = () =>
    connection.streams.filter(({ protocol, direction }) => protocol.startsWith('/meshsub') && direction === 'outbound')
  await eventually(() => expect(gossipStreams()).toHaveLength(1))
  const clock = new ManualClock(0)
  const watchdog = new GossipWatchdog(bob, clock)
  watchdog.start()
  clock.advance(3 * GOSSIP_CHECK_MS)
  expect(watchdog.reopened).toBe(0)
  gossipStreams()[0]!.abort(new Error('cut'))
  await eventually(() => expect(gossipStreams()).toHaveLength(0))
  clock.advance(2 * GOSSIP_CHECK_MS)
  expect(watchdog.reopened).toBe(1)
  await eventually(() => expect(gossipStreams()).toHaveLength(1))
  watchdog.stop()
})

test('peers that never answer when a gossip stream is opened hold up nobody', async () => {
  const alice = await startHost()
  alice.services.gossip.subscribe(blocks)
  const silent = await Promise.all(Array.from({ length: 16 }, startSilentHost))
  for (const host of silent) await host.dial(alice.getMultiaddrs())
  await eventually(() => expect(alice.services.gossip.getPeers()).toHaveLength(silent.length))
  const bob = await startHost({ listen: [] })
  bob.services.gossip.subscribe(blocks)
  const heard: number[] = []
  bob.services.gossip.addEventListener('gossipsub:message', ({ detail }) => heard.push(detail.msg.data[0]!))
  await bob.dial(alice.getMultiaddrs())
  // Before those who do not answer pings either are cut off.
  await vi.waitFor(() => expect(alice.services.gossip.getMeshPeers(blocks)).toEqual([bob.peerId.toString()]), 20_000)
  await alice.services.gossip.publish(blocks, Uint8Array.of(1))
  await eventually(() => expect(heard).toEqual([1]))
})

test('a frame that claims more than a window is not gathered', async () => {
  const alice = await startHost()
  const { host, raw } = await startRawHost()
  const connection = await host.dial(alice.getMultiaddrs())
  // Version, type, flags, stream, length.
  const head = new DataView(new ArrayBuffer(12))
  head.setUint32(4, 1)
  head.setUint32(8, 2 ** 31)
  raw[0]!.send(new Uint8Array(head.buffer))
  const MOST = 64 * 2 ** 20
  let sent = 0
  for (const payload = new Uint8Array(65_536); sent < MOST && connection.status === 'open'; sent += payload.length) {
    // It is over when it is cut.
    if (!raw[0]!.send(payload)) await raw[0]!.onDrain().catch(() => undefined)
  }
  expect(sent).toBeLessThan(MOST)
  await eventually(() => expect(alice.getConnections()).toEqual([]))
})
