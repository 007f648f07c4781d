import { describe, expect, test } from 'vitest'
import { StateUnavailableError, StoreError, TxError } from '../../../src/primitives/errors.ts'
import type { Allowance } from '../../../src/rpc/allowances.ts'
import type { Caller } from '../../../src/rpc/caller.ts'
import { Dispatcher, method } from '../../../src/rpc/dispatch.ts'
import type { Json } from '../../../src/rpc/json.ts'
import {
  BATCH_CONCURRENCY,
  CALL_TIMEOUT_MS,
  CHARS_PER_UNIT,
  MAX_BATCH_CALLS,
  MAX_HEAVY_CALLS,
  MAX_RESPONSE_CHARS,
  MAX_WAITING_CALLS_PER_CLIENT,
  SMALL_MESSAGE_CHARS,
  UNIT_CHARS,
} from '../../../src/rpc/limits.ts'
import { boolean, count, optional } from '../../../src/rpc/schema.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { LOCAL } from './serving.ts'

function dispatcher({ allowance }: { readonly allowance?: Allowance } = {}) {
  const clock = new ManualClock(0)
  const internal: [unknown, string][] = []
  const called: number[] = []
  const methods = {
    add: method({
      summary: '',
      result: {},
      params: { left: count, right: optional(count, 10) },
      handler: ({ left, right }) => {
        called.push(left)
        return left + right
      },
    }),
    not: method({ summary: '', result: {}, params: { value: boolean }, handler: async ({ value }) => !value }),
    nothing: method({ summary: '', result: {}, params: {}, handler: () => null }),
    refuse: method({
      summary: '',
      result: {},
      params: {},
      handler: () => {
        throw new TxError('already-known')
      },
    }),
    forgotten: method({
      summary: '',
      result: {},
      params: {},
      handler: () => Promise.reject(new StateUnavailableError()),
    }),
    broken: method({
      summary: '',
      result: {},
      params: {},
      handler: () => Promise.reject(new StoreError('disk gone', 'replace it')),
    }),
    search: method({
      summary: '',
      result: {},
      params: { units: count },
      handler: ({ units }, caller) => {
        caller.charge?.(units)
        return null
      },
    }),
    long: method({ summary: '', result: {}, params: { size: count }, handler: ({ size }) => 'x'.repeat(size) }),
  }
  const target = new Dispatcher({
    methods,
    clock,
    allowance,
    onInternalError: (error, name) => internal.push([error, name]),
  })
  const send = async (message: unknown): Promise<Json | undefined> => {
    const reply = await target.handle(typeof message === 'string' ? message : JSON.stringify(message), LOCAL)
    return reply && JSON.parse(reply.text)
  }
  return { send, target, clock, internal, called }
}

const call = (methodName: string, params?: unknown, id: unknown = 1) => ({
  jsonrpc: '2.0',
  id,
  method: methodName,
  ...(params !== undefined && { params }),
})
const result = (value: Json, id: Json = 1) => ({ jsonrpc: '2.0', id, result: value })
const error = (code: number, message: RegExp, id: Json = 1) => ({
  jsonrpc: '2.0',
  id,
  error: expect.objectContaining({ code, message: expect.stringMatching(message) }),
})

