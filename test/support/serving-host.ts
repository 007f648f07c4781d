import { generateKeyPair } from '@libp2p/crypto/keys'
import { lightBackend } from '../../src/node/light-backend.ts'
import { peerBackend } from '../../src/node/peer-backend.ts'
import { createPacer, systemClock } from '../../src/node/system.ts'
import { createHost, type Host } from '../../src/p2p/host.ts'
import { RequestServer } from '../../src/p2p/reqresp/server.ts'
import { topicsOf } from '../../src/p2p/topics.ts'
import { wirePrefix } from '../../src/p2p/wire/names.ts'
import { WIRE_VERSION } from '../../src/p2p/wire/status.ts'
import { LISTEN, NO_DISCOVERY } from './p2p-hosts.ts'
import type { TestChain } from './test-chain.ts'

/** A full node's peer-to-peer side over a chain of whatever engine: it serves all there is, and listens to transactions. */
export async function startServingHost({ chain, database }: TestChain): Promise<Host> {
  const prefix = wirePrefix(chain.genesisHash)
  const topics = topicsOf(prefix)
  const host = await createHost(
    {
      prefix,
      topics,
      listen: [LISTEN.tcp],
      maxPeers: 16,
      discovery: NO_DISCOVERY,
      agent: { name: 'test', version: '1' },
    },
    { privateKey: await generateKeyPair('Ed25519'), standing: () => 0 },
  )
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
  await host.start()
  host.services.gossip.subscribe(topics.tx)
  return host
}
