import { expect, test } from 'vitest'
import { hostile } from '../../scenario/hostile.ts'
import { lightStart } from '../../scenario/light-start.ts'
import { lowWork } from '../../scenario/low-work.ts'
import { privacy } from '../../scenario/privacy.ts'
import { transports } from '../../scenario/transports.ts'

test.each([hostile, lightStart, lowWork, privacy, transports])(
  '$name: $claim',
  { timeout: 240_000 },
  async (scenario) => {
    const findings = await scenario.run({ quick: true, seed: 1, log: () => undefined })
    expect(findings.filter(({ pass }) => pass === false)).toEqual([])
    expect(findings.filter(({ pass }) => pass === true).length).toBeGreaterThan(1)
  },
)
