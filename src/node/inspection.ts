import { fork } from 'node:child_process'
import { once } from 'node:events'
import { extname } from 'node:path'
import { StoreError } from '../primitives/errors.ts'
import { damaged } from '../store/database.ts'
import type { Answers, Message, Question } from './inspection-process.ts'
import type { OnProgress } from './inspection-tasks.ts'

const PROCESS_URL = new URL(`./inspection-process${extname(import.meta.url)}`, import.meta.url)
/** Milliseconds for what takes a fraction of a second: a start must not wait for ever on a damaged database. */
const MAX_RECENT_MS = 60_000

/**
 * Has a process of its own look into a database: LevelDB may abort over a damaged one, and would take this process with it.
 * @throws StoreError if it cannot be opened, or the process has died over it.
 */
export async function inspect<Task extends Question['task']>(
  question: Extract<Question, { task: Task }>,
  onProgress: OnProgress = () => {},
): Promise<Answers[Task]> {
  const child = fork(PROCESS_URL, [JSON.stringify(question)], {
    // Flags that this process was started with may not fit that one.
    execArgv: [],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    ...(question.task === 'recent' && { timeout: MAX_RECENT_MS, killSignal: 'SIGKILL' }),
  })
  let outcome: Message | undefined
  child.on('message', (message: Message) => {
    if (message.type === 'progress') onProgress(message.part, message.done, message.total)
    else outcome = message
  })
  await Promise.all([once(child, 'exit'), once(child, 'disconnect')])
  if (outcome?.type === 'answer') return outcome.answer as Answers[Task]
  if (outcome?.type === 'failure') throw failure(outcome)
  throw damaged('the process that looked into it has died')
}

function failure({ message, remedy, locked }: Extract<Message, { type: 'failure' }>): Error {
  if (remedy === undefined) return new Error(message)
  return new StoreError(
    message,
    remedy,
    locked ? Object.assign(new Error(message), { code: 'LEVEL_LOCKED' }) : undefined,
  )
}
