import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import type { StreamMuxer, StreamMuxerFactory } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { createLibp2p, type Libp2p } from 'libp2p'
import { afterEach, vi } from 'vitest'
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

const running = new Set<Libp2p>()

afterEach(async () => {
  await Promise.all([...running].map((host) => host.stop()))
  running.clear()
})

/** A started host with a key of its own; stopped after the test. */
export async function startHost(options: Partial<HostOptions> = {}): Promise<Host> {
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
    { privateKey: await generateKeyPair('Ed25519'), standing: () => 0 },
  )
  running.add(host)
  await host.start()
  return host
}

/** A host that says it gossips, and after saying so answers nothing on any stream; stopped after the test. */
export async function startSilentHost(): Promise<Libp2p> {
  const host = await createLibp2p({
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [() => answeringOnce(yamux()())],
    services: { identify: identify({ protocolPrefix: PREFIX.slice(1) }) },
  })
  running.add(host)
  await host.handle('/meshsub/1.2.0', () => undefined)
  return host
}

/** Lets a connection hear of the first stream alone that the other side opens: the question who this is. */
function answeringOnce(factory: StreamMuxerFactory): StreamMuxerFactory {
  const createStreamMuxer: StreamMuxerFactory['createStreamMuxer'] = (connection) => {
    const muxer = factory.createStreamMuxer(connection)
    const addEventListener: StreamMuxer['addEventListener'] = muxer.addEventListener.bind(muxer)
    muxer.addEventListener = (type: string, listener: never) => {
      addEventListener(type as 'stream', listener, { once: type === 'stream' })
    }
    return muxer
  }
  return { protocol: factory.protocol, createStreamMuxer }
}

/** Bounded polling: how long real hosts take depends on the machine, so nothing is timed. */
export function eventually<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: 30_000, interval: 20 })
}
