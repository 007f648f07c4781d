import { access } from 'node:fs/promises'
import { checkRecent } from '../chain/check-recent.ts'
import { StoreError } from '../primitives/errors.ts'
import { Database, isLocked } from '../store/database.ts'
import { finishSalvage } from '../store/salvage.ts'
import { databaseDirectory } from './data-files.ts'
import type { Checked, CheckTask, OnProgress, RepairDone, RepairTask } from './inspection-tasks.ts'

/**
 * What this process is for: reading a database that may be damaged, at which the native library may abort. Its one
 * argument is a Question in JSON; it answers over IPC, and ends with the process that asked.
 */
export type Question =
  | { readonly task: 'recent'; readonly datadir: string }
  | ({ readonly task: 'check' } & CheckTask)
  | { readonly task: 'salvage'; readonly datadir: string }
  | ({ readonly task: 'repair' } & RepairTask)

export interface Answers {
  /** What is damaged. */
  readonly recent: { readonly damage: string | undefined }
  readonly check: Checked
  readonly salvage: Record<string, never>
  readonly repair: RepairDone
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

async function answer(question: Question): Promise<Answers[Question['task']]> {
  const directory = databaseDirectory(question.datadir)
  await finishSalvage(directory)
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
    // A start after a kill waits for this process: the rest is loaded when it is needed.
    const { check, repair } = await import('./inspection-tasks.ts')
    const tell: OnProgress = (part, done, total) => send({ type: 'progress', part, done, total })
    return await (question.task === 'check' ? check(database, question, tell) : repair(database, question, tell))
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
