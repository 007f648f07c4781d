import { createFullNode } from '../src/node/full.ts'
import { tuneHeap } from '../src/node/heap.ts'
import { fixtureGenesis } from './support/fixture.ts'

/**
 * A full node of the bench network on a data directory; prints where it serves JSON-RPC once it does, and runs until it is
 * killed. The genesis is handed in as an object: no file describes it.
 * Usage: node node-run.ts ACCOUNTS DATADIR.
 */
tuneHeap()
const [accounts, datadir] = process.argv.slice(2)
const genesis = fixtureGenesis({ accounts: Number(accounts), blocks: 0, transfers: 0 })
const node = createFullNode({ datadir: datadir!, genesis, dev: false, http: { host: '127.0.0.1', port: 0 } })
await node.start()
console.log(node.rpcUrl)
