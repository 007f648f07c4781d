import { describe, expect, it } from 'vitest'
import { DevTime } from '../../../src/node/dev-time.ts'
import { MAX_DEV_TIMESTAMP } from '../../../src/primitives/limits.ts'
import { ManualClock } from '../../support/manual-clock.ts'

const NOW = 1_700_000_000

function create(head = 0) {
  const clock = new ManualClock(NOW * 1000 + 900)
  return { clock, time: new DevTime(clock, head) }
}

describe('the time of a development network', () => {
  it('is the machine’s, in whole seconds', () => {
    const { clock, time } = create()
    expect(time.nextBlock).toBe(NOW)
    clock.advance(100)
    expect(time.nextBlock).toBe(NOW + 1)
  })

  it('goes on from a head that an earlier run has left in the future, not from one in the past', () => {
    expect(create(NOW + 500).time.nextBlock).toBe(NOW + 500)
    expect(create(NOW - 500).time.nextBlock).toBe(NOW)
  })

  it('moves forward by what is asked, in all', () => {
    const { time } = create()
    expect([time.increase(100), time.increase(20)]).toEqual([100, 120])
    expect(time.nextBlock).toBe(NOW + 120)
    expect(time.increase(MAX_DEV_TIMESTAMP)).toBeUndefined()
    expect(time.nextBlock).toBe(NOW + 120)
  })

  it('has a next timestamp until that has come, and goes on from there', () => {
    const { clock, time } = create()
    time.setNext(NOW + 5_000)
    time.sealed(NOW + 1)
    clock.advance(10_000)
    expect(time.nextBlock).toBe(NOW + 5_000)
    time.sealed(NOW + 5_000)
    clock.advance(7_000)
    expect(time.nextBlock).toBe(NOW + 5_007)
  })

  it('does not wait for a next timestamp that a block under way has gone past', () => {
    const { clock, time } = create()
    time.setNext(NOW + 1)
    time.sealed(NOW + 2)
    clock.advance(7_000)
    expect(time.nextBlock).toBe(NOW + 9)
  })

  it('goes back to a mark as if no time had passed', () => {
    const { clock, time } = create()
    time.increase(50)
    time.setNext(NOW + 60)
    const mark = time.mark()
    time.sealed(NOW + 60)
    time.increase(1_000)
    clock.advance(30_000)
    time.restore(mark)
    expect(time.nextBlock).toBe(NOW + 60)
    time.sealed(NOW + 60)
    time.restore(mark)
    expect(time.nowSec).toBe(NOW + 50)
    time.reset()
    expect(time.nextBlock).toBe(NOW + 30)
  })
})
