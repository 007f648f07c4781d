import { expect, test } from 'vitest'
import { Deadlines } from '../../../src/rpc/deadlines.ts'
import { ManualClock } from '../../support/manual-clock.ts'

const never = () => new Promise<string>(() => {})

test('work that is done in time is answered by itself, at the last millisecond too; a millisecond later it is late', async () => {
  const clock = new ManualClock(0)
  const deadlines = new Deadlines({ timeoutMs: 100 }, { clock })
  const work = Promise.withResolvers<string>()
  const first = deadlines.within(never(), () => 'late')
  clock.advance(1)
  const second = deadlines.within(work.promise, () => 'late')
  clock.advance(99)
  expect(await first).toBe('late')
  work.resolve('done')
  expect(await second).toBe('done')
  const third = deadlines.within(never(), () => 'late')
  clock.advance(99)
  expect(await Promise.race([third, Promise.resolve('waiting')])).toBe('waiting')
  clock.advance(1)
  expect(await third).toBe('late')
})

test('failures of the work are its own', async () => {
  const deadlines = new Deadlines({ timeoutMs: 100 }, { clock: new ManualClock(0) })
  await expect(deadlines.within(Promise.reject(new Error('broken')), () => 'late')).rejects.toThrow('broken')
})

test('one timer watches over any number, and none is left once it is stopped', async () => {
  const clock = new ManualClock(0)
  const deadlines = new Deadlines({ timeoutMs: 100 }, { clock })
  for (let i = 0; i < 10; i++) void deadlines.within(never(), () => 'late')
  expect(clock.pending).toBe(1)
  deadlines.stop()
  expect(clock.pending).toBe(0)
})
