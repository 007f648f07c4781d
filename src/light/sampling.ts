import { keccak256 } from '../crypto/keccak.ts'
import { bytesToBigint, concatBytes } from '../primitives/bytes.ts'
import { MAX_OCTAVES, SECURITY_BITS } from './limits.ts'

/**
 * Which blocks of a chain a light node looks at, as FlyClient (eprint 2019/226, section 5) chooses them: by their place on the
 * line of cumulative work, more densely the nearer to the tip, so that whoever forks off anywhere with less than half
 * of the work since then has as large a part of the samples against him.
 *
 * The line of work before the tip is divided into octaves, counted from the tip: the further half of it, the further half of the rest,
 * and so on down to what the headers of the tail cover. A sample takes an octave at random, and a place in it at random. Where
 * an invalid part begins at distance d from the tip and holds at least half of the work from there on, it has exactly
 * 1 / octaves of the probability, wherever d lies: what it lacks in one octave it has in the next. So the simple steps are as good as the
 * paper's continuous density, and need integers alone: every machine finds the same places.
 */
export interface WorkLine {
  /** Where sampling begins: 0, or the work up to a block that is known already. */
  readonly from: bigint
  /** Work up to the tip's parent, that included; greater than `from`. */
  readonly to: bigint
  /** Work of the last blocks before the tip, which are checked whole; > 0. */
  readonly tail: bigint
}

/** Halvings after which no more than the tail is left; 0 where the tail is everything. */
export function octaveCount({ from, to, tail }: WorkLine): number {
  let octaves = 0
  for (let rest = to - from; rest > tail; rest >>= 1n) octaves++
  return octaves
}

/**
 * Samples it takes to leave an invalid chain a probability of 2^-securityBits: the least m with (1 - 1/octaves)^m that small.
 * One octave is caught by every sample. Cost: octaves × 35 multiplications.
 */
export function sampleCount(octaves: number, securityBits = SECURITY_BITS): number {
  if (octaves <= 1) return octaves
  const caught = BigInt(octaves)
  let samples = 0
  // (octaves - 1)^m · 2^bits <= octaves^m, in integers.
  for (let missed = 1n << BigInt(securityBits), all = 1n; missed > all; samples++) {
    missed *= caught - 1n
    all *= caught
  }
  return samples
}

/**
 * Places on the line of work, `from <= place < to`, in no order, one or more in a block.
 *
 * @param seed  32 bytes: the tip's hash. Whoever wants other samples has to mine another tip.
 * @returns undefined for a line of more octaves than are believable. Cost: one hash a sample.
 */
export function samplePlaces(seed: Uint8Array, line: WorkLine, securityBits = SECURITY_BITS): bigint[] | undefined {
  const octaves = octaveCount(line)
  if (octaves > MAX_OCTAVES) return undefined
  const length = line.to - line.from
  return Array.from({ length: sampleCount(octaves, securityBits) }, (_, index) => {
    const random = bytesToBigint(keccak256(concatBytes(seed, Uint8Array.of(index >> 8, index & 0xff))))
    const octave = random % BigInt(octaves)
    // Distances from the tip: (nearest, furthest]. The rest of the 256 bits is more than enough for both choices.
    const furthest = length >> octave
    const nearest = length >> (octave + 1n)
    return line.to - nearest - 1n - ((random / BigInt(octaves)) % (furthest - nearest))
  })
}