describe('a single request', () => {
  test('is answered under its own id, whatever JSON allows there', async () => {
    const { send } = dispatcher()
    for (const id of [0, -7, 1.5, 2 ** 53 - 1, '9007199254740993', 'a"b', null])
      expect(await send(call('add', [1, 2], id))).toEqual(result(3, id))
  })

  test('takes params by position, by name, null, or not at all', async () => {
    const { send } = dispatcher()
    expect(await send(call('add', [1]))).toEqual(result(11))
    expect(await send(call('add', [1, null]))).toEqual(result(11))
    expect(await send(call('add', { right: 5, left: 1 }))).toEqual(result(6))
    expect(await send(call('nothing'))).toEqual(result(null))
    expect(await send(call('nothing', null))).toEqual(result(null))
    expect(await send(call('nothing', []))).toEqual(result(null))
    expect(await send(call('nothing', {}))).toEqual(result(null))
  })

  test('with wrong params is -32602, naming which and why', async () => {
    const { send } = dispatcher()
    expect(await send(call('add'))).toEqual(error(-32602, /missing value for required argument 0 \(left\)/))
    expect(await send(call('add', ['2']))).toEqual(error(-32602, /invalid argument 0 \(left\): .*0x prefix/))
    expect(await send(call('add', [1, 2, 3]))).toEqual(error(-32602, /too many arguments, want at most 2/))
    expect(await send(call('add', { left: 1, up: 1 }))).toEqual(error(-32602, /unknown argument up/))
    expect(await send(call('not', { value: 1 }))).toEqual(error(-32602, /\(value\): not a boolean/))
  })

  test("for an unknown method is -32601 in geth's words, also for names that every object has", async () => {
    const { send } = dispatcher()
    for (const name of ['eth_fillTransaction', 'constructor', '__proto__', '']) {
      expect(await send(call(name))).toEqual(
        error(-32601, new RegExp(`^the method ${name} does not exist/is not available$`)),
      )
    }
  })

  test('that is not JSON is -32700 with a null id', async () => {
    const { send } = dispatcher()
    for (const text of ['', '{', 'add', '{"jsonrpc":"2.0","id":1,'])
      expect(await send(text)).toEqual(error(-32700, /./, null))
  })

  test('that is no request is -32600, under its id where it has one and null otherwise', async () => {
    const { send } = dispatcher()
    const nameless = [1, null, 'x', {}, { method: 'add' }, { ...call('add'), id: {} }, { ...call('add'), id: true }]
    for (const request of nameless) expect(await send(JSON.stringify(request))).toEqual(error(-32600, /./, null))
    for (const id of ['9007199254740993', '-9007199254740993', '1e30', '1e999']) {
      const text = JSON.stringify(call('add', [1], 0)).replace('"id":0', `"id":${id}`)
      expect(await send(text)).toEqual(error(-32600, /beyond 2\^53/, null))
    }
    for (const id of [0, -7, 'a', '', null]) {
      const named = [{ ...call('add'), jsonrpc: '1.0' }, { method: 'add' }, { ...call('add'), method: 5 }, {}]
      for (const request of named) {
        expect(await send({ ...request, id })).toEqual(error(-32600, /invalid request/, id))
        expect(await send([{ ...request, id }])).toEqual([error(-32600, /invalid request/, id)])
      }
    }
  })

  test('with params that are neither an array nor an object is -32602', async () => {
    const { send } = dispatcher()
    for (const params of ['left', '', 0, 5, true, false]) {
      expect(await send(call('nothing', params))).toEqual(error(-32602, /neither an array nor an object/))
    }
  })

  test('without an id is a notification: run, never answered, not even with an error', async () => {
    const { send, called } = dispatcher()
    expect(await send({ jsonrpc: '2.0', method: 'add', params: [42] })).toBeUndefined()
    expect(await send({ jsonrpc: '2.0', method: 'missing' })).toBeUndefined()
    expect(called).toEqual([42])
  })
})

describe('failures', () => {
  test('of rules and of missing state are -32000: a client must not retry them', async () => {
    const { send, internal } = dispatcher()
    expect(await send(call('refuse'))).toEqual(error(-32000, /^already known$/))
    expect(await send(call('forgotten'))).toEqual(error(-32000, /^historical state not available$/))
    expect(internal).toEqual([])
  })

  test('of the node itself are -32603 without details, and reported to the node', async () => {
    const { send, internal } = dispatcher()
    expect(await send(call('broken'))).toEqual(error(-32603, /^internal error$/))
    expect(internal).toEqual([[expect.any(StoreError), 'broken']])
  })

  test('a result over the response limit is -32005 naming the limit; one at the limit passes', async () => {
    const { send } = dispatcher()
    const refused = await send(call('long', [MAX_RESPONSE_CHARS]))
    expect(refused).toEqual(error(-32005, new RegExp(`${MAX_RESPONSE_CHARS}`)))
    expect(refused).toHaveProperty('error.data', { limit: MAX_RESPONSE_CHARS })
    expect(await send(call('long', [MAX_RESPONSE_CHARS - 2]))).toHaveProperty('result.length', MAX_RESPONSE_CHARS - 2)
  })
})

