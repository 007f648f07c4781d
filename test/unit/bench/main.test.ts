import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'

const MAIN = new URL('../../../bench/main.ts', import.meta.url).pathname

test.each([
  [['--only', 'import-unsene'], '--only: there is no figure "import-unsene"'],
  [['--fast'], "Unknown option '--fast'"],
])('%j is refused with the names there are, and nothing on standard output', (args, complaint) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8' })
  expect(status).toBe(2)
  expect(stdout).toBe('')
  expect(stderr).toContain(complaint)
  expect(stderr.split('\n')).toContain('  import-unseen')
})
