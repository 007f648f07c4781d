import { describe, expect, it } from 'vitest'
import { Bell } from '../../../src/miner/bell.ts'
import { ManualClock } from '../../support/manual-clock.ts'

describe('a bell', () => {
  it('wakes who waits, and leaves no timer behind', async () => {
    const clock = new ManualClock(0)
    const bell = new Bell(clock)
    const waiting = bell.wait(1_000)
    bell.ring()
    await waiting
    expect(clock.pending).toBe(0)
  })

  it('is heard by who comes to wait afterwards, until it is cleared', async () => {
    const clock = new ManualClock(0)
    const bell = new Bell(clock)
    bell.ring()
    await bell.wait(undefined)
    bell.clear()
    let woken = false
    const waiting = bell.wait(1_000).then(() => {
      woken = true
    })
    clock.advance(999)
    await Promise.resolve()
    expect(woken).toBe(false)
    clock.advance(1)
    await waiting
  })
})
