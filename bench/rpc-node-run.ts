import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { parseGenesis } from '../src/index.ts'
import { devGenesis } from '../src/node/dev.ts'
import { createFullNode } from '../src/node/full.ts'
import type { FullNodeOptions } from '../src/node/full-options.ts'
import { tuneHeap } from '../src/node/heap.ts'
import { benchGenesis } from './support/network.ts'
import type { NodeReport } from './support/rpc-process.ts'

/**
 * A full node on an empty directory, asked over RPC by another process. Tells its URL, and when it is asked for a report,
 * what it has taken since the last one.
 * Usage: node rpc-node-run.ts dev | ACCOUNTS, all of which have keys; with an IPC channel.
 */
tuneHeap()
const [network] = process.argv.slice(2)
const datadir = mkdtempSync(join(tmpdir(), 'idobata-bench-rpc-'))
const http = { host: '127.0.0.1', port: 0 }
const options: FullNodeOptions =
  network === 'dev'
    ? { datadir, genesis: parseGenesis(devGenesis()), dev: true, mining: { threads: 1 }, http }
    : { datadir, genesis: benchGenesis(Number(network), allOf(Number(network))), dev: false, http }
const node = createFullNode(options)
await node.start()

const delay = monitorEventLoopDelay({ resolution: 10 })
delay.enable()
let cpu = process.threadCpuUsage()
process.on('message', () => {
  const { user, system } = process.threadCpuUsage(cpu)
  gc!()
  const report: NodeReport = {
    delayP99Ms: delay.percentile(99) / 1e6,
    mainCpuMicros: user + system,
    rssBytes: process.memoryUsage.rss(),
  }
  process.send!(report)
  delay.reset()
  cpu = process.threadCpuUsage()
})
process.on('disconnect', async () => {
  await node.stop()
  rmSync(datadir, { recursive: true })
})
process.send!(node.rpcUrl)

function allOf(accounts: number): ReadonlySet<number> {
  return new Set(Array.from({ length: accounts }, (_, index) => index))
}
