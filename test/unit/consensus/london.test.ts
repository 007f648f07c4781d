import { describe, expect, it } from 'vitest'
import { headerWith } from '../../support/header-chain.ts'
import { londonDifficulty, londonEngine } from '../../support/london-engine.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { describeEngine } from './engine-compliance.ts'

describeEngine('Ethereum’s London rules', () => ({
  genesis: headerWith({ difficulty: 131_072n }),
  clock: new ManualClock(2_000_000_000_000),
  sealer: () => londonEngine,
  verifier: () => londonEngine,
  sealCoversHeader: false,
  tampered: [
    { what: '33 bytes of extraData', code: 'bad-extra-data', tamper: (h) => ({ ...h, extraData: new Uint8Array(33) }) },
    { what: 'difficulty + 1', code: 'bad-difficulty', tamper: (h) => ({ ...h, difficulty: h.difficulty + 1n }) },
    { what: 'difficulty - 1', code: 'bad-difficulty', tamper: (h) => ({ ...h, difficulty: h.difficulty - 1n }) },
  ],
}))

describe('London difficulty', () => {
  const parent = headerWith({ difficulty: 2_048_000_000n, number: 1_000, timestamp: 1_000 })
  const withOmmers = { ...parent, ommersHash: new Uint8Array(32) }

  it.each([
    [1, 2_049_000_000n, 2_050_000_000n],
    [8, 2_049_000_000n, 2_050_000_000n],
    [9, 2_048_000_000n, 2_049_000_000n],
    [17, 2_048_000_000n, 2_049_000_000n],
    [18, 2_047_000_000n, 2_048_000_000n],
    [899, 1_950_000_000n, 1_951_000_000n],
    [900, 1_949_000_000n, 1_950_000_000n],
    [909, 1_949_000_000n, 1_949_000_000n],
    [90_000, 1_949_000_000n, 1_949_000_000n],
  ])('moves by steps of nine seconds: %i s', (seconds, plain, afterOmmers) => {
    expect(londonDifficulty(parent, 1_000 + seconds)).toBe(plain)
    expect(londonDifficulty(withOmmers, 1_000 + seconds)).toBe(afterOmmers)
  })

  it('is at least 131,072', () => {
    expect(londonDifficulty({ ...parent, difficulty: 131_072n }, 2_000)).toBe(131_072n)
    expect(londonDifficulty({ ...parent, difficulty: 131_200n }, 1_018)).toBe(131_136n)
  })

  it('adds the bomb from 9,900,000 on, doubling every 100,000 blocks', () => {
    const bombAt = (number: number) => londonDifficulty({ ...parent, number: number - 1 }, 1_009) - parent.difficulty
    expect(bombAt(9_899_999)).toBe(0n)
    expect(bombAt(9_900_000)).toBe(1n)
    expect(bombAt(9_999_999)).toBe(1n)
    expect(bombAt(10_000_000)).toBe(2n)
    // The fork block of London on the main network.
    expect(bombAt(12_965_000)).toBe(2n ** 30n)
  })
})
