import { generateKeyPair } from '@libp2p/crypto/keys'
import type { HostComponents } from '../../src/p2p/base-host.ts'
import type { DiscoveryOptions } from '../../src/p2p/discovery.ts'
import { createHost, type Host, type HostOptions } from '../../src/p2p/host.ts'
import { topicsOf } from '../../src/p2p/topics.ts'

/** Any free port of every transport on loopback. */
export const LISTEN = {
  tcp: '/ip4/127.0.0.1/tcp/0',
  ws: '/ip4/127.0.0.1/tcp/0/ws',
  quic: '/ip4/127.0.0.1/udp/0/quic-v1',
} as const

/** Only those that are called. */
export const NO_DISCOVERY: DiscoveryOptions = {
  dht: false,
  privateAddresses: true,
  mdns: false,
  upnp: false,
  autonat: false,
  relay: false,
  relayServer: false,
  holePunching: false,
}

export const PREFIX = '/idobata/00000001'

/** A started host with a key of its own; whoever starts it stops it. */
export async function startTestHost(
  options: Partial<HostOptions> = {},
  components: Omit<Partial<HostComponents>, 'privateKey'> = {},
): Promise<Host> {
  const prefix = options.prefix ?? PREFIX
  const host = await createHost(
    {
      prefix,
      topics: topicsOf(prefix),
      listen: [LISTEN.tcp],
      maxPeers: 16,
      discovery: NO_DISCOVERY,
      agent: { name: 'test', version: '1' },
      ...options,
    },
    { privateKey: await generateKeyPair('Ed25519'), standing: () => 0, ...components },
  )
  await host.start()
  return host
}
