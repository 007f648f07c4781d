import { beforeAll, describe, expect, it } from 'vitest'
import { proveLeaves } from '../../../src/chain/history-multiproof.ts'
import { type Anchor, type ChainProof, shownNumbers, verifyChainProof } from '../../../src/light/flyclient.ts'
import type { ProofError, ProofFault } from '../../../src/light/proof-error.ts'
import { proveChain } from '../../../src/light/prover.ts'
import type { Header } from '../../../src/primitives/header.ts'
import { MINED_CHAIN_ID, MINED_PARAMS, MinedChain } from '../../support/mined-chain.ts'

const chain = new MinedChain()
const context = { chainId: MINED_CHAIN_ID, anchor: anchorAt(0), params: MINED_PARAMS }

beforeAll(() => {
  // Intervals that move the difficulty to and fro, seconds below and above the schedule.
  for (let i = 0; i < 1_500; i++) chain.mine(1 + ((i * 7919) % (i % 500 < 300 ? 9 : 30)))
})

function faultOf(proof: ChainProof): ProofFault {
  try {
    verifyChainProof(proof, context)
  } catch (error) {
    return (error as ProofError).fault
  }
  throw new Error('the proof was accepted')
}

describe('a proof of a chain', () => {
  it('shows the tip and its total difficulty', () => {
    const proof = proveChain(chain, 0)!
    const proven = verifyChainProof(proof, context)
    expect(proven.hash).toEqual(chain.tip.hash)
    expect(proven.totalDifficulty).toBe(chain.totalDifficulty)
    expect(proven.tail).toHaveLength(100)
    expect(proof.samples.length).toBeGreaterThan(50)
  })

  it.each([1, 2, 3, 4, 99, 100, 101, 102, 103, 127, 128, 129, 300])('holds for a chain of %i blocks', (length) => {
    const short = new MinedChain({ chain, upTo: length })
    const proven = verifyChainProof(proveChain(short, 0)!, context)
    expect(proven.hash).toEqual(short.tip.hash)
    expect(proven.totalDifficulty).toBe(short.totalDifficulty)
  })
})

describe('a proof from a known block on', () => {
  it.each([1, 2, 700, 1_390, 1_399, 1_498, 1_499])('from block %i shows the same tip', (number) => {
    const proof = proveChain(chain, number)!
    const proven = verifyChainProof(proof, { ...context, anchor: anchorAt(number) })
    expect(proven.hash).toEqual(chain.tip.hash)
    expect(proven.totalDifficulty).toBe(chain.totalDifficulty)
    if (number >= 700) expect(proof.samples.length).toBeLessThan(proveChain(chain, 0)!.samples.length)
    expect(proof.samples.every((sample) => sample.number > number)).toBe(true)
  })

  it('is refused by whoever knows another block there, or other work behind it', () => {
    const proof = proveChain(chain, 700)!
    const other = new MinedChain({ chain, upTo: 699 })
    other.mine(17)
    expect(() => verifyChainProof(proof, { ...context, anchor: { ...anchorAt(700), ...other.tip } })).toThrow(
      'not-in-history',
    )
    const { totalDifficulty } = anchorAt(700)
    const heavier = { ...anchorAt(700), totalDifficulty: totalDifficulty + 1n }
    expect(() => verifyChainProof(proof, { ...context, anchor: heavier })).toThrow('bad-anchor')
  })
})

describe('a proof is refused', () => {
  let proof: ChainProof
  beforeAll(() => {
    proof = proveChain(chain, 0)!
  })

  it('with a header in the tail missing, surplus or out of order', () => {
    expect(faultOf({ ...proof, tail: proof.tail.slice(1) })).toBe('shape')
    expect(faultOf({ ...proof, tail: [chain.header(1_399).header, ...proof.tail] })).toBe('shape')
    expect(faultOf({ ...proof, tail: proof.tail.toReversed() })).toBe('shape')
  })

  it('with samples out of order or twice', () => {
    expect(faultOf({ ...proof, samples: proof.samples.toReversed() })).toBe('shape')
    expect(faultOf({ ...proof, samples: [proof.samples[0]!, ...proof.samples] })).toBe('shape')
  })

  it('with too few or too many neighbours or nodes', () => {
    expect(faultOf({ ...proof, neighbours: proof.neighbours.slice(1) })).toBe('shape')
    expect(faultOf({ ...proof, neighbours: [...proof.neighbours, proof.neighbours[0]!] })).toBe('shape')
    expect(faultOf({ ...proof, nodes: proof.nodes.slice(1) })).toBe('not-in-history')
    expect(faultOf({ ...proof, nodes: [...proof.nodes, proof.nodes[0]!] })).toBe('not-in-history')
  })

  it('without one of the samples', () => {
    const [left, ...samples] = proof.samples
    const rest = { ...proof, samples }
    // Withheld with everything as an honest prover would send it without that sample.
    const honest = reprove(
      chain,
      samples.map(({ number }) => number),
    )
    expect(faultOf(honest)).toBe('place-not-shown')
    expect(left).toBeDefined()
    expect(faultOf(rest)).not.toBe('place-not-shown')
  })

  it('when a sampled, a tail or the tip header lacks its work', () => {
    const broken = (header: Header) => ({ ...header, nonce: new Uint8Array(8).fill(255) })
    expect(faultOf({ ...proof, tip: broken(proof.tip) })).toBe('no-work')
    expect(faultOf({ ...proof, tail: proof.tail.with(50, broken(proof.tail[50]!)) })).toBe('no-work')
    expect(faultOf({ ...proof, samples: proof.samples.with(7, broken(proof.samples[7]!)) })).toBe('no-work')
  })

  it('when a difficulty is below the floor, zero among them, whoever claims it', () => {
    for (const difficulty of [0n, MINED_PARAMS.genesisDifficulty - 1n]) {
      const low = <T extends { readonly difficulty: bigint }>(of: T): T => ({ ...of, difficulty })
      expect(faultOf({ ...proof, tip: low(proof.tip) })).toBe('bad-difficulty')
      expect(faultOf({ ...proof, tail: proof.tail.with(99, low(proof.tail[99]!)) })).toBe('bad-difficulty')
      expect(faultOf({ ...proof, samples: proof.samples.with(0, low(proof.samples[0]!)) })).toBe('bad-difficulty')
      expect(faultOf({ ...proof, neighbours: proof.neighbours.with(5, low(proof.neighbours[5]!)) })).toBe(
        'bad-difficulty',
      )
    }
  })

  it('when a range node claims more work than there is', () => {
    const nodes = proof.nodes.with(3, { ...proof.nodes[3]!, work: proof.nodes[3]!.work + 1n })
    expect(faultOf({ ...proof, nodes })).toBe('not-in-history')
  })

  it('for another genesis or another chain id', () => {
    const other = new MinedChain()
    other.mine(5)
    expect(() => verifyChainProof(proof, { ...context, chainId: 1n })).toThrow('not-in-history')
    expect(() => verifyChainProof(proof, { ...context, anchor: { ...other.tip, totalDifficulty: 8n } })).toThrow()
  })
})

