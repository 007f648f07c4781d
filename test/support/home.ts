import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Home of the processes that tests start: whatever they leave there goes with the tests. */
export const TEST_HOME = mkdtempSync(join(tmpdir(), 'idobata-home-'))
process.once('exit', () => rmSync(TEST_HOME, { recursive: true, force: true }))
