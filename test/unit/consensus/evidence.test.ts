import { beforeEach, describe, expect, it } from 'vitest'
import type { Candidate, Engine } from '../../../src/consensus/engine.ts'
import { type ConflictingFinal, type Evidence, SealEvidence } from '../../../src/consensus/evidence.ts'
import { createPoa } from '../../../src/consensus/poa.ts'
import { recoverTestSigner, testSigner } from '../../support/block-signers.ts'
import { HeaderChain, headerWith } from '../../support/header-chain.ts'
import { ManualClock } from '../../support/manual-clock.ts'

const keys = [1, 2, 3, 4].map(testSigner)

function engineOf(place: number, clock: ManualClock, evidence?: SealEvidence): Engine {
  return createPoa(
    { signers: keys.map(({ address }) => address), periodSec: 5, maxFutureSeconds: 15 },
    { clock, recoverSigner: recoverTestSigner, signer: keys[place]!, ...(evidence && { evidence }) },
  )
}

/** A node of a network of four signers, of which three are a quorum, with the tree of headers that it has been shown. */
class Node {
  readonly chain = new HeaderChain(headerWith({ extraData: Uint8Array.of(1, 2, 3) }))
  readonly reported: Evidence[] = []
  /** On its disk. */
  saved: ConflictingFinal | undefined
  evidence = this.#start()
  readonly clock = new ManualClock(2_000_000_000_000)
  engine = engineOf(0, this.clock, this.evidence)

  #start(): SealEvidence {
    const kept = {
      load: () => this.saved,
      save: async (conflict: ConflictingFinal) => {
        this.saved = conflict
      },
    }
    return new SealEvidence((evidence) => this.reported.push(evidence), kept)
  }

  restart(): void {
    this.reported.length = 0
    this.evidence = this.#start()
    this.engine = engineOf(0, this.clock, this.evidence)
  }

  /** A block by the signer at `place`, not shown to the node yet. */
  async block(parent: Candidate, place: number, secondsLate = 0): Promise<Candidate> {
    const clock = new ManualClock(2_000_000_000_000)
    const engine = engineOf(place, clock)
    const sealing = this.chain.extend(engine, parent, engine.earliestTimestamp(parent.header) + secondsLate)
    clock.advance(60_000)
    return sealing
  }

  async branch(from: Candidate, places: readonly number[], secondsLate = 0): Promise<Candidate[]> {
    const blocks = [from]
    for (const place of places) blocks.push(await this.block(blocks.at(-1)!, place, secondsLate))
    return blocks.slice(1)
  }

  show(...blocks: readonly Candidate[]): void {
    for (const { header } of blocks) this.chain.verify(this.engine, header)
  }

  /** Shows blocks and makes each the head. */
  follow(...blocks: readonly Candidate[]): number {
    let finalized = 0
    for (const block of blocks) {
      this.show(block)
      finalized = this.engine.finality(block.header, this.chain.ancestry(block.hash)).finalized
    }
    return finalized
  }
}

const hashed = ({ hash, header }: Candidate) => ({ hash, header })

