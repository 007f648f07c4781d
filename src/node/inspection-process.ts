import { access, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ChainStore } from '../chain/chain-store.ts'
import { type CheckTally, checkChain, checkRecent } from '../chain/check.ts'
import type { Genesis } from '../chain/genesis.ts'
import { type Repaired, repairChain, resetState } from '../chain/repair.ts'
import { PoolJournal } from '../pool/journal.ts'
import { createJournalStore } from '../pool/journal-store.ts'
import { StoreError } from '../primitives/errors.ts'
import { Database, isLocked } from '../store/database.ts'
import { databaseDirectory, lastHeadFile } from './data-files.ts'
import { createEngine } from './engine.ts'
import { type GenesisSource, loadGenesis } from './genesis-file.ts'
import { checkLastHead } from './last-head.ts'
import { createPacer, monotonicMs, systemClock } from './system.ts'

/**
 * What this process is for: reading a database that may be damaged, at which the native library may abort. Its one
 * argument is a Question in JSON; it answers over IPC, and ends with the process that asked.
 */
export type Question =
  | { readonly task: 'recent'; readonly datadir: string }
  | { readonly task: 'check'; readonly datadir: string; readonly genesis: GenesisSource }
  | { readonly task: 'salvage'; readonly datadir: string }
  | { readonly task: 'repair'; readonly datadir: string; readonly genesis: GenesisSource; readonly resetState: boolean }

/** One part's damages: how many, and the first. */
export interface Finding {
  readonly part: string
  readonly count: number
  readonly first: string
}

export interface Answers {
  /** What is damaged. */
  readonly recent: { readonly damage: string | undefined }
  readonly check: { readonly tally: CheckTally; readonly findings: readonly Finding[] }
  readonly salvage: Record<string, never>
  readonly repair: { readonly repaired: Repaired; readonly stateReset: boolean }
}

export type Message =
  | { readonly type: 'progress'; readonly part: string; readonly done: number; readonly total: number }
  | { readonly type: 'answer'; readonly answer: Answers[Question['task']] }
  | {
      readonly type: 'failure'
      readonly message: string
      readonly remedy: string | undefined
      readonly locked: boolean
    }

const PROGRESS_INTERVAL_MS = 100

async function answer(question: Question): Promise<Answers[Question['task']]> {
  const directory = databaseDirectory(question.datadir)
  if (!(await exists(directory))) {
    // Deleted after a kill: the next start makes a new one.
    if (question.task === 'recent') return { damage: undefined }
    throw new StoreError(`there is no database in ${question.datadir}`, 'see --datadir')
  }
  if (question.task === 'salvage') {
    await Database.salvage(directory)
    return {}
  }
  const database = await Database.open(directory)
  try {
    if (question.task === 'recent') return { damage: checkRecent(database) }
    const genesis = await loadGenesis(question.genesis)
    if (question.task === 'check') return await check(database, genesis, question.datadir)
    return await repair(database, genesis, question)
  } finally {
    await database.close()
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch {
    return false
  }
}

async function check(database: Database, genesis: Genesis, datadir: string): Promise<Answers['check']> {
  const findings = new Map<string, { count: number; first: string }>()
  const report = (part: string, what: string) => {
    const found = findings.get(part)
    if (found === undefined) findings.set(part, { count: 1, first: what })
    else found.count++
  }
  const bytes = await sizeOf(databaseDirectory(datadir))
  const tell = progressTeller()
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

async function repair(
  database: Database,
  genesis: Genesis,
  { datadir, resetState: wanted }: Extract<Question, { task: 'repair' }>,
): Promise<Answers['repair']> {
  const tell = progressTeller()
  const onProgress = (done: number) => tell('repair', done, 0)
  const repaired = await repairChain({ genesis, database, engine: engineOf(genesis), pacer: createPacer(), onProgress })
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

function progressTeller() {
  let calls = 0
  let nextMs = 0
  return (part: string, done: number, total: number) => {
    // The clock costs more than what is being counted.
    if (calls++ % 64 !== 0 || monotonicMs() < nextMs) return
    nextMs = monotonicMs() + PROGRESS_INTERVAL_MS
    send({ type: 'progress', part, done, total })
  }
}

function send(message: Message): void {
  process.send?.(message)
}

process.on('disconnect', () => process.exit(1))
try {
  send({ type: 'answer', answer: await answer(JSON.parse(process.argv[2]!)) })
} catch (error) {
  send({ type: 'failure', ...describe(error) })
}
process.disconnect?.()

function describe(error: unknown) {
  const { message } = error as Error
  if (!(error instanceof StoreError)) return { message, remedy: undefined, locked: false }
  return { message, remedy: error.remedy, locked: isLocked(error) }
}
