import { expect, test } from 'vitest'
import { peersBackend } from '../../../src/node/network-backend.ts'

const PEER = '12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN'

function banning() {
  const bans: string[] = []
  const ban = (target: string) => bans.push(target)
  const parts = { peerId: 'self', peering: { ban, unban: ban } } as unknown as Parameters<typeof peersBackend>[0]
  return { backend: peersBackend(parts), bans }
}

test('whom the operator bans is spelled as connections spell it', () => {
  const { backend, bans } = banning()
  for (const target of [PEER, `/ip4/192.0.2.1/tcp/30303/p2p/${PEER}`, '192.0.2.1', '2001:DB8:0:0::0001']) {
    backend.ban(target, 60)
    backend.unban(target)
  }
  expect(bans).toEqual([PEER, PEER, PEER, PEER, '192.0.2.1', '192.0.2.1', '2001:db8::1', '2001:db8::1'])
})

test.each(['10.0.0.0/8', '192.0.2.256', 'example.org', PEER.slice(0, -1), ''])('nobody is banned by %j', (target) => {
  const { backend, bans } = banning()
  expect(() => backend.ban(target, 60)).toThrow('neither a peer id nor an IP address')
  expect(bans).toEqual([])
})
