import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ChainProof, verifyChainProof } from '../../src/light/flyclient.ts'
import { ProofError } from '../../src/light/proof-error.ts'
import { proveChain } from '../../src/light/prover.ts'
import { MINED_CHAIN_ID, MINED_PARAMS, MinedChain } from '../support/mined-chain.ts'

const chain = new MinedChain()
for (let i = 0; i < 400; i++) chain.mine(1 + ((i * 31) % 25))
const honest = proveChain(chain, 0)!
const anchor = { ...chain.genesis, totalDifficulty: chain.genesis.header.difficulty }

const hash = fc.uint8Array({ minLength: 32, maxLength: 32 })
const amount = fc.bigInt({ min: 0n, max: 2n ** 256n - 1n })
const number = fc.oneof(fc.nat(500), fc.maxSafeNat())

/** What a peer may do to a header, a neighbour or a node. */
const headerChange = fc.record(
  { number, difficulty: amount, timestamp: number, parentHash: hash, extraData: fc.uint8Array({ maxLength: 40 }) },
  { requiredKeys: [] },
)
const neighbourChange = fc.record({ hash, difficulty: amount, timestamp: number }, { requiredKeys: [] })
const nodeChange = fc.record({ root: hash, work: amount }, { requiredKeys: [] })

function changed<T extends object>(list: readonly T[], place: number, change: Partial<T>): T[] {
  return list.map((item, i) => (i === place % list.length ? { ...item, ...change } : item))
}

const forged: fc.Arbitrary<ChainProof> = fc.oneof(
  headerChange.map((change) => ({ ...honest, tip: { ...honest.tip, ...change } })),
  fc.tuple(fc.nat(), headerChange).map(([at, change]) => ({ ...honest, tail: changed(honest.tail, at, change) })),
  fc.tuple(fc.nat(), headerChange).map(([at, change]) => ({ ...honest, samples: changed(honest.samples, at, change) })),
  fc
    .tuple(fc.nat(), neighbourChange)
    .map(([at, change]) => ({ ...honest, neighbours: changed(honest.neighbours, at, change) })),
  fc.tuple(fc.nat(), nodeChange).map(([at, change]) => ({ ...honest, nodes: changed(honest.nodes, at, change) })),
  fc.tuple(fc.constantFrom('tail', 'samples', 'neighbours', 'nodes'), fc.nat()).map(([part, at]) => ({
    ...honest,
    [part]: honest[part].toSpliced(at % honest[part].length, 1),
  })),
)

describe('a proof that somebody has changed', () => {
  it('is refused in its own words, unless nothing is different', () => {
    fc.assert(
      fc.property(forged, (proof) => {
        try {
          const { totalDifficulty } = verifyChainProof(proof, { chainId: MINED_CHAIN_ID, params: MINED_PARAMS, anchor })
          expect(proof).toEqual(honest)
          expect(totalDifficulty).toBe(chain.totalDifficulty)
        } catch (error) {
          if (!(error instanceof ProofError)) throw error
        }
      }),
      { numRuns: 300 },
    )
  })
})
