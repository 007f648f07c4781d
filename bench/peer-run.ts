import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createFullNode } from '../src/node/full.ts'
import { collectLoadingGarbage, tuneHeap } from '../src/node/heap.ts'
import { minerKeyFile } from '../src/node/miner-key.ts'
import { DEFAULT_MAX_PEERS, TRANSPORTS } from '../src/node/network-options.ts'
import { toHex } from '../src/primitives/bytes.ts'
import { allKeyed, benchGenesis, SIGNER_KEY } from './support/network.ts'
import { serveReports } from './support/node-report.ts'

/**
 * A full node of the bench network on an empty directory, with peers on loopback and RPC for its operator, set up otherwise as
 * `idobata start` sets it up. Tells its URL, and reports, as rpc-node-run.ts does.
 * Usage: node peer-run.ts ACCOUNTS miner|peer MULTIADDR…; with an IPC channel. All accounts have keys; the miner seals from
 * the start.
 */
tuneHeap()
const [accounts, role, ...bootnodes] = process.argv.slice(2)
const datadir = mkdtempSync(join(tmpdir(), 'idobata-bench-peer-'))
if (role === 'miner') writeFileSync(minerKeyFile(datadir), toHex(SIGNER_KEY), { mode: 0o600 })
const node = createFullNode({
  datadir,
  genesis: benchGenesis(Number(accounts), allKeyed(Number(accounts))),
  dev: false,
  ...(role === 'miner' && { mining: { threads: 1 } }),
  http: { host: '127.0.0.1', port: 0, api: ['eth', 'net', 'txpool', 'miner', 'admin', 'idobata'] },
  network: {
    addr: '127.0.0.1',
    port: 0,
    transports: TRANSPORTS,
    bootnodes,
    maxPeers: DEFAULT_MAX_PEERS,
    discovery: { dht: true, autonat: true, holePunching: true },
    exchange: true,
  },
})
await node.start()
collectLoadingGarbage()
serveReports(node, datadir)
