import { multiaddr } from '@multiformats/multiaddr'
import type { ChainParams } from '../../src/chain/types.ts'
import type { Engine } from '../../src/consensus/engine.ts'
import { nobleRecovery } from '../../src/crypto/noble.ts'
import { LightClient } from '../../src/light/client.ts'
import type { LightRules } from '../../src/light/types.ts'
import { createPacer, systemClock } from '../../src/node/system.ts'
import { lightRequests } from '../../src/p2p/light-requests.ts'
import { RequestClient } from '../../src/p2p/reqresp/client.ts'
import { connectionsOf } from '../../src/p2p/reqresp/connections.ts'
import { topicsOf } from '../../src/p2p/topics.ts'
import { wirePrefix } from '../../src/p2p/wire/names.ts'
import { type Status, WIRE_VERSION } from '../../src/p2p/wire/status.ts'
import type { HashedHeader } from '../../src/primitives/header.ts'
import { startTestHost } from '../../test/support/test-host.ts'

export interface LightNetwork {
  readonly params: ChainParams
  readonly rules: LightRules
  readonly genesis: HashedHeader
  readonly engine: Engine
}

/** A libp2p host that is connected to a server. */
export async function connectHost(genesisHash: Uint8Array, address: string) {
  const prefix = wirePrefix(genesisHash)
  const host = await startTestHost({ prefix, topics: topicsOf(prefix), listen: [] })
  const { remotePeer } = await host.dial(multiaddr(address))
  return { host, peer: remotePeer.toString() }
}

/** A light client on such a host that knows of nobody yet. */
export function createBenchClient({ host }: Awaited<ReturnType<typeof connectHost>>, network: LightNetwork) {
  const { engine, ...options } = network
  const { hash } = network.genesis
  let receivedBytes = 0
  const requestClient = new RequestClient(
    { prefix: wirePrefix(hash) },
    {
      clock: systemClock,
      connectionTo: connectionsOf(host),
      onReceived: (bytes) => {
        receivedBytes += bytes
      },
    },
  )
  const ours: Status = {
    version: WIRE_VERSION,
    genesisHash: hash,
    headHash: hash,
    number: 0,
    totalDifficulty: network.genesis.header.difficulty,
    oldestBody: 0,
    serves: { headers: false, bodies: false, txs: false, proof: false, history: false },
    agent: 'bench',
  }
  const client = new LightClient(
    { ...options, vouchers: 1 },
    {
      engine,
      requests: lightRequests(
        requestClient,
        () => ours,
        () => {},
      ),
      clock: systemClock,
      random: Math.random,
      pacer: createPacer(),
      recovery: nobleRecovery(),
      report: (peer, fault) => console.error(`${peer}: ${fault}`),
      checkTransaction: () => {},
      send: async () => 0,
      genesisCode: () => undefined,
      onError: (error) => console.error(error),
    },
  )
  return { client, receivedBytes: () => receivedBytes }
}
