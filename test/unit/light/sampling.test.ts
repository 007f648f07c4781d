import { describe, expect, it } from 'vitest'
import { octaveCount, sampleCount, samplePlaces } from '../../../src/light/sampling.ts'

const seed = (number: number) => {
  const bytes = new Uint8Array(32)
  new DataView(bytes.buffer).setUint32(0, number)
  return bytes
}

describe('sampling by work', () => {
  it('has as many octaves as it takes to get from the whole line into the tail', () => {
    const line = (to: bigint) => ({ from: 0n, to, tail: 100n })
    expect([1n, 100n, 101n, 201n, 202n, 403n, 404n].map((to) => octaveCount(line(to)))).toEqual([0, 0, 1, 1, 2, 2, 3])
    expect(octaveCount({ from: 1_000n, to: 1_100n, tail: 100n })).toBe(0)
  })

  it('takes the least number of samples that leaves a probability of 2^-50', () => {
    for (const octaves of [2, 7, 14, 30]) {
      const missed = (samples: number) => samples * Math.log2(1 - 1 / octaves)
      expect(missed(sampleCount(octaves))).toBeLessThanOrEqual(-50)
      expect(missed(sampleCount(octaves) - 1)).toBeGreaterThan(-50)
    }
    expect(sampleCount(0)).toBe(0)
    expect(sampleCount(1)).toBe(1)
  })

  it('finds the same places for the same seed, all on the line, most near the tip', () => {
    const line = { from: 1_000n, to: 1_001_000n, tail: 100n }
    const places = samplePlaces(seed(1), line)!
    expect(places).toEqual(samplePlaces(seed(1), line))
    expect(places).not.toEqual(samplePlaces(seed(2), line))
    expect(places.every((place) => place >= line.from && place < line.to)).toBe(true)
    expect(places.filter((place) => place > 901_000n).length).toBeGreaterThan(places.length / 2)
  })

  it('refuses a line of unbelievably many octaves', () => {
    expect(samplePlaces(seed(1), { from: 0n, to: 2n ** 60n, tail: 1n })).toBeUndefined()
  })

  // Wherever an adversary forks off, and wherever he puts his half of invalid work: the probability is the promised one.
  it.each([
    ['right after the fork', 10_000n, 5_000n, 10_000n],
    ['right after a fork in the midst of an octave', 90_000n, 45_000n, 90_000n],
    ['at the root', 1_000_000n, 500_000n, 1_000_000n],
    ['near the tail', 400n, 200n, 400n],
  ])('catches a half of invalid work %s as often as computed', (_, fork, nearest, furthest) => {
    const line = { from: 0n, to: 1_000_000n, tail: 100n }
    const securityBits = 3
    const octaves = octaveCount(line)
    const expected = (1 - 1 / octaves) ** sampleCount(octaves, securityBits)
    expect(fork).toBe(furthest)
    const runs = 4_000
    let missed = 0
    for (let run = 0; run < runs; run++) {
      const places = samplePlaces(seed(run), line, securityBits)!
      if (!places.some((place) => line.to - place > nearest && line.to - place <= furthest)) missed++
    }
    // Four standard deviations of a binomial distribution; the seeds are fixed, so this passes always or never.
    const deviation = Math.sqrt((expected * (1 - expected)) / runs)
    expect(Math.abs(missed / runs - expected)).toBeLessThan(4 * deviation)
  })
})
