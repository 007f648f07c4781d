import { proveChain } from '../src/light/prover.ts'
import { systemClock } from '../src/node/system.ts'
import { RequestServer } from '../src/p2p/reqresp/server.ts'
import { topicsOf } from '../src/p2p/topics.ts'
import { encodeChainProof } from '../src/p2p/wire/history.ts'
import { wirePrefix } from '../src/p2p/wire/names.ts'
import { WIRE_VERSION } from '../src/p2p/wire/status.ts'
import { equalBytes } from '../src/primitives/bytes.ts'
import { encodeHeader } from '../src/primitives/header.ts'
import { startTestHost } from '../test/support/test-host.ts'
import { HeaderFixture } from './support/header-fixture.ts'

/**
 * Serves the headers of a fixture to light nodes; prints its address, and runs until it is killed.
 * Usage: node light-serve-run.ts DIRECTORY BLOCKS
 */
const [directory, blocks] = process.argv.slice(2)
const chain = new HeaderFixture(directory!, Number(blocks))
const { tip } = chain
const genesis = chain.header(0)
const prefix = wirePrefix(genesis.hash)
const host = await startTestHost({ prefix, topics: topicsOf(prefix) })
/** Light nodes begin at genesis or near the tip. */
function numberOf(hash: Uint8Array): number {
  for (let back = 0; back < 1_024 && back <= chain.length; back++) {
    if (equalBytes(chain.header(chain.length - back).hash, hash)) return chain.length - back
  }
  return 0
}
const server = new RequestServer(
  { prefix },
  {
    host,
    backend: {
      blocks: {
        headers: async ({ start, count, reverse }) => {
          const from = typeof start === 'number' ? start : numberOf(start)
          const numbers = Array.from({ length: count }, (_, i) => from + (reverse ? -i : i))
          return numbers
            .filter((number) => number >= 0 && number <= chain.length)
            .map((number) => encodeHeader(chain.header(number).header))
        },
        body: async () => undefined,
        receipts: async () => undefined,
        transactions: async () => undefined,
      },
      light: {
        history: async ({ anchorHash }) => encodeChainProof(proveChain(chain, numberOf(anchorHash))!),
        ancestors: async () => undefined,
        inclusion: async () => undefined,
      },
      status: () => ({
        version: WIRE_VERSION,
        genesisHash: genesis.hash,
        headHash: tip.hash,
        number: tip.header.number,
        totalDifficulty: chain.totalDifficulty(tip.header.number),
        oldestBody: 0,
        serves: { headers: true, bodies: false, txs: false, proof: false, history: true },
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
console.log(host.getMultiaddrs()[0]!.toString())
