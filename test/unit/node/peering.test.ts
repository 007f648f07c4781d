import type { MultiaddrConnection } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { expect, it } from 'vitest'
import { Peering } from '../../../src/node/peering.ts'
import { MAX_INBOUND_PER_HOST } from '../../../src/p2p/peers/limits.ts'

function peering(): Peering {
  const absent = () => {
    throw new Error('not part of this test')
  }
  return new Peering(
    { self: 'self', bootnodes: [], maxPeers: 77, exchange: false, privateAddresses: false },
    {
      host: absent,
      saved: undefined,
      store: { save: absent },
      requestPeers: absent,
      untilReady: absent,
      clock: { nowMs: () => 1_700_000_000_000, after: () => () => {} },
      onHangUp: absent,
      onError: absent,
    },
  )
}

/** What the gater looks at. */
function connectionFrom(host: string): MultiaddrConnection {
  const parts = { remoteAddr: multiaddr(`/ip4/${host}/tcp/40000`), status: 'open' }
  return Object.assign(new EventTarget(), parts) as unknown as MultiaddrConnection
}

it('lets a few connections of one host in, all made at once, and another when one has ended', async () => {
  const { gater } = peering()
  const connections = Array.from({ length: 64 }, () => connectionFrom('66.6.6.6'))
  const denied = await Promise.all(connections.map((connection) => gater.denyInboundConnection?.(connection)))
  expect(denied.filter((no) => !no)).toHaveLength(MAX_INBOUND_PER_HOST)
  for (const connection of connections) connection.dispatchEvent(new Event('close'))
  expect(await gater.denyInboundConnection?.(connectionFrom('66.6.6.6'))).toBe(false)
  expect(await gater.denyInboundConnection?.(connectionFrom('127.0.0.1'))).toBe(false)
})
