import { lightBackend } from '../../src/node/light-backend.ts'
import { peerBackend } from '../../src/node/peer-backend.ts'
import { createPacer, systemClock } from '../../src/node/system.ts'
import type { HostComponents } from '../../src/p2p/base-host.ts'
import type { DiscoveryOptions } from '../../src/p2p/discovery.ts'
import type { Host } from '../../src/p2p/host.ts'
import type { BlockBackend } from '../../src/p2p/reqresp/backend.ts'
import { RequestServer } from '../../src/p2p/reqresp/server.ts'
import { topicsOf } from '../../src/p2p/topics.ts'
import { wirePrefix } from '../../src/p2p/wire/names.ts'
import { WIRE_VERSION } from '../../src/p2p/wire/status.ts'
import type { TestChain } from './test-chain.ts'
import { NO_DISCOVERY, startTestHost } from './test-host.ts'

/** A chain that is only read. */
export type ServedChain = Pick<TestChain, 'chain' | 'database'>

export interface ServingOptions {
  readonly discovery?: Partial<DiscoveryOptions>
  /** In place of what is in the database. */
  readonly body?: BlockBackend['body']
  readonly gater?: HostComponents['gater']
}

/** A full node's peer-to-peer side over a chain of whatever engine: it serves all there is, and listens to transactions. */
export async function startServingHost(
  { chain, database }: ServedChain,
  { discovery, body, gater }: ServingOptions = {},
): Promise<Host> {
  const prefix = wirePrefix(chain.genesisHash)
  const host = await startTestHost(
    { prefix, topics: topicsOf(prefix), discovery: { ...NO_DISCOVERY, ...discovery } },
    gater && { gater },
  )
  const stored = peerBackend({ chain, database, lookup: () => undefined, arriving: () => undefined })
  const server = new RequestServer(
    { prefix },
    {
      host,
      backend: {
        ...stored,
        blocks: { ...stored.blocks, ...(body && { body }) },
        light: lightBackend({ chain, provesWork: false, pacer: createPacer(), monotonicMs: () => performance.now() }),
        status: () => {
          const { hash, header, totalDifficulty } = chain.head
          return {
            version: WIRE_VERSION,
            genesisHash: chain.genesisHash,
            headHash: hash,
            number: header.number,
            totalDifficulty,
            oldestBody: 0,
            serves: { headers: true, bodies: true, txs: true, proof: true, history: true },
            agent: 'test',
          }
        },
        peerRecords: async () => [],
      },
      clock: systemClock,
      onOffence: () => {},
      onError: (error) => console.error(error),
    },
  )
  await server.start()
  host.services.gossip.subscribe(topicsOf(prefix).tx)
  return host
}
