import { setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import { loadRecovery } from './load-recovery.ts'
import { type AskedQuestion, END_OF_QUESTIONS, QUESTIONS } from './recovery-questions.ts'

/** A third of a share: one on every core would otherwise keep the main thread, which feeds them, waiting. */
const NICENESS = 5

/** Thread of the recovery pool: first says which backend it runs, then answers questions in the order they come. */
const port = parentPort
if (port === null) throw new Error('recovery-worker runs as a worker thread of the recovery pool')
// Only on Linux does this mean the thread, not the whole process.
if (process.platform === 'linux') setPriority(NICENESS)

const recovery = await loadRecovery(workerData.backend)
port.on('message', (asked: AskedQuestion | typeof END_OF_QUESTIONS) => {
  if (asked === END_OF_QUESTIONS) {
    port.close()
    return
  }
  const answer = QUESTIONS[asked.name].answer(recovery, asked.question)
  port.postMessage(answer, [answer])
})
port.postMessage(recovery.name)
