import { assert } from '../primitives/assert.ts'
import { MAX_UINT256 } from '../primitives/limits.ts'

/** Origin of a schedule. `target` is the one in force at `height`; `parentTimeSec` the Unix second of the block before it. */
export interface AsertAnchor {
  readonly height: bigint
  readonly parentTimeSec: bigint
  /** Unsigned, at most 256 bits. */
  readonly target: bigint
}

export interface AsertParams {
  /** Seconds between blocks when on schedule; > 0. */
  readonly spacingSec: bigint
  /** Seconds of lateness that double the target; > 0. */
  readonly halfLifeSec: bigint
  /** Easiest target, inclusive. */
  readonly maxTarget: bigint
}

/** One in 16.16 fixed point. */
const ONE = 65_536n

/**
 * Difficulty target a child of `parent` must meet. Measures lateness from one fixed anchor, so rounding never
 * accumulates from block to block.
 *
 * @param anchor  { height, parentTimeSec, target }: the schedule's origin; target is an unsigned 256-bit bigint.
 * @param parent  { height, timeSec }: Unix seconds, already bounded by the header rules.
 * @param params  spacingSec > 0; halfLifeSec: lateness that doubles the target; maxTarget, inclusive.
 * @returns bigint in [1, maxTarget]; a 32-byte hash passes when its big-endian value is <= the result.
 * @throws AssertionError if parent.height < anchor.height (caller's bug); never a BlockError: every timestamp has a target.
 * Cost: constant, no store reads. Source: aserti3-2d (Bitcoin Cash, November 2020).
 */
export function asertTarget(
  anchor: AsertAnchor,
  parent: { readonly height: bigint; readonly timeSec: bigint },
  params: AsertParams,
): bigint {
  const heightDifference = parent.height - anchor.height
  assert(heightDifference >= 0n, `parent at height ${parent.height} lies before the anchor at ${anchor.height}`)
  const scheduled = params.spacingSec * (heightDifference + 1n)
  const lateness = parent.timeSec - anchor.parentTimeSec - scheduled

  // target * 2^(lateness / halfLife): the exponent in 16.16 fixed point, split into whole doublings and a fraction.
  // bigint division truncates towards zero and >> rounds down, both as in the original.
  const exponent = (lateness * ONE) / params.halfLifeSec
  const doublings = exponent >> 16n
  const fraction = exponent & 0xffffn

  // Beyond the width of a target the answer is known; shifting by a clock's mistake would build a gigantic number.
  if (doublings > 256n) return params.maxTarget
  if (doublings < -256n) return 1n

  // 2^fraction by a cubic approximation, off by less than 0.013 %.
  const cubic = 195_766_423_245_049n * fraction + 971_821_376n * fraction ** 2n + 5_127n * fraction ** 3n
  const factor = ONE + ((cubic + (1n << 47n)) >> 48n)

  const scaled = anchor.target * factor
  const target = doublings >= 16n ? scaled << (doublings - 16n) : scaled >> (16n - doublings)
  if (target < 1n) return 1n
  return target < params.maxTarget ? target : params.maxTarget
}

/** Greatest hash value that meets `difficulty`: floor((2^256 - 1) / difficulty). `difficulty` > 0. */
export function targetOf(difficulty: bigint): bigint {
  return MAX_UINT256 / difficulty
}

export interface RelativeAsertParams {
  readonly spacingSec: bigint
  readonly halfLifeSec: bigint
  /** The floor, and the difficulty of blocks 1 and 2. */
  readonly genesisDifficulty: bigint
}

/**
 * Difficulty of a child of `parent`, anchored at the parent itself: only the last interval counts. With an absolute
 * anchor and a floor, a network that slept for a week would mine 67,000 blocks at the floor, one a second, to catch up
 * with its schedule.
 *
 * @param parent       block 2 or later; `timestamp` in Unix seconds.
 * @param grandparent  its parent.
 * @returns at least genesisDifficulty. Cost: constant.
 */
export function relativeDifficulty(
  parent: { readonly timestamp: number; readonly difficulty: bigint },
  grandparent: { readonly timestamp: number },
  { spacingSec, halfLifeSec, genesisDifficulty }: RelativeAsertParams,
): bigint {
  const target = asertTarget(
    { height: 0n, parentTimeSec: BigInt(grandparent.timestamp), target: targetOf(parent.difficulty) },
    { height: 0n, timeSec: BigInt(parent.timestamp) },
    { spacingSec, halfLifeSec, maxTarget: targetOf(genesisDifficulty) },
  )
  const difficulty = targetOf(target)
  return difficulty > genesisDifficulty ? difficulty : genesisDifficulty
}
