import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, expect, test } from 'vitest'

const ROOT = new URL('../..', import.meta.url).pathname

let child: ChildProcess
// A demo whose test has been given up: it stops its nodes.
afterEach(async () => {
  if (child.exitCode === null && child.kill('SIGTERM')) await once(child, 'exit')
})

/** Runs the demo; `onOutput` may end it. */
async function demo(args: readonly string[], onOutput: (output: string) => void) {
  child = spawn(process.execPath, ['demo/main.ts', ...args], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.on('data', (chunk) => {
      output += chunk
      onOutput(output)
    })
  }
  const [exitCode] = await once(child, 'close')
  return { exitCode, output }
}

test('the demo shows blocks crossing five nodes, one late, one killed and back, and they agree in the end', {
  timeout: 240_000,
}, async () => {
  const { exitCode, output } = await demo(['--seconds', '6'], () => undefined)
  for (const line of [/#\d+ 0x.* from …/, /joins late/, /has been killed/, /is back/, /all five nodes agree/]) {
    expect(output).toMatch(line)
  }
  expect(exitCode, output).toBe(0)
})

test('the demo ends cleanly when it is interrupted', { timeout: 240_000 }, async () => {
  const { exitCode, output } = await demo([], (output) => {
    if (output.includes('blocks as node 3 sees them')) child.kill('SIGINT')
  })
  expect(output.trimEnd()).toMatch(/stopping$/)
  expect(exitCode).toBe(0)
})
