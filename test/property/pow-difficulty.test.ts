import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { asertTarget, relativeDifficulty, targetOf } from '../../src/consensus/asert.ts'

const FLOOR = 1_000_000n
const WEEK_SEC = 604_800
const rules = { spacingSec: 10n, halfLifeSec: 2_880n, genesisDifficulty: FLOOR }

/** Difficulty of the block after those that stood `intervals` seconds after one another. */
function difficultyAfter(intervals: readonly number[], difficulty: bigint): bigint {
  return intervals.reduce(
    (current, seconds) => relativeDifficulty({ timestamp: seconds, difficulty: current }, { timestamp: 0 }, rules),
    difficulty,
  )
}

const repeat = (count: number, pattern: readonly number[]) => Array.from({ length: count }, () => pattern).flat()

/** Seconds of schedule by which `difficulty` lies above `reference`: what a shift by one half-life makes double. */
const shiftSec = (difficulty: bigint, reference: bigint) =>
  Math.log2(Number(difficulty) / Number(reference)) * Number(rules.halfLifeSec)

describe('difficulty under hostile timestamps', () => {
  it('leaves the floor with the second block after a week’s sleep', () => {
    const asleep = difficultyAfter([WEEK_SEC], FLOOR)
    expect(asleep).toBe(FLOOR)
    expect(difficultyAfter([1], asleep)).toBeGreaterThan(FLOOR)
    // 2^(9/2880) a block: doubled after 320 of them.
    expect(difficultyAfter(repeat(322, [1]), asleep)).toBeGreaterThanOrEqual(2n * FLOOR)
  })

  it('would stay there for 67,000 blocks if it were measured from one anchor', () => {
    const anchor = { height: 0n, parentTimeSec: 0n, target: targetOf(FLOOR) }
    const absolute = { ...rules, maxTarget: targetOf(FLOOR) }
    const atFloor = (blocks: bigint) =>
      asertTarget(anchor, { height: blocks, timeSec: BigInt(WEEK_SEC) + blocks }, absolute) === absolute.maxTarget
    expect(atFloor(67_000n)).toBe(true)
    expect(atFloor(68_000n)).toBe(false)
  })

  it('comes back from a sleep at once, and climbs back within an hour of bursts', () => {
    const busy = 1_000n * FLOOR
    const awake = difficultyAfter([WEEK_SEC], busy)
    expect(awake).toBe(FLOOR)
    // log2(1000) half-lives, nine seconds a block.
    const climb = Math.ceil((Math.log2(1_000) * 2_880) / 9)
    expect(climb).toBeLessThan(3_600)
    expect(difficultyAfter(repeat(climb - 30, [1]), awake)).toBeLessThan(busy)
    expect(difficultyAfter(repeat(climb + 30, [1]), awake)).toBeGreaterThan(busy)
  })

  it.each([
    [[1, 19]],
    [[19, 1]],
    [[1, 1, 28]],
    [[1, 1, 1, 1, 1, 1, 1, 1, 1, 91]],
    [[9, 11]],
    [[7, 7, 7, 7, 7, 7, 7, 7, 7, 37]],
  ])('gains nothing from the rhythm %j', (rhythm) => {
    const start = 10n ** 12n
    const blocks = 1_000 * rhythm.length
    const drift = shiftSec(difficultyAfter(repeat(1_000, rhythm), start), start)
    expect(Math.abs(drift) / blocks).toBeLessThan(0.1)
  })

  it('depends on the time that passed, not on how it was cut up', () => {
    const interval = fc.oneof(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 10_000 }))
    fc.assert(
      fc.property(fc.array(interval, { minLength: 1, maxLength: 50 }), (intervals) => {
        // High enough for no order of these to touch the floor.
        fc.pre(intervals.reduce((sum, seconds) => sum + seconds, 0) < 28 * 2_880)
        const high = FLOOR << 30n
        const scheduled = intervals.reduce((sum, seconds) => sum + 10 - seconds, 0)
        // Truncation and the cubic's error: never half a second a block.
        const shift = shiftSec(difficultyAfter(intervals, high), high)
        expect(Math.abs(shift - scheduled)).toBeLessThan(0.5 * intervals.length)
        const sorted = intervals.toSorted((a, b) => a - b)
        const drift = shiftSec(difficultyAfter(sorted, high), difficultyAfter(sorted.toReversed(), high))
        expect(Math.abs(drift)).toBeLessThan(0.01)
      }),
    )
  })

  it('is never below the floor, nor above 256 bits, whatever the clock says', () => {
    const interval = fc.oneof(
      fc.integer({ min: 1, max: 30 }),
      fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
      fc.constantFrom(1, WEEK_SEC, Number.MAX_SAFE_INTEGER),
    )
    const start = fc.bigInt({ min: FLOOR, max: 2n ** 256n - 1n })
    fc.assert(
      fc.property(fc.array(interval, { maxLength: 30 }), start, (intervals, difficulty) => {
        const end = difficultyAfter(intervals, difficulty)
        expect(end >= FLOOR && end < 2n ** 256n).toBe(true)
      }),
    )
  })

  it('rises by less than 0.22 % a block at most', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: FLOOR, max: 2n ** 128n }),
        fc.integer({ min: 1, max: 10_000 }),
        (before, seconds) => {
          expect(difficultyAfter([seconds], before) * 10_000n).toBeLessThan(before * 10_022n)
        },
      ),
    )
  })
})

describe('difficulty with honest miners', () => {
  /** Mines `blocks` with `hashRate` a second at random moments; whole seconds on the blocks, as in headers. */
  function mine(blocks: number, hashRate: number, from: bigint, random: () => number) {
    let difficulty = from
    let elapsedSec = 0
    let timestamp = 0
    for (let i = 0; i < blocks; i++) {
      elapsedSec += (-Math.log(1 - random()) * Number(difficulty)) / hashRate
      const next = Math.max(timestamp + 1, Math.floor(elapsedSec))
      difficulty = difficultyAfter([next - timestamp], difficulty)
      timestamp = next
    }
    return { difficulty, meanSec: elapsedSec / blocks }
  }

  const arbitraryRandom = fc.integer().map((seed) => {
    let state = seed >>> 0
    return () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      return state / 2 ** 32
    }
  })

  it('keeps the spacing within two per cent', () => {
    fc.assert(
      fc.property(arbitraryRandom, (random) => {
        const { meanSec } = mine(20_000, 10 ** 8, 10n ** 9n, random)
        expect(Math.abs(meanSec - 10)).toBeLessThan(0.2)
      }),
      { numRuns: 5 },
    )
  })

  it('follows a hash rate that grows or falls a hundredfold within three hours of blocks', () => {
    fc.assert(
      fc.property(arbitraryRandom, fc.constantFrom(10 ** 10, 10 ** 6 * 2), (random, hashRate) => {
        const { difficulty } = mine(6_000, hashRate, 10n ** 9n, random)
        const wanted = 10 * hashRate
        expect(Number(difficulty)).toBeGreaterThan(wanted / 2)
        expect(Number(difficulty)).toBeLessThan(wanted * 2)
      }),
      { numRuns: 5 },
    )
  })
})
