import { expect, test } from 'vitest'
import { runChaos } from './chaos.ts'

test('processes that are killed while they import, reorganise, mine and start lose nothing', {
  timeout: 300_000,
}, async () => {
  const seed = Math.floor(Math.random() * 2 ** 32)
  const lines: string[] = []
  try {
    const result = await runChaos({ seed, kills: 7, checkEvery: 3, log: (line) => lines.push(line) })
    expect(result.kills).toBeGreaterThanOrEqual(7)
  } catch (error) {
    throw new Error(lines.join('\n'), { cause: error })
  }
})
