import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { asertTarget, relativeDifficulty, targetOf } from '../../src/consensus/asert.ts'

const params = { spacingSec: 10n, halfLifeSec: 2_880n, maxTarget: 2n ** 256n - 1n }
const anyTarget = fc.bigInt({ min: 1n, max: params.maxTarget })
const anySecond = fc.bigInt({ min: 0n, max: 2n ** 53n - 1n })
const anyHeight = fc.bigInt({ min: 0n, max: 2n ** 53n - 1n })

describe('asertTarget', () => {
  it('lies in [1, maxTarget] for any schedule and time', () => {
    fc.assert(
      fc.property(anyTarget, anySecond, anySecond, anyHeight, anyTarget, (target, from, timeSec, height, maxTarget) => {
        const anchor = { height: 0n, parentTimeSec: from, target }
        const next = asertTarget(anchor, { height, timeSec }, { ...params, maxTarget })
        expect(next >= 1n && next <= maxTarget).toBe(true)
      }),
    )
  })

  it('never falls when the parent is later, never rises when it is higher', () => {
    const near = fc.bigInt({ min: 0n, max: 2_000_000n })
    fc.assert(
      fc.property(anyTarget, near, near, fc.bigInt({ min: 0n, max: 100_000n }), (target, timeSec, later, height) => {
        const anchor = { height: 0n, parentTimeSec: 1_000_000n, target }
        const next = asertTarget(anchor, { height, timeSec }, params)
        expect(asertTarget(anchor, { height, timeSec: timeSec + later }, params)).toBeGreaterThanOrEqual(next)
        expect(asertTarget(anchor, { height: height + 1n, timeSec }, params)).toBeLessThanOrEqual(next)
      }),
    )
  })

  it('stays within 0.013 % of 2 to the power of the lateness', () => {
    fc.assert(
      fc.property(fc.integer({ min: -40_000, max: 40_000 }), (lateness) => {
        const target = 2n ** 200n
        const timeSec = BigInt(1_000_000 + lateness + 10)
        const next = asertTarget({ height: 0n, parentTimeSec: 1_000_000n, target }, { height: 0n, timeSec }, params)
        const exponent = Math.trunc((lateness * 65_536) / 2_880) / 65_536
        expect(Math.abs(Number(next) / 2 ** (200 + exponent) - 1)).toBeLessThan(0.000_13)
      }),
    )
  })
})

describe('relativeDifficulty', () => {
  it('neither loses nor gains anything over an interval of the spacing, while targets have digits to spare', () => {
    const rules = { spacingSec: 10n, halfLifeSec: 2_880n, genesisDifficulty: 1n }
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: 2n ** 127n }), fc.nat(), (difficulty, timestamp) => {
        expect(relativeDifficulty({ timestamp: timestamp + 10, difficulty }, { timestamp }, rules)).toBe(difficulty)
        expect(targetOf(targetOf(difficulty))).toBe(difficulty)
      }),
    )
  })
})