describe('a batch', () => {
  test('answers in the order of its calls, notifications left out, bad members as errors', async () => {
    const { send } = dispatcher()
    const batch = [
      call('add', [1, 2], 'a'),
      { jsonrpc: '2.0', method: 'add', params: [7] },
      5,
      call('missing', [], 'b'),
    ]
    expect(await send(batch)).toEqual([result(3, 'a'), error(-32600, /./, null), error(-32601, /missing/, 'b')])
  })

  test('of notifications alone is not answered', async () => {
    const { send } = dispatcher()
    expect(await send([{ jsonrpc: '2.0', method: 'nothing' }])).toBeUndefined()
  })

  test('that is empty is one -32600', async () => {
    expect(await dispatcher().send([])).toEqual(error(-32600, /empty batch/, null))
  })

  test('starts its calls in order, at any length up to the limit', async () => {
    const { send, called } = dispatcher()
    const calls = Array.from({ length: MAX_BATCH_CALLS }, (_, i) => call('add', [i, 0], i))
    expect(await send(calls)).toEqual(calls.map((_, i) => result(i, i)))
    expect(called).toEqual(calls.map((_, i) => i))
    expect(await send([...calls, call('nothing')])).toEqual(error(-32005, /1001 calls, limit 1000/, null))
    expect(called).toHaveLength(MAX_BATCH_CALLS)
  })

  test('holds no more whole blocks than a few at a time, however many it asks for', async () => {
    let held = 0
    let most = 0
    const block = method({
      summary: '',
      result: {},
      params: {},
      heavy: true,
      handler: async () => {
        most = Math.max(most, ++held)
        await new Promise((resolve) => setImmediate(resolve))
        held--
        return 'block'
      },
    })
    const clock = new ManualClock(0)
    const dispatcher = new Dispatcher({ methods: { block }, clock, onInternalError: () => {} })
    const calls = Array.from({ length: 50 }, (_, id) => ({ jsonrpc: '2.0', id, method: 'block' }))
    const replies = await Promise.all([1, 2].map(() => dispatcher.handle(JSON.stringify(calls), LOCAL)))
    for (const reply of replies) expect(JSON.parse(reply!.text)).toHaveLength(50)
    expect(most).toBe(MAX_HEAVY_CALLS)
  })

  test('counts the response limit over all of its answers: those that fit are given, the others an error each', async () => {
    const { send, called } = dispatcher()
    const third = Math.ceil(MAX_RESPONSE_CHARS / 3)
    const batch = [
      call('add', [1, 0], 'a'),
      ...[1, 2, 3].map((i) => call('long', [third], i)),
      call('add', [2, 0], 'b'),
      { jsonrpc: '2.0', method: 'add', params: [3] },
    ]
    const long = (id: number) => ({ jsonrpc: '2.0', id, result: expect.any(String) })
    const tooLong = (id: Json) => error(-32005, /response larger than/, id)
    expect(await send(batch)).toEqual([result(1, 'a'), long(1), long(2), tooLong(3), tooLong('b')])
    // What could not be told has not been done either.
    expect(called).toEqual([1])
    expect(await send(batch.slice(2))).toMatchObject([{ id: 2 }, { id: 3 }, { id: 'b', result: 2 }])
  })

  test('past the response limit, calls that have begun are still told of if there is room', async () => {
    const sent = Promise.withResolvers<Json>()
    const methods = {
      long: method({ summary: '', result: {}, params: {}, handler: async () => 'x'.repeat(MAX_RESPONSE_CHARS - 2) }),
      send: method({ summary: '', result: {}, params: {}, handler: () => sent.promise }),
    }
    const target = new Dispatcher({ methods, clock: new ManualClock(0), onInternalError: () => {} })
    const reply = target.handle(JSON.stringify([call('send', [], 1), call('long', [], 2)]), LOCAL)
    await new Promise((resolve) => setImmediate(resolve))
    sent.resolve('0xhash')
    expect(JSON.parse((await reply)!.text)).toEqual([result('0xhash', 1), error(-32005, /response larger/, 2)])
  })
})

describe('a caller that has gone', () => {
  function waiting() {
    const clock = new ManualClock(0)
    const begun: string[] = []
    const opened = Promise.withResolvers<void>()
    const described = { summary: '', result: {}, params: {} }
    const handler = (name: string) => async () => {
      begun.push(name)
      await opened.promise
      return name
    }
    const methods = {
      step: method({ ...described, handler: handler('step') }),
      block: method({ ...described, heavy: true, handler: handler('block') }),
    }
    const target = new Dispatcher({ methods, clock, onInternalError: () => {} })
    let gone = false
    const leaver: Caller = { client: '192.0.2.1', isGone: () => gone }
    const leave = () => {
      gone = true
    }
    return { target, clock, begun, leaver, leave, open: opened.resolve }
  }
  const batchOf = (name: string, length: number) =>
    JSON.stringify(Array.from({ length }, (_, id) => call(name, [], id)))

  test('has no more calls of its batch begun', async () => {
    const { target, begun, leaver, leave, open } = waiting()
    const reply = target.handle(batchOf('step', 2 * BATCH_CONCURRENCY), leaver)
    expect(begun).toHaveLength(BATCH_CONCURRENCY)
    leave()
    open()
    await reply
    expect(begun).toHaveLength(BATCH_CONCURRENCY)
  })

  test('loses its place among those who wait for a block, by leaving or by having been told that it took too long', async () => {
    const { target, clock, begun, leaver, leave, open } = waiting()
    const replies = [leaver, LOCAL].map((caller) => target.handle(batchOf('block', MAX_HEAVY_CALLS + 5), caller))
    const single = target.handle(JSON.stringify(call('block')), { client: '192.0.2.2' })
    expect(begun).toHaveLength(MAX_HEAVY_CALLS)
    leave()
    clock.advance(CALL_TIMEOUT_MS)
    const late = error(-32002, /timed out/, expect.any(Number))
    expect(JSON.parse((await replies[1])!.text)).toEqual(Array(MAX_HEAVY_CALLS + 5).fill(late))
    expect(JSON.parse((await single)!.text)).toEqual(late)
    open()
    await replies[0]
    const next = await target.handle(JSON.stringify(call('block')), LOCAL)
    expect(JSON.parse(next!.text)).toEqual(result('block'))
    expect(begun).toHaveLength(MAX_HEAVY_CALLS + 1)
  })

  test('and one that stays may have so many waiting', async () => {
    const { target, open } = waiting()
    const asking = Array.from({ length: MAX_WAITING_CALLS_PER_CLIENT + MAX_HEAVY_CALLS + 3 }, () =>
      target.handle(JSON.stringify(call('block')), { client: '192.0.2.1' }),
    )
    const another = target.handle(JSON.stringify(call('block')), { client: '192.0.2.2' })
    open()
    const texts = (await Promise.all(asking)).map((reply) => reply!.text)
    expect(texts.filter((text) => text.includes('-32005'))).toHaveLength(3)
    expect(JSON.parse((await another)!.text)).toEqual(result('block'))
  })
})

