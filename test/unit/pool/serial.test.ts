import { describe, expect, it } from 'vitest'
import { Serial } from '../../../src/pool/serial.ts'

function record() {
  const events: string[] = []
  const serial = new Serial<string>({
    addAll: async (items) => {
      events.push(`begin ${items}`)
      await new Promise((resolve) => setImmediate(resolve))
      events.push(`end ${items}`)
    },
    weigh: (item) => item.length,
    maxWeight: 4,
    pause: async () => {
      events.push('pause')
    },
  })
  return { events, serial }
}

describe('serial work', () => {
  it('adds neighbours together, and keeps tasks where they were asked for', async () => {
    const { events, serial } = record()
    serial.add('a')
    serial.add('b')
    const task = serial.run(async () => {
      events.push('task')
    })
    serial.add('c')
    await task
    await serial.run(async () => {})
    expect(events).toEqual(['begin a,b', 'end a,b', 'task', 'begin c', 'end c'])
  })

  it('lets others have the thread between additions of the greatest weight', async () => {
    const { events, serial } = record()
    for (const item of ['aa', 'bb', 'c', 'dddddd', 'e']) serial.add(item)
    await serial.run(async () => {})
    expect(events.filter((event) => !event.startsWith('end'))).toEqual([
      'begin aa,bb',
      'pause',
      'begin c',
      'pause',
      'begin dddddd',
      'pause',
      'begin e',
    ])
  })

  it('tells whoever asked of a failed task and goes on', async () => {
    const { events, serial } = record()
    const failing = serial.run(() => Promise.reject(new Error('no')))
    serial.add('a')
    await expect(failing).rejects.toThrow('no')
    await serial.run(async () => {})
    expect(events).toEqual(['begin a', 'end a'])
  })

  it('takes what comes in while it works', async () => {
    const { events, serial } = record()
    serial.add('a')
    await serial.run(async () => serial.add('b'))
    await serial.run(async () => {})
    expect(events).toEqual(['begin a', 'end a', 'begin b', 'end b'])
  })
})