describe('a chain is refused', () => {
  /** A branch off the chain at 1,200 that goes on honestly, after what `forge` does to it. */
  function forged(forge: (branch: MinedChain) => void, honest = 250): ProofFault {
    const branch = new MinedChain({ chain, upTo: 1_200 })
    forge(branch)
    for (let i = 0; i < honest; i++) branch.mine(10)
    return faultOf(proveChain(branch, 0)!)
  }

  it('whose blocks were not mined', () => {
    expect(
      forged((branch) => {
        for (let i = 0; i < 200; i++) branch.mine(10, { unmined: true })
      }, 0),
    ).toBe('no-work')
  })

  it('whose difficulty jumped at a block that nobody looked at, though all others have their work', () => {
    expect(forged((branch) => branch.mine(10, { difficulty: 400n, unmined: true }))).toBe('bad-schedule')
  })

  it('whose time ran back, so that one block could have the work of all others', () => {
    expect(
      forged((branch) => {
        // Eight half-lives to and fro, and as many to come down again.
        branch.mine(24_000)
        branch.mine(-23_990)
        branch.mine(25_000)
        expect(branch.tip.header.difficulty).toBeGreaterThan(2_000n)
      }),
    ).toBe('bad-schedule')
  })

  it('whose difficulty is not what the blocks before it make it', () => {
    expect(
      forged((branch) => {
        for (let i = 0; i < 120; i++)
          branch.mine(10, i === 80 ? { difficulty: MINED_PARAMS.genesisDifficulty + 5n } : {})
      }, 0),
    ).toBe('bad-difficulty')
  })

  it('in whose tail a header does not commit to the blocks before it', () => {
    expect(
      forged((branch) => {
        for (let i = 0; i < 120; i++) branch.mine(10, i === 80 ? { fields: { extraData: new Uint8Array(32) } } : {})
      }, 0),
    ).toBe('bad-history-root')
  })

  it('whose blocks do not follow each other', () => {
    expect(
      forged((branch) => {
        for (let i = 0; i < 120; i++) branch.mine(10, i === 80 ? { fields: { parentHash: chain.genesis.hash } } : {})
      }, 0),
    ).toBe('bad-link')
    expect(
      forged((branch) => {
        for (let i = 0; i < 120; i++) branch.mine(i === 80 ? 0 : 10)
      }, 0),
    ).toBe('bad-link')
  })

  it('whose tip does not commit to it', () => {
    expect(forged((branch) => branch.mine(10, { fields: { extraData: new Uint8Array(32).fill(1) } }), 0)).toBe(
      'not-in-history',
    )
  })
})

function anchorAt(number: number): Anchor {
  const upTo = chain.headers.slice(0, number + 1)
  return { ...chain.header(number), totalDifficulty: upTo.reduce((sum, { header }) => sum + header.difficulty, 0n) }
}

/** The proof with these samples instead of the right ones. */
function reprove(of: MinedChain, numbers: readonly number[]): ChainProof {
  const proof = proveChain(of, 0)!
  const headerNumbers = [0, ...numbers, ...proof.tail.map(({ number }) => number)]
  const shown = shownNumbers(headerNumbers, of.tip.header.number)
  return {
    ...proof,
    samples: numbers.map((number) => of.header(number).header),
    neighbours: shown
      .filter((number) => !headerNumbers.includes(number))
      .map((number) => {
        const { hash, header } = of.header(number)
        return { hash, difficulty: header.difficulty, timestamp: header.timestamp }
      }),
    nodes: proveLeaves(shown, of.tip.header.number, of.historyNode),
  }
}
