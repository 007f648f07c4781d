import { cpSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Chain } from '../src/chain/chain.ts'
import { keccak256Key } from '../src/crypto/keccak.ts'
import { RecoveryPool } from '../src/crypto/recovery-pool.ts'
import { tuneHeap } from '../src/node/heap.ts'
import { createPacer, systemClock } from '../src/node/system.ts'
import { toKey } from '../src/primitives/bytes.ts'
import type { RecoveredTransaction, Transaction } from '../src/primitives/transaction.ts'
import { Database } from '../src/store/database.ts'
import { decodeFixtureBlock, fixtureBlocks, fixtureGenesis, prepareFixture } from './support/fixture.ts'
import { benchEngine } from './support/network.ts'
import { cpuByThread } from './support/thread-cpu.ts'

/**
 * Imports a fixture's blocks in a process of its own, so that memory and event loop are the import's alone.
 * Usage: node import-run.ts ACCOUNTS BLOCKS TRANSFERS unseen|pooled [IN_FLIGHT]. Prints one JSON line.
 */
tuneHeap()
const [accounts, blocks, transfers, mode, inFlight] = process.argv.slice(2)
const shape = { accounts: Number(accounts), blocks: Number(blocks), transfers: Number(transfers) }
const fixture = await prepareFixture(shape, () => {})
const directory = mkdtempSync(join(tmpdir(), 'idobata-bench-run-'))
cpSync(fixture.genesisDirectory, directory, { recursive: true })

/** Blocks handed over and not finished: one executes, one recovers, one is written. */
const maxInFlight = Number(inFlight ?? 4)
/** Blocks whose transactions wait in the pool at a time: 50,000 are within its default bounds. */
const POOLED_BLOCKS = 10
/** Blocks that come first and are not counted: meanwhile V8 compiles, and the state's upper nodes are read. */
const warmUpBlocks = Math.min(10, Math.floor(shape.blocks / 4))

const blockReaders = fixtureBlocks(fixture)
const recovery = await RecoveryPool.start({ threads: availableParallelism() })
const pooled = new Map<string, RecoveredTransaction>()

/** Lets the transactions of a few blocks come in as a pool would have them: recovered before, by hash. */
async function fillPool(blocksAhead: readonly (() => Uint8Array)[]): Promise<void> {
  pooled.clear()
  for (const read of blocksAhead) {
    for (const result of await recovery.recover(decodeFixtureBlock(read()).transactions)) {
      if (result instanceof Error) throw result
      pooled.set(toKey(result.hash), result)
    }
  }
}
const recover = async (transactions: readonly Transaction[]) =>
  mode === 'pooled' ? fromPool(transactions) : recovery.recover(transactions)

const database = await Database.open(directory)
const genesis = fixtureGenesis(shape)
const chain = await Chain.open(
  { genesis },
  { database, engine: benchEngine(), clock: systemClock, pacer: createPacer(), recover },
)
const delay = monitorEventLoopDelay({ resolution: 10 })
let peakRss = 0
const watch = setInterval(() => {
  peakRss = Math.max(peakRss, process.memoryUsage.rss())
}, 50)
delay.enable()
let importMs = 0
let cpuMicros = 0
let mainCpuMicros = 0
const threadCpuMicros = new Map<string, number>()
const groupBlocks = mode === 'pooled' ? POOLED_BLOCKS : blockReaders.length
for (let at = 0; at < blockReaders.length; ) {
  const warm = at >= warmUpBlocks
  const ahead = blockReaders.slice(at, at + (warm ? groupBlocks : warmUpBlocks))
  at += ahead.length
  if (mode === 'pooled') await fillPool(ahead)
  const startMs = performance.now()
  const cpu = process.cpuUsage()
  const mainCpu = process.threadCpuUsage()
  const threadCpu = cpuByThread()
  const running = new Set<Promise<unknown>>()
  for (const read of ahead) {
    const task = chain.import(decodeFixtureBlock(read())).finally(() => running.delete(task))
    running.add(task)
    if (running.size >= maxInFlight) await Promise.race(running)
  }
  await Promise.all(running)
  if (!warm) continue
  importMs += performance.now() - startMs
  const { user, system } = process.cpuUsage(cpu)
  cpuMicros += user + system
  const main = process.threadCpuUsage(mainCpu)
  mainCpuMicros += main.user + main.system
  for (const [name, micros] of cpuByThread()) {
    threadCpuMicros.set(name, (threadCpuMicros.get(name) ?? 0) + micros - (threadCpu.get(name) ?? 0))
  }
}
delay.disable()
clearInterval(watch)
await chain.close()
await database.close()
await recovery.stop()
const transactions = (shape.blocks - warmUpBlocks) * shape.transfers
console.log(
  JSON.stringify({
    perSecond: (transactions / importMs) * 1000,
    cpuMicros: cpuMicros / transactions,
    mainCpuMicros: mainCpuMicros / transactions,
    threadCpuMicros: Object.fromEntries([...threadCpuMicros].map(([name, micros]) => [name, micros / transactions])),
    delayP99Ms: delay.percentile(99) / 1e6,
    delayMaxMs: delay.max / 1e6,
    peakRssMb: peakRss / 2 ** 20,
    diskBytes: directoryBytes(directory),
    genesisBytes: directoryBytes(fixture.genesisDirectory),
  }),
)
rmSync(directory, { recursive: true })

function directoryBytes(path: string): number {
  return readdirSync(path).reduce((sum, name) => sum + statSync(join(path, name)).size, 0)
}

function fromPool(transactions: readonly Transaction[]): RecoveredTransaction[] {
  return transactions.map((tx) => pooled.get(keccak256Key(tx.raw))!)
}
