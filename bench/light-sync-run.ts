import { setTimeout as delay } from 'node:timers/promises'
import { createPow } from '../src/consensus/pow.ts'
import { hashHeader } from '../src/crypto/hashes.ts'
import { collectLoadingGarbage, tuneHeap } from '../src/node/heap.ts'
import { MAX_GAS_LIMIT } from '../src/primitives/limits.ts'
import { MINED_PARAMS } from '../test/support/mined-chain.ts'
import { HEADERS_CHAIN_ID, HEADERS_GENESIS } from './support/header-fixture.ts'
import { connectHost, createBenchClient } from './support/light-client.ts'

/**
 * A light client that finds the tip of a chain of headers over a connection of libp2p; prints what it cost as JSON.
 * Usage: node light-sync-run.ts ADDRESS BLOCKS
 */
tuneHeap()
const [address, blocks] = process.argv.slice(2)
const genesis = hashHeader(HEADERS_GENESIS)
const connected = await connectHost(genesis.hash, address!)
// What connecting brings with it settles; then this is an idle host, with all modules loaded.
await delay(1_000)
collectLoadingGarbage()
const idleRssMb = process.memoryUsage().rss / 2 ** 20
const cpuBefore = process.cpuUsage()
const startMs = performance.now()

const { client, receivedBytes } = createBenchClient(connected, {
  params: {
    chainId: HEADERS_CHAIN_ID,
    maxGasLimit: MAX_GAS_LIMIT,
    gasLimitTarget: HEADERS_GENESIS.gasLimit,
    maxBlockBytes: undefined,
  },
  rules: { name: 'pow', ...MINED_PARAMS },
  genesis,
  engine: createPow(MINED_PARAMS, {}),
})
await client.start()
client.addPeer(connected.peer)
const head = await client.waitUntilSynced()
const elapsedMs = performance.now() - startMs
const { user, system } = process.cpuUsage(cpuBefore)
if (head.header.number !== Number(blocks)) throw new Error(`the client ended at block ${head.header.number}`)
const rssMb = process.memoryUsage().rss / 2 ** 20
const cpuSec = (user + system) / 1e6
console.log(JSON.stringify({ cpuSec, elapsedMs, receivedBytes: receivedBytes(), idleRssMb, rssMb }))
process.exit(0)
