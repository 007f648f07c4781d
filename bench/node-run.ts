import { flushCompileCache } from 'node:module'
import { keepCompiledCode } from '../src/cli/compiled-code.ts'

/**
 * A full node of the bench network on a data directory, with compiled code kept as the command line keeps it; prints where it serves
 * JSON-RPC once it does, and runs until it is killed. The genesis is handed in as an object: no file describes it.
 * Usage: node node-run.ts ACCOUNTS DATADIR.
 */
keepCompiledCode(process.env)
const { createFullNode } = await import('../src/node/full.ts')
const { tuneHeap } = await import('../src/node/heap.ts')
const { fixtureGenesis } = await import('./support/fixture.ts')
tuneHeap()
const [accounts, datadir] = process.argv.slice(2)
const genesis = fixtureGenesis({ accounts: Number(accounts), blocks: 0, transfers: 0 })
const node = createFullNode({ datadir: datadir!, genesis, dev: false, http: { host: '127.0.0.1', port: 0 } })
await node.start()
console.log(node.rpcUrl)
// Whoever reads on learns that it is kept.
process.stdin.once('data', () => {
  flushCompileCache()
  console.log('kept')
})