describe('an allowance', () => {
  function counting() {
    const taken: number[] = []
    const charged: number[] = []
    let refused = false
    const allowance = {
      take(_client: string, units: number) {
        if (refused) return { reason: 'too many', waitSec: 3 }
        taken.push(units)
        return undefined
      },
      charge: (_client: string, units: number) => void charged.push(units),
    }
    const refuse = () => {
      refused = true
    }
    return { ...dispatcher({ allowance }), taken, charged, refuse }
  }

  test('is taken from for every message by its length, before it is read', async () => {
    const { target, taken, charged } = counting()
    for (const [message, units] of [
      ['', 1],
      ['['.repeat(UNIT_CHARS - 1), 1],
      ['['.repeat(UNIT_CHARS), 2],
      ['['.repeat(1_000_000), 1 + Math.floor(1_000_000 / UNIT_CHARS)],
      [`[${'1,'.repeat(MAX_BATCH_CALLS)}1]`, 1 + Math.floor((2 * MAX_BATCH_CALLS + 3) / UNIT_CHARS)],
      [Buffer.alloc(10 * UNIT_CHARS, 0xff), 11],
    ] as const) {
      const reply = await target.handle(message, LOCAL)
      expect(JSON.parse(reply!.text)).toHaveProperty('error')
      expect(taken.splice(0)).toEqual([units])
    }
    expect(charged).toEqual([])
  })

  test('pays for the calls of a message too, of which the first ordinary one is paid with it', async () => {
    const { send, taken, charged } = counting()
    await send(call('nothing'))
    await send(call('eth_getLogs'))
    await send([call('nothing'), call('eth_getProof'), call('missing')])
    expect(taken).toEqual([1, 1, 1])
    expect(charged).toEqual([0, 9, 6])
  })

  test('pays for long answers, and for what methods say that they have read', async () => {
    const { send, charged } = counting()
    await send(call('long', [CHARS_PER_UNIT - 3]))
    expect(charged.splice(0)).toEqual([0])
    await send(call('long', [10 * CHARS_PER_UNIT]))
    expect(charged.splice(0)).toEqual([0, 10])
    await send(call('long', [MAX_RESPONSE_CHARS]))
    expect(charged.splice(0)).toEqual([0, Math.floor(MAX_RESPONSE_CHARS / CHARS_PER_UNIT)])
    await send([call('search', [7]), call('search', [2])])
    expect(charged).toEqual([1, 7, 2])
  })

  test('that is used up is told under the id of a short message, and without reading a long one', async () => {
    const { target, called, refuse } = counting()
    refuse()
    const ask = async (message: string) => {
      const reply = await target.handle(message, LOCAL)
      return reply && { ...reply, text: JSON.parse(reply.text) }
    }
    const short = JSON.stringify(call('add', [1], 'a'))
    expect(await ask(short)).toEqual({ text: error(-32005, /too many/, 'a'), waitSec: 3 })
    expect(await ask(`[${short}]`)).toEqual({ text: [error(-32005, /too many/, 'a')], waitSec: 3 })
    expect(await ask(short.padEnd(SMALL_MESSAGE_CHARS))).toEqual({ text: error(-32005, /too many/, 'a'), waitSec: 3 })
    expect(await ask(short.padEnd(SMALL_MESSAGE_CHARS + 1))).toEqual({
      text: error(-32005, /too many/, null),
      waitSec: 3,
    })
    expect(called).toEqual([])
  })
})
