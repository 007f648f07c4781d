#!/usr/bin/env node
import { CommanderError } from 'commander'
import { boundHeapGrowth } from '../node/heap.ts'
import { describeFailure, EXIT } from './exit.ts'
import { createProgram } from './program.ts'

boundHeapGrowth()
try {
  await createProgram().parseAsync()
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
