import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { parseGenesis } from '../src/index.ts'
import { devGenesis } from '../src/node/dev.ts'
import { createFullNode } from '../src/node/full.ts'
import type { FullNodeOptions } from '../src/node/full-options.ts'
import { tuneHeap } from '../src/node/heap.ts'
import { allKeyed, benchGenesis } from './support/network.ts'
import { serveReports } from './support/node-report.ts'

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
    : { datadir, genesis: benchGenesis(Number(network), allKeyed(Number(network))), dev: false, http }
const node = createFullNode(options)
await node.start()
const delay = monitorEventLoopDelay({ resolution: 10 })
delay.enable()
serveReports(node, datadir, delay)
