import { generateKeyPair } from '@libp2p/crypto/keys'
import { Chain } from '../src/chain/chain.ts'
import { lightBackend } from '../src/node/light-backend.ts'
import { peerBackend } from '../src/node/peer-backend.ts'
import { createPacer, systemClock } from '../src/node/system.ts'
import { createHost } from '../src/p2p/host.ts'
import { RequestServer } from '../src/p2p/reqresp/server.ts'
import { topicsOf } from '../src/p2p/topics.ts'
import { wirePrefix } from '../src/p2p/wire/names.ts'
import { WIRE_VERSION } from '../src/p2p/wire/status.ts'
import { toHex } from '../src/primitives/bytes.ts'
import { encodeHeader } from '../src/primitives/header.ts'
import { Database } from '../src/store/database.ts'
import { fixtureGenesis } from './support/fixture.ts'
import { BENCH_HOST } from './support/host.ts'
import { benchEngine } from './support/network.ts'

/**
 * Serves a chain of the bench network to peers; prints its address and the genesis header, and runs until it is killed.
 * Usage: node sync-serve-run.ts ACCOUNTS DATABASE honest|lies|stalls|vanishes. A bad one is good for its first answers.
 */
const [accounts, directory, manner] = process.argv.slice(2)
const GOOD_BODIES = 200

const database = await Database.open(directory!)
const chain = await Chain.open(
  { genesis: fixtureGenesis({ accounts: Number(accounts), blocks: 0, transfers: 0 }) },
  { database, engine: benchEngine(), clock: systemClock, pacer: createPacer(), recover: async () => [] },
)
const prefix = wirePrefix(chain.genesisHash)
const host = await createHost(
  { ...BENCH_HOST, prefix, topics: topicsOf(prefix), listen: ['/ip4/127.0.0.1/tcp/0'] },
  { privateKey: await generateKeyPair('Ed25519'), standing: () => 0 },
)
const { blocks, pool, state } = peerBackend({
  chain,
  database,
  lookup: () => undefined,
  arriving: () => undefined,
})
let bodies = 0
async function body(hash: Uint8Array): Promise<Uint8Array | undefined> {
  if (manner === 'honest' || ++bodies <= GOOD_BODIES) return blocks.body(hash)
  if (manner === 'lies') return new Uint8Array([0xc0])
  if (manner === 'vanishes') process.exit(0)
  return new Promise(() => {})
}
const server = new RequestServer(
  { prefix },
  {
    host,
    backend: {
      blocks: { ...blocks, body },
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
const genesis = encodeHeader(chain.store.header(chain.genesisHash)!.header)
console.log(`${host.getMultiaddrs()[0]} ${toHex(genesis)}`)
