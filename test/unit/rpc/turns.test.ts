import { describe, expect, it } from 'vitest'
import type { Method } from '../../../src/rpc/dispatch.ts'
import { Turns } from '../../../src/rpc/turns.ts'

/** Methods that tell when they begin, and end when told to. */
function create() {
  const begun: string[] = []
  const ends = new Map<string, PromiseWithResolvers<string>>()
  const described = (alone: boolean): Method => ({
    summary: '',
    params: {},
    result: {},
    alone,
    call: (name) => {
      begun.push(String(name))
      const end = Promise.withResolvers<string>()
      ends.set(String(name), end)
      return end.promise
    },
  })
  const { read, change } = new Turns().order({ read: described(false), change: described(true) })
  const call = (method: Method, name: string) => Promise.resolve(method.call(name, { client: 'test' }))
  return {
    begun,
    read: (name: string) => call(read!, name),
    change: (name: string) => call(change!, name),
    end: (name: string) => ends.get(name)!.resolve(name),
    fail: (name: string) => ends.get(name)!.reject(new Error(name)),
  }
}

/** Everything that can happen without a timer has happened. */
const settled = () => new Promise(setImmediate)

describe('calls in turn', () => {
  it('run side by side, in the order they came', async () => {
    const { begun, read } = create()
    for (const name of ['a', 'b', 'c']) read(name)
    await settled()
    expect(begun).toEqual(['a', 'b', 'c'])
  })

  it('wait for one that runs alone, which waits for those before it', async () => {
    const { begun, read, change, end } = create()
    const first = read('before')
    const second = read('also before')
    const alone = change('alone')
    const after = [read('after'), read('also after')]
    await settled()
    expect(begun).toEqual(['before', 'also before'])
    end('before')
    expect(await first).toBe('before')
    await settled()
    expect(begun).toHaveLength(2)
    end('also before')
    await second
    await settled()
    expect(begun.slice(2)).toEqual(['alone'])
    end('alone')
    expect(await alone).toBe('alone')
    await settled()
    expect(begun.slice(3)).toEqual(['after', 'also after'])
    for (const name of ['after', 'also after']) end(name)
    expect(await Promise.all(after)).toEqual(['after', 'also after'])
  })

  it('go on after failures, which only their callers see', async () => {
    const { begun, read, change, fail } = create()
    const failures = [read('a'), change('b'), change('c'), read('d')].map((answer) =>
      answer.catch((error: Error) => error.message),
    )
    for (const name of ['a', 'b', 'c', 'd']) {
      await settled()
      expect(begun.at(-1)).toBe(name)
      fail(name)
    }
    expect(await Promise.all(failures)).toEqual(['a', 'b', 'c', 'd'])
  })
})
