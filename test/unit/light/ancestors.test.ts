import { describe, expect, it } from 'vitest'
import { proveAncestors, verifyAncestors } from '../../../src/light/ancestors.ts'
import { MINED_CHAIN_ID, MinedChain } from '../../support/mined-chain.ts'

const chain = new MinedChain()
for (let i = 0; i < 40; i++) chain.mine(10)
const source = { header: (number: number) => chain.header(number).header, historyNode: chain.historyNode }
const tip = { number: chain.tip.header.number, commitment: chain.tip.header.extraData }
const numbers = [0, 7, 8, 39]
const proof = proveAncestors(numbers, tip.number, source)

describe('earlier headers', () => {
  it('are those of the chain that the tip ends', () => {
    const { headers } = verifyAncestors(MINED_CHAIN_ID, tip, numbers, proof)
    const workThrough = (number: number) => new MinedChain({ chain, upTo: number }).totalDifficulty
    expect(headers).toEqual(numbers.map((n) => ({ ...chain.header(n), totalDifficulty: workThrough(n) })))
  })

  it('are refused where they are not the ones asked for', () => {
    const verify =
      (asked: readonly number[], given = proof) =>
      () =>
        verifyAncestors(MINED_CHAIN_ID, tip, asked, given)
    expect(verify([0, 7, 9, 39])).toThrow('shape')
    expect(verify([0, 7, 8])).toThrow('shape')
    expect(verify(numbers, { ...proof, headers: proof.headers.slice(1) })).toThrow('shape')
  })

  it('are refused where the tip does not commit to them', () => {
    const other = { ...proof.headers[1]!, stateRoot: new Uint8Array(32) }
    const forged = { ...proof, headers: proof.headers.with(1, other) }
    expect(() => verifyAncestors(MINED_CHAIN_ID, tip, numbers, forged)).toThrow('not-in-history')
    expect(() => verifyAncestors(MINED_CHAIN_ID, { ...tip, number: 39 }, numbers, proof)).toThrow('not-in-history')
  })
})
