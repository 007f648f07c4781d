import { expect, test } from 'vitest'
import { Slots } from '../../../src/rpc/slots.ts'

const settle = () => new Promise((resolve) => setImmediate(resolve))

/** Slots whose tasks end when told to, in the order in which they have begun. */
function slotsOf(count: number) {
  const slots = new Slots({ count, maxWaiting: 6, maxWaitingOfClient: (client) => (client === 'proxy' ? 6 : 3) })
  const begun: { readonly name: string; readonly end: PromiseWithResolvers<string> }[] = []
  const run = (client: string, name: string) =>
    slots.run(client, () => {
      const end = Promise.withResolvers<string>()
      begun.push({ name, end })
      return end.promise
    })
  return { run, begun, names: () => begun.map(({ name }) => name).join('') }
}

test('so many tasks run at a time, first come, first served; one that fails makes room as well', async () => {
  const { run, begun, names } = slotsOf(2)
  const results = Promise.allSettled([...'abcd'].map((name) => run('one', name)))
  await settle()
  expect(names()).toBe('ab')
  begun[1]!.end.reject(new Error('failed'))
  await settle()
  expect(names()).toBe('abc')
  begun[2]!.end.resolve('3')
  await settle()
  expect(names()).toBe('abcd')
  begun[3]!.end.resolve('4')
  begun[0]!.end.resolve('1')
  expect((await results).map((result) => (result.status === 'fulfilled' ? result.value : 'failed'))).toEqual([
    '1',
    'failed',
    '3',
    '4',
  ])
  const after = run('one', 'e')
  begun[4]!.end.resolve('5')
  expect(await after).toBe('5')
})

test('clients that wait take turns, however many tasks one of them has; too many are refused', async () => {
  const { run, begun, names } = slotsOf(1)
  const greedy = [...'aAAA'].map((name) => run('greedy', name))
  const refused = { code: -32005, data: { limit: 3 } }
  await expect(run('greedy', 'A')).rejects.toMatchObject(refused)
  const others = [run('modest', 'b'), run('proxy', 'c'), run('proxy', 'C')]
  for (const client of ['modest', 'proxy']) {
    await expect(run(client, '-')).rejects.toMatchObject({ code: -32005, data: { limit: 6 } })
  }
  for (let i = 0; i < 7; i++) {
    await settle()
    begun[i]!.end.resolve('')
  }
  await Promise.all([...greedy, ...others])
  expect(names()).toBe('aAbcACA')
  const again = run('greedy', 'd')
  begun[7]!.end.resolve('d')
  expect(await again).toBe('d')
})
