import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { identify } from '@libp2p/identify'
import type { MessageStream, StreamMuxer, StreamMuxerFactory } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { createLibp2p, type Libp2p } from 'libp2p'
import { afterEach, vi } from 'vitest'
import type { Host, HostOptions } from '../../src/p2p/host.ts'
import { Adversary } from './adversary.ts'
import { PREFIX, startTestHost } from './test-host.ts'

export { LISTEN, PREFIX } from './test-host.ts'

const running = new Set<Libp2p>()

afterEach(async () => {
  await Promise.all([...running].map((host) => host.stop()))
  running.clear()
})

/** A started host with a key of its own; stopped after the test. */
export async function startHost(...options: Parameters<typeof startTestHost>): Promise<Host> {
  const host = await startTestHost(...options)
  running.add(host)
  return host
}

/** A peer that does as it is told, stopped after the test. */
export async function startAdversary(options: Partial<HostOptions> = {}): Promise<Adversary> {
  return new Adversary(await startHost(options), options.prefix)
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

/** A host that calls, and what is beneath the muxer of each of its connections; stopped after the test. */
export async function startRawHost(): Promise<{ readonly host: Libp2p; readonly raw: readonly MessageStream[] }> {
  const raw: MessageStream[] = []
  const watched = (factory: StreamMuxerFactory): StreamMuxerFactory => ({
    protocol: factory.protocol,
    createStreamMuxer: (connection) => {
      raw.push(connection)
      return factory.createStreamMuxer(connection)
    },
  })
  const host = await createLibp2p({
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [() => watched(yamux({ enableKeepAlive: false })())],
  })
  running.add(host)
  return { host, raw }
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
  return vi.waitFor(check, { timeout: 120_000, interval: 20 })
}
