import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { findAncestor } from '../../../../src/p2p/sync/ancestor.ts'

/** Answers questions about a chain that has the blocks up to `common` in common with ours. */
function search(top: number, common: number): { readonly found: number; readonly questions: number[] } {
  const questions: number[] = []
  const finding = findAncestor(top)
  let step = finding.next()
  while (step.done !== true) {
    questions.push(step.value)
    step = finding.next(step.value <= common)
  }
  return { found: step.value, questions }
}

describe('the search for the last common block', () => {
  it('asks nothing of a chain that has only genesis', () => {
    expect(search(0, 0)).toEqual({ found: 0, questions: [] })
  })

  it('asks once when the peer has our head', () => {
    expect(search(1_000_000, 1_000_000)).toEqual({ found: 1_000_000, questions: [1_000_000] })
  })

  it('asks twice for a fork of one block', () => {
    expect(search(1000, 999).questions).toEqual([1000, 999])
  })

  it('finds it wherever it is, in few questions', () => {
    fc.assert(
      fc.property(
        fc.nat(2_000_000).chain((top) => fc.tuple(fc.constant(top), fc.nat(top))),
        ([top, common]) => {
          const { found, questions } = search(top, common)
          expect(found).toBe(common)
          expect(questions.length).toBeLessThanOrEqual(2 * Math.ceil(Math.log2(top - common + 2)) + 2)
          expect(new Set(questions).size).toBe(questions.length)
        },
      ),
      { seed: 1 },
    )
  })
})
