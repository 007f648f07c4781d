import { describe, expect, it } from 'vitest'
import { relativeDifficulty } from '../../../src/consensus/asert.ts'
import { checkSchedule, ROUNDING_DOUBLINGS, type ScheduledBlock } from '../../../src/light/schedule.ts'
import { MINED_PARAMS, MinedChain } from '../../support/mined-chain.ts'
import { seededRandom } from '../../support/seeded-random.ts'

/** Blocks 0 … 600, mined in bursts and lulls. */
const chain = new MinedChain()
for (let i = 0; i < 600; i++) chain.mine(i < 400 ? 1 : 40)

function shown(...numbers: readonly number[]): ScheduledBlock[] {
  return numbers.map((number) => {
    const { difficulty, timestamp } = chain.header(number).header
    const before = chain.headers.slice(0, number)
    return {
      number,
      difficulty,
      timestamp,
      workBefore: before.reduce((sum, { header }) => sum + header.difficulty, 0n),
    }
  })
}

const check = (blocks: readonly ScheduledBlock[]) => checkSchedule(blocks, MINED_PARAMS)

describe('the schedule of difficulty between shown blocks', () => {
  it.each([
    [0, 100, 101],
    [0, 390, 391],
    [9, 10, 399, 400],
    [9, 10, 500, 501],
    [398, 399, 590, 591],
    [100, 101, 103, 104],
  ])('holds for honest blocks %i, %i, %i …', (...numbers) => {
    expect(() => check(shown(...numbers))).not.toThrow()
  })

  it('does not let difficulty rise faster than a block a second makes it', () => {
    const [genesis, last, next] = shown(0, 390, 391) as [ScheduledBlock, ScheduledBlock, ScheduledBlock]
    // 390 blocks a second apart raise it by 2^(9 · 390 / 2880), to within the rounding.
    const highest = Math.floor(8 * 2 ** (391 * (9 / 2880 + ROUNDING_DOUBLINGS)))
    const climbed = { ...last, workBefore: 8n + 389n * 15n }
    expect(() => check([genesis, climbed, { ...next, difficulty: BigInt(highest) }])).not.toThrow()
    expect(() => check([genesis, climbed, { ...next, difficulty: BigInt(highest + 1) }])).toThrow('rises too fast')
  })

  it('does not let it rise at all where time has passed as it should', () => {
    const blocks = shown(398, 399, 590, 591)
    const raised = blocks.with(3, { ...blocks[3]!, difficulty: blocks[1]!.difficulty * 2n })
    expect(() => check(raised)).toThrow('rises too fast')
  })

  it('takes at least a second a block', () => {
    const blocks = shown(0, 390, 391)
    expect(() => check(blocks.with(1, { ...blocks[1]!, timestamp: blocks[0]!.timestamp + 389 }))).toThrow(
      'too little time',
    )
  })

  it('has work between the floor and what the fastest rise gives', () => {
    const [genesis, last, next] = shown(0, 390, 391) as [ScheduledBlock, ScheduledBlock, ScheduledBlock]
    const least = 390n * 8n
    expect(() => check([genesis, { ...last, workBefore: least }, next])).not.toThrow()
    expect(() => check([genesis, { ...last, workBefore: least - 1n }, next])).toThrow('too little work')
    expect(() => check([genesis, { ...last, workBefore: 8n + 389n * 8n * 3n }, next])).toThrow('too much work')
  })
})

describe('rounding', () => {
  it('lifts no difficulty further above the schedule than is allowed for', () => {
    const params = { spacingSec: 10n, halfLifeSec: 65_536n, genesisDifficulty: 1n }
    const difficulty = 2n ** 80n
    for (let lateness = -65_536; lateness <= 65_536; lateness += 7) {
      const next = relativeDifficulty({ timestamp: 100_000 + lateness, difficulty }, { timestamp: 99_990 }, params)
      const doublings = Math.log2(Number(next)) - 80
      expect(doublings + lateness / 65_536).toBeLessThan(ROUNDING_DOUBLINGS)
    }
  })

  it('is allowed for in seconds that grow with the half-life', () => {
    const params = { ...HIGH, halfLifeSec: 86_400n }
    // Half a doubling down is where the cubic is off by most.
    const intervals = [...Array.from({ length: 45_000 }, () => 1), ...Array.from({ length: 9 }, () => 40_498)]
    const blocks = unmined(intervals, params)
    const shownBlocks = [0, 44_999, 45_000, 45_007, 45_008].map((at) => blocks[at]!)
    expect(() => checkSchedule(shownBlocks, params)).not.toThrow()
  })
})

/** As on a real network, where a unit of difficulty is little. */
const HIGH = { ...MINED_PARAMS, genesisDifficulty: 1_000_000n }

/** Blocks that came in these intervals, none of them mined. */
function unmined(intervals: readonly number[], params = HIGH): ScheduledBlock[] {
  const blocks: ScheduledBlock[] = [{ number: 0, difficulty: params.genesisDifficulty, timestamp: 0, workBefore: 0n }]
  for (const interval of intervals) {
    const [grandparent, parent] = [blocks.at(-2), blocks.at(-1)!]
    const relative = grandparent && parent.number > 1
    blocks.push({
      number: parent.number + 1,
      difficulty: relative ? relativeDifficulty(parent, grandparent, params) : params.genesisDifficulty,
      timestamp: parent.timestamp + interval,
      workBefore: parent.workBefore + parent.difficulty,
    })
  }
  return blocks
}

describe('the schedule of a chain with a high difficulty', () => {
  it('holds for honest blocks, whatever their intervals and whichever are shown', () => {
    const random = seededRandom(5)
    for (let run = 0; run < 20; run++) {
      const pace = 1 + Math.floor(random() ** 3 * 60)
      const intervals = Array.from({ length: 3_000 }, (_, at) =>
        at % 1_000 < 700 ? 1 + Math.floor(random() * pace) : 1 + Math.floor(random() ** 9 * 9_000),
      )
      const blocks = unmined(intervals)
      const places = new Set([0])
      for (let at = 2; at < blocks.length; at += 1 + Math.floor(random() ** 4 * 2_000)) {
        for (let near = at - 2; near <= at; near++) places.add(near)
      }
      for (let at = blocks.length - 100; at < blocks.length; at++) places.add(at)
      const shownBlocks = [...places].sort((a, b) => a - b).map((at) => blocks[at]!)
      expect(() => checkSchedule(shownBlocks, HIGH)).not.toThrow()
    }
  })

  it('does not let a few blocks have the difficulty of a long climb without its work', () => {
    const climbing = unmined(Array.from({ length: 4_000 }, () => 1))
    const at = (number: number) => climbing[number]!
    const high = [at(0), at(3_998), at(3_999)] as const
    expect(() => checkSchedule(high, HIGH)).not.toThrow()
    // The same difficulty at the end, and blocks at the floor on the way there.
    const work = 3_998n * HIGH.genesisDifficulty
    const jumped = [
      at(0),
      { ...at(3_998), difficulty: HIGH.genesisDifficulty, workBefore: work },
      { ...at(3_999), workBefore: work + HIGH.genesisDifficulty },
    ]
    expect(() => checkSchedule(jumped, HIGH)).toThrow('too little work')
  })

  it('does not let time run back from one block to the next', () => {
    const blocks = unmined([10, 10, 10])
    const back = blocks.with(1, { ...blocks[1]!, timestamp: 1_000 })
    expect(() => checkSchedule(back, HIGH)).toThrow('too little time')
  })
})
