import { CommanderError } from 'commander'
import { tuneHeap } from '../node/heap.ts'
import { describeFailure, EXIT } from './exit.ts'
import { createProgram } from './program.ts'

/** Runs the command that `args` name, and leaves the process's exit code. */
export async function run(args: readonly string[]): Promise<void> {
  // Once is enough: what is written after it fails in the same way.
  for (const output of [process.stdout, process.stderr]) output.once('error', onOutputError).on('error', () => {})
  tuneHeap()
  try {
    await (await createProgram(args)).parseAsync(args, { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError) {
      // Help and version come this way too, with code 0; commander has written its line by now.
      process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage
    } else {
      const { line, exitCode } = describeFailure(error)
      process.stderr.write(`${line}\n`)
      process.exitCode = exitCode
    }
  }
}

/**
 * Whoever read the output has gone, as `head` does, or the disk of the log is full: a node stops as for a signal, anything else
 * has done what it could.
 */
function onOutputError(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') {
    process.exitCode = EXIT.failed
    process.stderr.write(`idobata: the output cannot be written (${error.code})\n`)
  }
  if (!process.emit('SIGTERM', 'SIGTERM')) process.exit()
}
