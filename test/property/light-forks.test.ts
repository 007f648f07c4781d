import { expect, it } from 'vitest'
import { lightForks } from '../scenario/light-forks.ts'

it.each([1, 2])(
  'a light node does not follow a chain of less work, whoever offers it first (seed %i)',
  async (seed) => {
    const findings = await lightForks.run({ quick: true, seed, log: () => undefined })
    expect(findings.filter(({ pass }) => !pass)).toEqual([])
    expect(findings).toHaveLength(4)
  },
)
