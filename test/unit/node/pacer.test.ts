import { expect, test } from 'vitest'
import { createPacer } from '../../../src/node/system.ts'

test('those who wait for a pacer go on in turns of their own, first come, first served', async () => {
  const pacer = createPacer()
  let turn = 0
  let counting = true
  const count = () => {
    turn++
    if (counting) setImmediate(count)
  }
  setImmediate(count)
  const turns: number[] = []
  const waiters = Array.from({ length: 5 }, async () => {
    await pacer.pause()
    turns.push(turn)
    // However soon the slice ends, there is another.
    await pacer.pause()
  })
  await Promise.all(waiters)
  counting = false
  expect(new Set(turns).size).toBe(5)
  expect(turns).toEqual(turns.toSorted((a, b) => a - b))
})
