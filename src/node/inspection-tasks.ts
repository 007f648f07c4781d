import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ChainStore } from '../chain/chain-store.ts'
import { type CheckTally, checkChain } from '../chain/check.ts'
import type { Genesis } from '../chain/genesis.ts'
import { type Repaired, repairChain, resetState } from '../chain/repair.ts'
import { PoolJournal } from '../pool/journal.ts'
import { createJournalStore } from '../pool/journal-store.ts'
import { StoreError } from '../primitives/errors.ts'
import type { Database } from '../store/database.ts'
import { databaseDirectory, lastHeadFile } from './data-files.ts'
import { createEngine } from './engine.ts'
import { type GenesisSource, loadGenesis } from './genesis-file.ts'
import { checkLastHead } from './last-head.ts'
import { createPacer, monotonicMs, systemClock } from './system.ts'

export interface CheckTask {
  readonly datadir: string
  readonly genesis: GenesisSource
}

export interface RepairTask extends CheckTask {
  readonly resetState: boolean
}

/** One part's damages: how many, and the first. */
export interface Finding {
  readonly part: string
  readonly count: number
  readonly first: string
}

export interface Checked {
  readonly tally: CheckTally
  readonly findings: readonly Finding[]
}

export interface RepairDone {
  readonly repaired: Repaired
  readonly stateReset: boolean
}

/** @param total  0 where nobody knows it. */
export type OnProgress = (part: string, done: number, total: number) => void

const PROGRESS_INTERVAL_MS = 100

/** Reads all of a database. @throws GenesisError, StoreError. */
export async function check(
  database: Database,
  { datadir, genesis: source }: CheckTask,
  onProgress: OnProgress,
): Promise<Checked> {
  const genesis = await loadGenesis(source)
  const findings = new Map<string, { count: number; first: string }>()
  const report = (part: string, what: string) => {
    const found = findings.get(part)
    if (found === undefined) findings.set(part, { count: 1, first: what })
    else found.count++
  }
  const bytes = await sizeOf(databaseDirectory(datadir))
  const tell = seldom(onProgress)
  const tally = await checkChain({
    database,
    engine: engineOf(genesis),
    pacer: createPacer(),
    report,
    onProgress: (part, done, total) => tell(part, done, total === 0 ? bytes : total),
  })
  await attempt(
    () => new PoolJournal({ store: createJournalStore(database) }).load(),
    (what) => report('pool', what),
  )
  await attempt(
    () => checkLastHead(datadir, new ChainStore(database)),
    (what) => report('canonical chain', what),
  )
  return { tally, findings: [...findings].map(([part, found]) => ({ part, ...found })) }
}

/** Keeps what is intact. @throws GenesisError, StoreError. */
export async function repair(
  database: Database,
  { datadir, genesis: source, resetState: wanted }: RepairTask,
  onProgress: OnProgress,
): Promise<RepairDone> {
  const genesis = await loadGenesis(source)
  const tell = seldom(onProgress)
  const repaired = await repairChain({
    genesis,
    database,
    engine: engineOf(genesis),
    pacer: createPacer(),
    onProgress: (done) => tell('repair', done, 0),
  })
  const stateReset = wanted || repaired.head !== repaired.headBefore || repaired.lostBlocks > 0
  if (stateReset) await resetState(database, genesis)
  await rm(lastHeadFile(datadir), { force: true })
  return { repaired, stateReset }
}

function engineOf(genesis: Genesis) {
  return createEngine({ dev: false }, genesis, {
    clock: systemClock,
    recoverSigner: () => undefined,
    onEvidence() {},
  })
}

async function attempt(work: () => Promise<unknown>, report: (what: string) => void): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    report(error.message)
  }
}

async function sizeOf(directory: string): Promise<number> {
  let bytes = 0
  for (const name of await readdir(directory)) bytes += (await stat(join(directory, name))).size
  return bytes
}

function seldom(tell: OnProgress): OnProgress {
  let calls = 0
  let nextMs = 0
  return (part, done, total) => {
    // The clock costs more than what is being counted.
    if (calls++ % 64 !== 0 || monotonicMs() < nextMs) return
    nextMs = monotonicMs() + PROGRESS_INTERVAL_MS
    tell(part, done, total)
  }
}
