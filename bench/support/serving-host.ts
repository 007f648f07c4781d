import { generateKeyPair } from '@libp2p/crypto/keys'
import { Chain } from '../../src/chain/chain.ts'
import type { Genesis } from '../../src/chain/genesis.ts'
import { lightBackend } from '../../src/node/light-backend.ts'
import { peerBackend } from '../../src/node/peer-backend.ts'
import { createPacer, systemClock } from '../../src/node/system.ts'
import type { HostComponents } from '../../src/p2p/base-host.ts'
import type { DiscoveryOptions } from '../../src/p2p/discovery.ts'
import { createHost, type Host } from '../../src/p2p/host.ts'
import type { BlockBackend } from '../../src/p2p/reqresp/backend.ts'
import { RequestServer } from '../../src/p2p/reqresp/server.ts'
import { topicsOf } from '../../src/p2p/topics.ts'
import { wirePrefix } from '../../src/p2p/wire/names.ts'
import { WIRE_VERSION } from '../../src/p2p/wire/status.ts'
import { Database } from '../../src/store/database.ts'
import { BENCH_HOST } from './host.ts'
import { benchEngine } from './network.ts'

/** A chain that is only read. */
export interface ServedChain {
  readonly chain: Chain
  readonly database: Database
}

export async function openServedChain(directory: string, genesis: Genesis): Promise<ServedChain> {
  const database = await Database.open(directory)
  const chain = await Chain.open(
    { genesis },
    { database, engine: benchEngine(), clock: systemClock, pacer: createPacer(), recover: async () => [] },
  )
  return { chain, database }
}

export interface ServingOptions {
  readonly discovery?: Partial<DiscoveryOptions>
  /** In place of what is in the database. */
  readonly body?: BlockBackend['body']
  readonly gater?: HostComponents['gater']
}

/** A full node's peer-to-peer side on a free port of loopback: a libp2p host that answers requests about a chain. */
export async function startServingHost(served: ServedChain, options: ServingOptions): Promise<Host> {
  const { chain, database } = served
  const prefix = wirePrefix(chain.genesisHash)
  const host = await createHost(
    {
      ...BENCH_HOST,
      prefix,
      topics: topicsOf(prefix),
      listen: ['/ip4/127.0.0.1/tcp/0'],
      discovery: { ...BENCH_HOST.discovery, ...options.discovery },
    },
    {
      privateKey: await generateKeyPair('Ed25519'),
      standing: () => 0,
      ...(options.gater && { gater: options.gater }),
    },
  )
  const { blocks, pool, state } = peerBackend({ chain, database, lookup: () => undefined, arriving: () => undefined })
  const server = new RequestServer(
    { prefix },
    {
      host,
      backend: {
        blocks: { ...blocks, ...(options.body && { body: options.body }) },
        pool,
        state,
        light: lightBackend({ chain, provesWork: false, pacer: createPacer(), monotonicMs: () => 0 }),
        status: () => ({
          version: WIRE_VERSION,
          genesisHash: chain.genesisHash,
          headHash: chain.head.hash,
          number: chain.head.header.number,
          totalDifficulty: chain.head.totalDifficulty,
          oldestBody: 0,
          serves: { headers: true, bodies: true, txs: false, proof: true, history: false },
          agent: 'bench',
        }),
        peerRecords: async () => [],
      },
      clock: systemClock,
      onOffence: () => {},
      onError: (error) => console.error(error),
    },
  )
  await server.start()
  await host.start()
  return host
}
