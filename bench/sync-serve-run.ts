import { peerBackend } from '../src/node/peer-backend.ts'
import { toHex } from '../src/primitives/bytes.ts'
import { encodeHeader } from '../src/primitives/header.ts'
import { startServingHost } from '../test/support/serving-host.ts'
import { fixtureGenesis } from './support/fixture.ts'
import { openServedChain } from './support/served-chain.ts'

/**
 * Serves a chain of the bench network to peers; prints its address and the genesis header, and runs until it is killed.
 * Usage: node sync-serve-run.ts ACCOUNTS DATABASE honest|lies|stalls|vanishes. A bad one is good for its first answers.
 */
const [accounts, directory, manner] = process.argv.slice(2)
const GOOD_BODIES = 200

const served = await openServedChain(
  directory!,
  fixtureGenesis({ accounts: Number(accounts), blocks: 0, transfers: 0 }),
)
const { blocks } = peerBackend({ ...served, lookup: () => undefined, arriving: () => undefined })
let bodies = 0
async function body(hash: Uint8Array): Promise<Uint8Array | undefined> {
  if (manner === 'honest' || ++bodies <= GOOD_BODIES) return blocks.body(hash)
  if (manner === 'lies') return new Uint8Array([0xc0])
  if (manner === 'vanishes') process.exit(0)
  return new Promise(() => {})
}
const host = await startServingHost(served, { body })
const genesis = encodeHeader(served.chain.store.header(served.chain.genesisHash)!.header)
console.log(`${host.getMultiaddrs()[0]} ${toHex(genesis)}`)
