import type { PowParams } from '../consensus/pow.ts'
import { ProofError } from './proof-error.ts'

/** A block that a proof shows, with its place on the line of work. */
export interface ScheduledBlock {
  readonly number: number
  readonly difficulty: bigint
  /** Unix seconds. */
  readonly timestamp: number
  /** Work of all blocks before it. */
  readonly workBefore: bigint
}

/**
 * Doublings by which rounding may lift a block's difficulty above the schedule: what the cubic is off by upwards, and what the exponent
 * loses (docs/protocol.md, "Difficulty"). All else is rounded down.
 */
export const ROUNDING_DOUBLINGS = 1.47e-4

/**
 * That what lies unseen between shown blocks can have come about under the difficulty rule. An adversary who could claim any difficulty between
 * two samples would put all his work into few blocks, and have as few samples hit them.
 *
 * The rule multiplies difficulty by 2^((spacing - interval) / halfLife) a block, so over a gap the intervals add up and only the two ends
 * count; the floor can only have lifted it, and from there it rises as fast as one second a block allows.
 *
 * @param shown  ascending; each gap follows a block whose parent is shown (or genesis) and precedes one whose child is.
 * @throws ProofError. Cost: three logarithms a gap.
 */
export function checkSchedule(shown: readonly ScheduledBlock[], params: PowParams): void {
  shown.forEach((last, place) => {
    const next = shown[place + 1]
    if (!next) return
    // Also where nothing lies between: of two neighbours of a header no header is shown, and if time could run back from one to the
    // other, that header might have any difficulty.
    if (next.timestamp - last.timestamp < next.number - last.number) refuse('too little time', last, next)
    if (next.number > last.number + 1) checkGap(shown[place - 1], last, next, shown[place + 2]!, params)
  })
}

function checkGap(
  beforeLast: ScheduledBlock | undefined,
  last: ScheduledBlock,
  next: ScheduledBlock,
  afterNext: ScheduledBlock,
  { spacingSec, halfLifeSec, genesisDifficulty }: PowParams,
): void {
  const unseen = next.number - last.number - 1
  const halfLife = Number(halfLifeSec)
  const spacing = Number(spacingSec) + ROUNDING_DOUBLINGS * halfLife
  const fastestRise = (blocks: number) => ((spacing - 1) * blocks) / halfLife
  const steps = afterNext.number - last.number
  const fromFloor = log2(genesisDifficulty) + fastestRise(steps)
  const fromLast = beforeLast
    ? log2(last.difficulty) + (spacing * steps - (next.timestamp - beforeLast.timestamp)) / halfLife
    : fromFloor
  if (log2(afterNext.difficulty) > Math.max(fromFloor, fromLast)) refuse('difficulty rises too fast', last, next)

  const work = next.workBefore - last.workBefore - last.difficulty
  if (work < BigInt(unseen) * genesisDifficulty) refuse('too little work', last, next)
  // Whoever is that high at the end has climbed there: block for block before it no less than the fastest rise leaves. Without that a few
  // blocks could hold most of the work, and luck find them.
  const climb = geometricSum(fastestRise(1), unseen) - fastestRise(2)
  if (log2(work) < log2(afterNext.difficulty) + climb) refuse('too little work', last, next)
  if (log2(work) > log2(last.difficulty * BigInt(unseen)) + fastestRise(unseen)) refuse('too much work', last, next)
}

function refuse(what: string, last: ScheduledBlock, next: ScheduledBlock): never {
  throw new ProofError('bad-schedule', `${what} between blocks ${last.number} and ${next.number}`)
}

/** log2 of 1 + 2^-step + 2^-2step + …, `count` terms. */
function geometricSum(step: number, count: number): number {
  return Math.log2(Math.expm1(-step * count * Math.LN2) / Math.expm1(-step * Math.LN2))
}

/** Of any positive bigint, to 52 bits. */
function log2(value: bigint): number {
  const excess = Math.max(0, value.toString(16).length - 13) * 4
  return Math.log2(Number(value >> BigInt(excess))) + excess
}
