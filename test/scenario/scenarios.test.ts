import { describe, expect, test } from 'vitest'
import { partition } from './partition.ts'
import { propagation } from './propagation.ts'
import type { Scenario } from './scenario.ts'

/** The short forms of what has one. */
const SHORT: readonly Scenario[] = [propagation, partition]

describe.each(SHORT)('$name', (scenario) => {
  test(scenario.claim, async () => {
    const findings = await scenario.run({ quick: true, seed: 1, log: () => undefined })
    expect(findings.filter(({ pass }) => pass !== undefined).length).toBeGreaterThan(0)
    expect(findings.filter(({ pass }) => pass === false)).toEqual([])
  })
})
