import { expect, test } from 'vitest'
import { Allowances } from '../../../src/rpc/allowances.ts'
import { ALLOWANCE_BURST_SEC, MAX_ALLOWANCES } from '../../../src/rpc/limits.ts'
import { ManualClock } from '../../support/manual-clock.ts'

const HOST = '203.0.113.7'

function allowances(unitsPerSec = 10, loopbackUnitsPerSec = 0) {
  const clock = new ManualClock(1_000_000)
  return { clock, allowance: new Allowances({ unitsPerSec, loopbackUnitsPerSec }, { clock }) }
}

test('a client may use its burst to the last unit; then it is told how long to wait, and that is true', () => {
  const { allowance, clock } = allowances()
  for (let i = 0; i < 10 * ALLOWANCE_BURST_SEC; i++) expect(allowance.take(HOST, 1)).toBeUndefined()
  expect(allowance.take(HOST, 1)).toEqual({ reason: expect.stringContaining('10 units a second'), waitSec: 1 })
  clock.advance(1_000)
  expect(allowance.take(HOST, 1)).toBeUndefined()
})

test('what costs more than the whole burst may be asked once, and has to be paid off', () => {
  const { allowance, clock } = allowances()
  expect(allowance.take(HOST, 10 * ALLOWANCE_BURST_SEC + 50)).toBeUndefined()
  expect(allowance.take(HOST, 0)?.waitSec).toBe(6)
  clock.advance(6_000)
  expect(allowance.take(HOST, 1)).toBeUndefined()
})

test('clients do not pay for each other; this machine has a limit of its own, and 0 is none', () => {
  const { allowance } = allowances(1)
  allowance.take(HOST, 1_000)
  expect(allowance.take(HOST, 1)).toBeDefined()
  expect(allowance.take('203.0.113.8', 1)).toBeUndefined()
  for (let i = 0; i < 3; i++) expect(allowance.take('127.0.0.1', 1_000_000)).toBeUndefined()
})

test('a clock that is set back gives nothing and takes nothing', () => {
  const { allowance, clock } = allowances()
  allowance.take(HOST, 10 * ALLOWANCE_BURST_SEC)
  clock.advance(-3_600_000)
  expect(allowance.take(HOST, 1)).toBeDefined()
  clock.advance(1_000)
  expect(allowance.take(HOST, 1)).toBeUndefined()
})

test('remembers a bounded number of clients, and forgets who has not asked for longest', () => {
  const { allowance } = allowances(1)
  allowance.take(HOST, 1_000)
  for (let i = 1; i < MAX_ALLOWANCES; i++) allowance.take(`client ${i}`, 1)
  expect(allowance.take(HOST, 1)).toBeDefined()
  allowance.take('one more', 1)
  expect(allowance.take(HOST, 1)).toBeDefined()
  for (let i = 0; i < MAX_ALLOWANCES; i++) allowance.take(`other ${i}`, 1)
  expect(allowance.take(HOST, 1)).toBeUndefined()
})

test('what is charged is owed, whether or not anything was left', () => {
  const { allowance, clock } = allowances()
  allowance.charge(HOST, 10 * ALLOWANCE_BURST_SEC)
  allowance.charge(HOST, 20)
  expect(allowance.take(HOST, 1)?.waitSec).toBe(3)
  clock.advance(3_000)
  expect(allowance.take(HOST, 1)).toBeUndefined()
  allowance.charge('127.0.0.1', 1_000_000)
  expect(allowance.take('127.0.0.1', 1)).toBeUndefined()
})
