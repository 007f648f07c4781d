import { expect, test } from 'vitest'
import { Slots } from '../../../src/rpc/slots.ts'

const settle = () => new Promise((resolve) => setImmediate(resolve))

test('so many tasks run at a time, first come, first served; one that fails makes room as well', async () => {
  const slots = new Slots(2)
  const tasks: PromiseWithResolvers<number>[] = []
  const run = () =>
    slots.run(() => {
      const task = Promise.withResolvers<number>()
      tasks.push(task)
      return task.promise
    })
  const results = Promise.allSettled([run(), run(), run(), run()])
  await settle()
  expect(tasks).toHaveLength(2)
  tasks[1]!.reject(new Error('failed'))
  await settle()
  expect(tasks).toHaveLength(3)
  tasks[2]!.resolve(3)
  await settle()
  expect(tasks).toHaveLength(4)
  tasks[3]!.resolve(4)
  tasks[0]!.resolve(1)
  expect((await results).map((result) => (result.status === 'fulfilled' ? result.value : 'failed'))).toEqual([
    1,
    'failed',
    3,
    4,
  ])
  const after = run()
  tasks[4]!.resolve(5)
  expect(await after).toBe(5)
})
