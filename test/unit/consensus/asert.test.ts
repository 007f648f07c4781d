import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { asertTarget, relativeDifficulty, targetOf } from '../../../src/consensus/asert.ts'
import { MAX_UINT256 } from '../../../src/primitives/limits.ts'
import { run } from '../../conformance/asert.ts'
import { Tally } from '../../conformance/report.ts'
import { compactOf, targetOfCompact } from '../../support/compact-target.ts'

const VECTORS = fileURLToPath(new URL('../../../../shared/vectors/asert', import.meta.url))
const params = { spacingSec: 600n, halfLifeSec: 172_800n, maxTarget: 2n ** 224n }
const anchor = { height: 100n, parentTimeSec: 1_000_000n, target: 2n ** 200n }
/** Seconds at which a block at `height` is exactly on schedule. */
const onSchedule = (height: bigint) => anchor.parentTimeSec + params.spacingSec * (height - anchor.height + 1n)
const targetAt = (height: bigint, latenessSec: bigint) =>
  asertTarget(anchor, { height, timeSec: onSchedule(height) + latenessSec }, params)

describe('asertTarget', () => {
  it('keeps the target while blocks are on schedule, at any height', () => {
    for (const height of [100n, 101n, 5_000n, 2n ** 40n]) expect(targetAt(height, 0n)).toBe(anchor.target)
  })

  it('doubles and halves the target exactly at each half-life', () => {
    for (let n = 1n; n <= 20n; n++) {
      expect(targetAt(7_000n, n * params.halfLifeSec)).toBe(anchor.target << n)
      expect(targetAt(7_000n, -n * params.halfLifeSec)).toBe(anchor.target >> n)
    }
  })

  it('rounds the exponent towards zero on both sides of the schedule', () => {
    // One second is 65536/172800 of the exponent's unit: three seconds are the first that count.
    for (const seconds of [-2n, -1n, 1n, 2n]) expect(targetAt(100n, seconds)).toBe(anchor.target)
    expect(targetAt(100n, 3n)).toBeGreaterThan(anchor.target)
    expect(targetAt(100n, -3n)).toBeLessThan(anchor.target)
  })

  it('stops at the easiest target and at 1', () => {
    expect(targetAt(100n, 24n * params.halfLifeSec)).toBe(params.maxTarget)
    expect(targetAt(100n, 24n * params.halfLifeSec - 3n)).toBeLessThan(params.maxTarget)
    expect(targetAt(100n, 25n * params.halfLifeSec)).toBe(params.maxTarget)
    expect(targetAt(100n, -200n * params.halfLifeSec)).toBe(1n)
    expect(targetAt(100n, -201n * params.halfLifeSec)).toBe(1n)
  })

  it('answers at any distance in time without building gigantic numbers', () => {
    const far = BigInt(Number.MAX_SAFE_INTEGER)
    expect(targetAt(100n, far)).toBe(params.maxTarget)
    expect(targetAt(100n, -far)).toBe(1n)
    const widest = { ...params, maxTarget: MAX_UINT256 }
    for (const target of [1n, MAX_UINT256]) {
      for (const doublings of [-258n, -257n, -256n, -255n, 255n, 256n, 257n, 258n]) {
        const timeSec = onSchedule(100n) + doublings * params.halfLifeSec
        const exact = doublings < 0n ? target >> -doublings : target << doublings
        const bounded = exact < 1n ? 1n : exact > MAX_UINT256 ? MAX_UINT256 : exact
        expect(asertTarget({ ...anchor, target }, { height: 100n, timeSec }, widest)).toBe(bounded)
      }
    }
  })

  it('refuses a parent before the anchor', () => {
    expect(() => targetAt(99n, 0n)).toThrow('before the anchor')
  })
})

describe.skipIf(!existsSync(VECTORS))('published aserti3-2d runs', () => {
  it('agree', async () => {
    const tally = new Tally()
    await run(VECTORS, tally)
    expect(tally.failures).toEqual([])
    expect(tally.passed).toBeGreaterThan(0)
  })
})

describe('compact targets', () => {
  it.each([
    [0x1d00ffff, 0xffffn << 208n],
    [0x01010000, 1n],
    [0x02010000, 0x100n],
    [0x03123456, 0x123456n],
    [0x0400d000, 0xd00000n],
  ])('%i', (bits, target) => {
    expect(targetOfCompact(bits)).toBe(target)
    expect(compactOf(target)).toBe(bits)
  })
})

describe('relativeDifficulty', () => {
  const rules = { spacingSec: 10n, halfLifeSec: 2_880n, genesisDifficulty: 1_000_000n }
  const difficultyAfter = (seconds: number, difficulty: bigint, params = rules) =>
    relativeDifficulty({ timestamp: 1_700_000_000 + seconds, difficulty }, { timestamp: 1_700_000_000 }, params)

  it('keeps the difficulty after an interval of exactly the spacing', () => {
    for (const difficulty of [1_000_000n, 123_456_789n, 10n ** 30n])
      expect(difficultyAfter(10, difficulty)).toBe(difficulty)
  })

  it('rises after a shorter interval and falls after a longer one', () => {
    expect(difficultyAfter(9, 10n ** 9n)).toBeGreaterThan(10n ** 9n)
    expect(difficultyAfter(11, 10n ** 9n)).toBeLessThan(10n ** 9n)
  })

  it('halves after one half-life of lateness', () => {
    expect(difficultyAfter(2_890, 8_000_000n)).toBe(4_000_000n)
  })

  it('is never below the genesis difficulty', () => {
    expect(difficultyAfter(2_890, 2_000_000n)).toBe(1_000_000n)
    expect(difficultyAfter(2_889, 2_000_000n)).toBeGreaterThan(1_000_000n)
    expect(difficultyAfter(2_900, 2_000_000n)).toBe(1_000_000n)
    expect(difficultyAfter(Number.MAX_SAFE_INTEGER - 1_700_000_000, 10n ** 60n)).toBe(1_000_000n)
  })

  it('stands at the floor even where a target has few digits left to round with', () => {
    for (const genesisDifficulty of [1n, 3n, 2n ** 128n + 1n, 2n ** 255n + 1n, MAX_UINT256]) {
      expect(difficultyAfter(10, genesisDifficulty, { ...rules, genesisDifficulty })).toBeGreaterThanOrEqual(
        genesisDifficulty,
      )
      expect(difficultyAfter(10 ** 6, MAX_UINT256, { ...rules, genesisDifficulty })).toBeGreaterThanOrEqual(
        genesisDifficulty,
      )
    }
  })

  it('cannot be pushed above 256 bits', () => {
    const oneHash = difficultyAfter(1, MAX_UINT256)
    expect(oneHash).toBe(MAX_UINT256)
    expect(targetOf(oneHash)).toBe(1n)
  })
})
