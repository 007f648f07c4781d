import { hashHeader, transactionHash } from '../src/crypto/hashes.ts'
import { fromHex } from '../src/primitives/bytes.ts'
import { decodeHeader } from '../src/primitives/header.ts'
import { fixtureGenesis } from './support/fixture.ts'
import { connectHost, createBenchClient } from './support/light-client.ts'
import { benchEngine, SIGNER_ADDRESS } from './support/network.ts'

/**
 * A light client that reads balances and receipts over a connection of libp2p; prints what one costs as JSON.
 * Usage: node light-read-run.ts ADDRESS ACCOUNTS READS, and the genesis header in hex.
 */
const [address, accounts, reads, header] = process.argv.slice(2)
const genesis = hashHeader(decodeHeader(fromHex(header!)))
const connected = await connectHost(genesis.hash, address!)
const { params } = fixtureGenesis({ accounts: Number(accounts), blocks: 0, transfers: 0 })
const { client, receivedBytes } = createBenchClient(connected, {
  params,
  rules: { name: 'poa', signers: [SIGNER_ADDRESS] },
  genesis,
  engine: benchEngine(),
})
await client.start()
const startMs = performance.now()
client.addPeer(connected.peer)
const head = await client.waitUntilSynced()
await client.prove(SIGNER_ADDRESS, [], head)
const firstMs = performance.now() - startMs
const { transactions } = await client.body(head)
const asked = transactions.slice(0, Number(reads))

/** Means of one question after the other. */
async function costOf(question: (index: number) => Promise<unknown>) {
  const bytesBefore = receivedBytes()
  const beforeMs = performance.now()
  for (const index of asked.keys()) await question(index)
  const bytes = (receivedBytes() - bytesBefore) / asked.length
  return { bytes, ms: (performance.now() - beforeMs) / asked.length }
}

const balance = await costOf((index) => client.prove(asked[index]!.to!, [], head))
const receipt = await costOf((index) => client.place(transactionHash(asked[index]!)))
console.log(JSON.stringify({ firstMs, balance, receipt }))
process.exit(0)
