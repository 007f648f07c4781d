import { describe, expect, test } from 'vitest'
import { MAX_ARRIVALS, MAX_WATCHED_BLOCKS } from '../../../src/p2p/limits.ts'
import { type PropagationRecord, PropagationWatch, percentiles } from '../../../src/p2p/propagation.ts'
import { uint64ToBytes } from '../../../src/primitives/bytes.ts'
import { ManualClock } from '../../support/manual-clock.ts'

function watch() {
  const clock = new ManualClock(1_000)
  return { clock, watch: new PropagationWatch(clock) }
}

const hash = uint64ToBytes

describe('the way of a block', () => {
  test('is who brought it when, and when it was of use', () => {
    const { clock, watch: w } = watch()
    w.blockArrived(hash(1), 7, 'alice')
    clock.advance(30)
    w.blockArrived(hash(1), 7, 'bob')
    w.blockArrived(hash(1), 7, 'alice')
    clock.advance(10)
    w.blockRebuilt(hash(1), 100, 3)
    clock.advance(60)
    w.blockValid(hash(1))
    clock.advance(1)
    w.blockArrived(hash(1), 7, 'bob')
    w.blockValid(hash(1))
    expect(w.block(hash(1))).toEqual({
      hash: hash(1),
      number: 7,
      firstSeenMs: 1_000,
      from: 'alice',
      arrivals: [{ peer: 'bob', afterMs: 30 }],
      rebuiltAfterMs: 40,
      validAfterMs: 100,
      transactions: 100,
      missing: 3,
    })
  })

  test('begins here if it was made here', () => {
    const { watch: w } = watch()
    w.blockMade(hash(1), 7)
    w.blockArrived(hash(1), 7, 'alice')
    expect(w.block(hash(1))).toMatchObject({ from: undefined, arrivals: [{ peer: 'alice' }] })
  })

  test('is told once it has become valid', () => {
    const { watch: w } = watch()
    const told: PropagationRecord[] = []
    const stop = w.subscribe((record) => told.push(record))
    w.blockArrived(hash(1), 1, 'alice')
    w.blockValid(hash(1))
    w.blockValid(hash(1))
    w.blockValid(hash(2))
    stop()
    w.blockArrived(hash(3), 3, 'alice')
    w.blockValid(hash(3))
    expect(told.map(({ number }) => number)).toEqual([1])
  })

  test('is forgotten with age, and notes a bounded number of peers', () => {
    const { watch: w } = watch()
    for (let i = 0; i <= MAX_WATCHED_BLOCKS; i++) w.blockArrived(hash(i), i, 'alice')
    expect(w.block(hash(0))).toBeUndefined()
    expect(w.block(hash(1))).toBeDefined()
    for (let i = 0; i < 100; i++) w.blockArrived(hash(1), 1, `peer ${i}`)
    expect(w.block(hash(1))?.arrivals).toHaveLength(MAX_ARRIVALS)
  })

  test('takes no time at all where the clock was set back', () => {
    const { watch: w, clock } = watch()
    w.blockArrived(hash(1), 1, 'alice')
    clock.advance(-500)
    w.blockValid(hash(1))
    expect(w.block(hash(1))?.validAfterMs).toBe(0)
  })
})

test('statistics leave out what was made here', () => {
  const { clock, watch: w } = watch()
  w.blockMade(hash(0), 0)
  for (let i = 1; i <= 10; i++) {
    w.blockArrived(hash(i), i, i < 8 ? 'alice' : 'bob')
    clock.advance(i)
    w.blockRebuilt(hash(i), 10, i === 1 ? 1 : 0)
    w.blockValid(hash(i))
    w.blockArrived(hash(i), i, 'carol')
  }
  w.transactionMade(hash(0))
  w.transactionArrived(hash(1), 'alice')
  clock.advance(5)
  w.transactionValid(hash(1))
  expect(w.stats()).toEqual({
    blocks: {
      rebuilt: { count: 10, p50: 5, p90: 9, p99: 10 },
      valid: { count: 10, p50: 5, p90: 9, p99: 10 },
      others: { count: 10, p50: 5, p90: 9, p99: 10 },
      rebuiltAlone: 9,
    },
    transactions: {
      valid: { count: 1, p50: 5, p90: 5, p99: 5 },
      others: { count: 0, p50: 0, p90: 0, p99: 0 },
    },
    first: [
      { peer: 'alice', blocks: 7 },
      { peer: 'bob', blocks: 3 },
    ],
  })
})

test('percentiles are values that occurred, whatever their order', () => {
  const values = Array.from({ length: 1_000 }, (_, i) => (i * 7_919) % 1_000)
  expect(percentiles(values)).toEqual({ count: 1_000, p50: 499, p90: 899, p99: 989 })
})
