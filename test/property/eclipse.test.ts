import { expect, test } from 'vitest'
import { eclipse } from '../scenario/eclipse.ts'

test(eclipse.claim, { timeout: 900_000 }, async () => {
  const findings = await eclipse.run({ quick: true, seed: 1, log: () => undefined })
  expect(findings.filter(({ pass }) => pass === false)).toEqual([])
  expect(findings.some(({ pass }) => pass)).toBe(true)
})
