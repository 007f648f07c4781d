import { createFullNode } from '../src/node/full.ts'
import { tuneHeap } from '../src/node/heap.ts'
import { fixtureGenesis } from './support/fixture.ts'

/**
 * A full node of the bench network that catches up with peers; prints its head ten times a second, and ends when it is there.
 * Usage: node sync-join-run.ts ACCOUNTS DATADIR BLOCKS MULTIADDR...
 */
tuneHeap()
const [accounts, datadir, blocks, ...bootnodes] = process.argv.slice(2)
const node = createFullNode({
  datadir: datadir!,
  genesis: fixtureGenesis({ accounts: Number(accounts), blocks: 0, transfers: 0 }),
  dev: false,
  network: { addr: '127.0.0.1', port: 0, transports: ['tcp'], bootnodes, maxPeers: 77 },
})
await node.start()
const timer = setInterval(() => {
  const { number } = node.status()
  console.log(number)
  if (number < Number(blocks)) return
  clearInterval(timer)
  void node.stop()
}, 100)
