import { expect, test } from 'vitest'
import { ClockWatch } from '../../../src/node/clock-watch.ts'
import { ManualClock } from '../../support/manual-clock.ts'

const HOUR_MS = 3_600_000
const START_MS = 1_800_000_000_000

/** A machine whose wall clock can be set apart from the time that passes. */
function machine({ headAheadSec = 0, bounded = true } = {}) {
  const passing = new ManualClock(0)
  let wallOffsetMs = START_MS
  const warnings: string[] = []
  const clock = {
    nowMs: () => passing.nowMs() + wallOffsetMs,
    after: (delayMs: number, action: () => void) => passing.after(delayMs, action),
  }
  let headTimestamp = START_MS / 1000 + headAheadSec
  const watch = new ClockWatch(
    { maxAheadSec: bounded ? 15 : undefined },
    {
      clock,
      monotonicMs: () => passing.nowMs(),
      headTimestamp: () => headTimestamp,
      warn: (message) => warnings.push(message),
    },
  )
  watch.start()
  return {
    watch,
    warnings,
    pass: (ms: number) => passing.advance(ms),
    setWall: (byMs: number) => {
      wallOffsetMs += byMs
    },
    setHead: (timestamp: number) => {
      headTimestamp = timestamp
    },
  }
}

test('a clock that runs on is not mentioned', () => {
  const { warnings, pass } = machine()
  pass(10 * HOUR_MS)
  expect(warnings).toEqual([])
})

test('a jump by an hour in either direction is told once', () => {
  for (const [byMs, what] of [
    [HOUR_MS, 'jumped forward, or the machine slept,'],
    [-HOUR_MS, 'jumped back'],
  ] as const) {
    const { warnings, pass, setWall } = machine({ bounded: false })
    pass(60_000)
    setWall(byMs)
    pass(600_000)
    expect(warnings).toEqual([`the system clock ${what} by 60 min; the node keeps running`])
  }
})

test('a few seconds of adjustment are not', () => {
  const { warnings, pass, setWall } = machine()
  setWall(5_000)
  pass(60_000)
  expect(warnings).toEqual([])
})

test('a head further ahead than a header may be is told at start, then once a minute while it lasts', () => {
  const { warnings, pass } = machine({ headAheadSec: 3_600 })
  expect(warnings).toEqual([expect.stringMatching(/^the head is 60 min ahead of the local clock/)])
  pass(59_999)
  expect(warnings).toHaveLength(1)
  pass(1)
  expect(warnings).toHaveLength(2)
})

test('the bound itself is allowed, one second more is not', () => {
  expect(machine({ headAheadSec: 15 }).warnings).toEqual([])
  expect(machine({ headAheadSec: 16 }).warnings).toHaveLength(1)
})

test('once the head is no longer ahead, the next time is told at once', () => {
  const { warnings, pass, setHead } = machine({ headAheadSec: 3_600 })
  setHead(0)
  pass(10_000)
  setHead(START_MS)
  pass(10_000)
  expect(warnings).toHaveLength(2)
})

test('a network without a bound may run ahead', () => {
  expect(machine({ headAheadSec: 3_600, bounded: false }).warnings).toEqual([])
})

test('a stopped watch is silent', () => {
  const { watch, warnings, pass, setWall } = machine()
  watch.stop()
  setWall(HOUR_MS)
  pass(HOUR_MS)
  expect(warnings).toEqual([])
})