describe('seal evidence', () => {
  let node: Node
  beforeEach(() => {
    node = new Node()
  })

  it('is silent on a chain without forks', async () => {
    node.follow(...(await node.branch(node.chain.genesis, [1, 2, 3, 0, 1, 2, 3, 0])))
    expect(node.evidence.list()).toEqual([])
  })

  it('keeps two blocks of one signer at one height', async () => {
    const { genesis } = node.chain
    const [one, other] = [await node.block(genesis, 1), await node.block(genesis, 1, 1)]
    node.follow(one)
    node.show(other)
    expect(node.reported).toEqual([{ kind: 'double-seal', earlier: hashed(one), later: hashed(other) }])
    expect(node.evidence.list()).toEqual(node.reported)
  })

  it('keeps them across branches, at any distance from the fork', async () => {
    const left = await node.branch(node.chain.genesis, [1, 2, 3])
    const right = await node.branch(node.chain.genesis, [0, 1, 3], 2)
    node.follow(left[0]!, left[1]!)
    node.show(...right, left[2]!)
    expect(node.reported).toEqual([{ kind: 'double-seal', earlier: hashed(right[2]!), later: hashed(left[2]!) }])
  })

  it('does not take one block seen twice, nor a lost race, for a fault', async () => {
    const { genesis } = node.chain
    const race = [await node.block(genesis, 2), await node.block(genesis, 1)]
    node.follow(...race)
    node.show(...race)
    // Signer 2 gives up its own block and goes on with the other; that one becomes final.
    expect(node.follow(...(await node.branch(race[1]!, [2, 3, 0])))).toBe(2)
    expect(node.evidence.list()).toEqual([])
  })

  it('learns nothing from a header that breaks a rule', async () => {
    const one = await node.block(node.chain.genesis, 1)
    const forged = { ...one.header, extraData: one.header.extraData.with(40, one.header.extraData[40]! ^ 1) }
    node.follow(one)
    expect(() => node.chain.verify(node.engine, forged)).toThrow('bad-seal')
    expect(node.evidence.list()).toEqual([])
  })

  it('keeps a seal on a branch without the final block, by a signer of that block', async () => {
    const { genesis } = node.chain
    const ours = await node.branch(genesis, [1, 2, 3, 0])
    expect(node.follow(...ours)).toBe(2)
    const below = await node.block(genesis, 3, 1)
    const beside = await node.block(ours[0]!, 0, 1)
    const above = await node.block(beside, 2, 1)
    node.show(below, beside, above)
    const [, finalized, , tip] = ours
    expect(node.reported).toEqual([
      { kind: 'conflicting-seals', finalized: hashed(finalized!), earlier: hashed(ours[2]!), later: hashed(below) },
      { kind: 'conflicting-seals', finalized: hashed(finalized!), earlier: hashed(tip!), later: hashed(beside) },
      { kind: 'conflicting-seals', finalized: hashed(finalized!), earlier: hashed(finalized!), later: hashed(above) },
    ])
  })

  it('takes a branch that leaves after the final block for what it is', async () => {
    const ours = await node.branch(node.chain.genesis, [1, 2, 3, 0])
    expect(node.follow(...ours)).toBe(2)
    node.show(...(await node.branch(ours[1]!, [0, 1], 1)))
    expect(node.evidence.list()).toEqual([])
  })

  it('stops sealing when it sees a second final block, and keeps both proofs', async () => {
    const { genesis } = node.chain
    const ours = await node.branch(genesis, [1, 2, 3])
    expect(node.follow(...ours)).toBe(1)
    const theirs = await node.branch(genesis, [0, 1, 3], 1)
    node.show(theirs[0]!, theirs[1]!)
    expect(node.evidence.conflictingFinal).toBeUndefined()
    const tip = ours.at(-1)!
    const timestamp = node.engine.earliestTimestamp(tip.header)
    expect((await node.chain.seal(node.engine, tip, timestamp)).number).toBe(4)

    // A second block at one height waits; the news comes while it does.
    const sealing = node.chain.seal(node.engine, tip, timestamp + 1)
    node.show(theirs[2]!)
    node.clock.advance(60_000)
    await expect(sealing).rejects.toThrow('did not seal')
    expect(node.evidence.conflictingFinal).toEqual({
      kind: 'conflicting-final',
      ours: ours.toReversed().map(hashed),
      theirs: theirs.toReversed().map(hashed),
    })
    expect(node.evidence.list()[0]).toBe(node.evidence.conflictingFinal)
    expect(node.reported.filter(({ kind }) => kind === 'conflicting-final')).toHaveLength(1)

    // People have to decide; switching it off and on is none of their decisions.
    node.restart()
    expect(node.reported).toEqual([node.saved])
    const sealingOn = node.chain.seal(node.engine, tip, timestamp + 2)
    node.clock.advance(60_000)
    await expect(sealingOn).rejects.toThrow('did not seal')
  })

  it('keeps at most 16 records of one signer, and those of another beside them', async () => {
    const { genesis } = node.chain
    for (let late = 0; late < 20; late++) node.show(await node.block(genesis, 1, late))
    node.show(await node.block(genesis, 2), await node.block(genesis, 2, 1))
    const accused = node.evidence.list().map((record) => 'later' in record && record.later.header.miner)
    expect(accused).toEqual([...Array.from({ length: 16 }, () => keys[1]!.address), keys[2]!.address])
  })

  it('notices a conflict far below the final block', async () => {
    const ours = await node.branch(node.chain.genesis, [1, 2, 3, 0])
    // Signer 3 is gone; the other three are a quorum still.
    const more = await node.branch(
      ours.at(-1)!,
      Array.from({ length: 30 }, (_, i) => [1, 2, 0][i % 3]!),
    )
    expect(node.follow(...ours, ...more)).toBe(32)
    node.show(await node.block(ours[2]!, 0, 1))
    expect(node.reported.map(({ kind }) => kind)).toEqual(['double-seal', 'conflicting-seals'])
  })
})
