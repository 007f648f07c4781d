import { expect, test } from 'vitest'
import { topicsOf } from '../../../src/p2p/topics.ts'
import { eventually, LISTEN, PREFIX, startHost } from '../../support/p2p-hosts.ts'

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

test('hosts of different networks share no protocol but the one that gossipsub fixes', async () => {
  const names = async (prefix: string) => (await startHost({ prefix })).getProtocols()
  const [ours, theirs] = await Promise.all([names(PREFIX), names('/idobata/00000002')])
  expect(ours.filter((name) => theirs.includes(name))).toEqual(['/meshsub/1.0.0', '/meshsub/1.1.0', '/meshsub/1.2.0'])
})
