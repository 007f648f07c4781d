import { describe, expect, it } from 'vitest'
import { chooseEviction, type Evictable } from '../../../../src/p2p/peers/eviction.ts'
import { seededRandom } from '../../../support/seeded-random.ts'

/** Inbound peers of an attacker: many of few networks, quick, new, of no use. */
const attackers = (count: number): Evictable[] =>
  Array.from({ length: count }, (_, i) => ({
    peer: `attacker-${i}`,
    group: `66.${i % 4}`,
    groupRank: i % 4,
    connectedMs: 5_000 + i,
    minPingMs: 10,
    lastTransactionMs: 0,
    lastBlockMs: 0,
    discouraged: false,
  }))

const honest = (changes: Partial<Evictable>): Evictable => ({
  ...attackers(1)[0]!,
  peer: 'honest',
  group: '20.1',
  minPingMs: 500,
  connectedMs: 9_000,
  ...changes,
})

/** Evicts as an attacker would have it: one after the other makes room for a new one of his. */
function survives(peer: Evictable): boolean {
  let inbound = [peer, ...attackers(63)]
  for (let round = 0; round < 200; round++) {
    const victim = chooseEviction(inbound)!
    if (victim.peer === 'honest') return false
    inbound = inbound.filter((other) => other !== victim)
    inbound.push({ ...attackers(64)[63]!, peer: `attacker-${1000 + round}`, connectedMs: 10_000 + round })
  }
  return true
}

describe('an honest inbound peer survives any number of an attacker’s connections', () => {
  it.each<[string, Partial<Evictable>]>([
    ['in a network that happens to rank high', { groupRank: 2 ** 31 }],
    ['with a short round trip', { minPingMs: 1 }],
    ['that brought a transaction', { lastTransactionMs: 6_000 }],
    ['that brought a block', { lastBlockMs: 6_000 }],
    ['that has been there longest', { connectedMs: 1 }],
    ['that is alone in its network', {}],
  ])('%s', (_, changes) => {
    expect(survives(honest(changes))).toBe(true)
  })
})

describe('whoever is discouraged', () => {
  it('goes first', () => {
    const unwelcome = honest({ discouraged: true })
    expect(chooseEviction([...attackers(63), unwelcome])?.peer).toBe('honest')
  })
})

describe('nobody', () => {
  it('goes while there are few', () => {
    expect(chooseEviction([])).toBeUndefined()
    expect(chooseEviction(attackers(20))).toBeUndefined()
  })

  it('that was spared is chosen, in whatever order they come', () => {
    const random = seededRandom(3)
    const inbound = [honest({ lastBlockMs: 6_000 }), ...attackers(63)]
    for (let i = 0; i < 50; i++) {
      const shuffled = inbound.toSorted(() => random() - 0.5)
      expect(chooseEviction(shuffled)?.peer).not.toBe('honest')
    }
  })
})
