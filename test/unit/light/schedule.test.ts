import { describe, expect, it } from 'vitest'
import { checkSchedule, type ScheduledBlock } from '../../../src/light/schedule.ts'
import { MINED_PARAMS, MinedChain } from '../../support/mined-chain.ts'

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
    // 390 blocks a second apart raise it by 2^(9 · 390 / 2880), to within the rounding of 0.5 s a block.
    const highest = Math.floor(8 * 2 ** ((9.5 * 391) / 2880))
    expect(() => check([genesis, last, { ...next, difficulty: BigInt(highest) }])).not.toThrow()
    expect(() => check([genesis, last, { ...next, difficulty: BigInt(highest + 1) }])).toThrow('rises too fast')
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
