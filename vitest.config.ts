import { accessSync, constants, statfsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

// Most of what the tests wait for is processes that start. Node keeps what it has compiled and stripped of types here, and
// the next one starts in half the time.
process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, 'node_modules/.cache/node-compile')

/** Where Linux keeps files in memory. */
const MEMORY = '/dev/shm'
/** Bytes that must be free there: the tests need a fifth of it. */
const ENOUGH_BYTES = 2 ** 30

// A busy disk takes a tenth of a second for each write that must be safe, and the tests make thousands. What they kill is a
// process, never the machine: what was in memory then is still there.
if (hasRoom(MEMORY)) process.env.TMPDIR ??= MEMORY

function hasRoom(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK)
    const { bavail, bsize } = statfsSync(directory)
    return bavail * bsize >= ENOUGH_BYTES
  } catch {
    return false
  }
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    // By default one core would be left to the processes that the tests start, which wait for the tests as well.
    maxWorkers: availableParallelism(),
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // What is polled for takes milliseconds, or is stuck: only a machine that others keep busy comes between.
    expect: { poll: { timeout: 120_000 } },
  },
})
