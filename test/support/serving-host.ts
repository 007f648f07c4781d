import { lightBackend } from '../../src/node/light-backend.ts'
import { peerBackend } from '../../src/node/peer-backend.ts'
import { createPacer, systemClock } from '../../src/node/system.ts'
import type { Host } from '../../src/p2p/host.ts'
import { RequestServer } from '../../src/p2p/reqresp/server.ts'
import { topicsOf } from '../../src/p2p/topics.ts'
import { wirePrefix } from '../../src/p2p/wire/names.ts'
import { WIRE_VERSION } from '../../src/p2p/wire/status.ts'
import type { TestChain } from './test-chain.ts'
import { startTestHost } from './test-host.ts'

/** A full node's peer-to-peer side over a chain of whatever engine: it serves all there is, and listens to transactions. */
export async function startServingHost({ chain, database }: TestChain): Promise<Host> {
  const prefix = wirePrefix(chain.genesisHash)
  const host = await startTestHost({ prefix, topics: topicsOf(prefix) })
  const server = new RequestServer(
    { prefix },
    {
      host,
      backend: {
        ...peerBackend({ chain, database, lookup: () => undefined, arriving: () => undefined }),
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
      onError: (error) => {
        throw error
      },
    },
  )
  await server.start()
  host.services.gossip.subscribe(topicsOf(prefix).tx)
  return host
}
