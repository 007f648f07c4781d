import { describe, expect, it } from 'vitest'
import { chooseHead } from '../../../src/light/head-rule.ts'

const at = (...reaches: readonly (number | undefined)[]) => reaches.map((reach, i) => ({ peer: `p${i}`, reach }))

describe('the block that is answered from', () => {
  it('is the newest that every peer has', () => {
    expect(chooseHead(at(100, 100, 100), 88, 2).head).toBe(100)
    expect(chooseHead(at(100, 97, 99), 88, 2).head).toBe(97)
  })

  it('is what is settled, where too few peers keep up', () => {
    expect(chooseHead([], 88, 2).head).toBe(88)
    expect(chooseHead(at(100), 88, 2).head).toBe(88)
    expect(chooseHead(at(100), 88, 1).head).toBe(100)
    expect(chooseHead(at(100, 87, undefined), 88, 2)).toEqual({ head: 88, vouching: 1, behind: ['p1', 'p2'] })
  })

  it('is not held back by a peer below what is settled', () => {
    expect(chooseHead(at(100, 100, 3), 88, 2)).toEqual({ head: 100, vouching: 2, behind: ['p2'] })
  })
})
