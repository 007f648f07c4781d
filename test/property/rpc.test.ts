import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../src/node/system.ts'
import { Dispatcher } from '../../src/rpc/dispatch.ts'
import type { Json } from '../../src/rpc/json.ts'
import { rpcMethods } from '../../src/rpc/methods/all.ts'
import { withIntrospection } from '../../src/rpc/methods/rpc.ts'
import { londonEngine } from '../support/london-engine.ts'
import { type RpcLedger, rpcLedger } from '../support/rpc-ledger.ts'
import { openTestChain, type TestChain } from '../support/test-chain.ts'
import { testGenesis } from '../support/test-genesis.ts'
import { callsOf, furnishedNode } from '../unit/rpc/method-calls.ts'
import { eventServices } from '../unit/rpc/serving.ts'

/** Whatever anyone sends, the answer is JSON-RPC, and says what was wrong: never -32603, never a crash. */

const furnished = await furnishedNode()
const calls = callsOf(furnished.facts)
const names = Object.keys(calls)

const hexText = fc.oneof(
  fc.string({ unit: fc.constantFrom(...'0123456789abcdefABCDEFxg'), maxLength: 70 }).map((digits) => `0x${digits}`),
  fc
    .constantFrom(40, 64)
    .chain((length) =>
      fc
        .string({ unit: fc.constantFrom(...'012aF'), minLength: length, maxLength: length })
        .map((digits) => `0x${digits}`),
    ),
)
const junk: fc.Arbitrary<Json> = fc.oneof(
  hexText,
  fc.constantFrom<Json>('latest', 'pending', 'earliest', '', '0x', null, {}, [], [[]], true, -1, 1.5, 2 ** 53, 1e300),
  fc.integer(),
  fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<Json>,
)
const members = fc.constantFrom(
  'from',
  'to',
  'value',
  'gas',
  'gasPrice',
  'type',
  'accessList',
  'data',
  'input',
  'blockHash',
  'fromBlock',
  'topics',
  '__proto__',
)

/** Parameters that were right, with something done to them; or nothing but junk. */
const request = fc.constantFrom(...names).chain((method) =>
  fc.record({
    method: fc.constant(method),
    params: fc.oneof(
      fc.array(junk, { maxLength: 5 }),
      junk,
      fc.dictionary(fc.oneof(members, fc.string()), junk, { maxKeys: 5 }),
      fc
        .tuple(fc.constantFrom(...calls[method]!), fc.nat(4), junk)
        .map(([params, at, value]) => [...params.slice(0, at), value, ...params.slice(at + 1)]),
      fc
        .tuple(fc.constantFrom(...calls[method]!), fc.nat(4), members, junk)
        .map(([params, at, name, value]) =>
          params.map((param, i) => (i === at && isObject(param) ? { ...param, [name]: value } : param)),
        ),
    ),
  }),
)

function isObject(value: Json): value is Readonly<Record<string, Json>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

let testChain: TestChain
let ledger: RpcLedger
const failures: unknown[] = []

beforeAll(async () => {
  testChain = await openTestChain({ genesis: testGenesis() }, londonEngine)
  ledger = await rpcLedger(testChain, londonEngine)
})
afterAll(async () => {
  await ledger.stop()
  await testChain.remove()
})

const model = new Dispatcher({
  methods: withIntrospection(rpcMethods(furnished.backends, eventServices()), 'test'),
  clock: systemClock,
  onInternalError: (error) => failures.push(error),
})

async function judge(text: string | undefined, context: string): Promise<void> {
  const answer = JSON.parse(text!)
  expect(answer, context).toMatchObject({ jsonrpc: '2.0' })
  expect('result' in answer !== 'error' in answer, context).toBe(true)
  if (!answer.error) return
  expect(answer.error, context).toMatchObject({ code: expect.any(Number), message: expect.stringMatching(/./) })
  expect(answer.error.code, `${context} ${String(failures.at(-1))}`).not.toBe(-32603)
}

test('every method answers whatever parameters it is sent, on a model and on a real ledger', async () => {
  await fc.assert(
    fc.asyncProperty(request, async ({ method, params }) => {
      const message = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
      const reply = await model.handle(message, { client: '::1' })
      await judge(reply?.text, message)
      await judge(await ledger.send(message), message)
    }),
    { numRuns: 3_000 },
  )
  expect(failures).toEqual([])
})

test('every message is answered, whatever it is', async () => {
  const loose = fc.record(
    {
      jsonrpc: fc.constantFrom<Json>('2.0', '1.0', 2),
      id: junk,
      method: fc.oneof(fc.constantFrom(...names), junk),
      params: junk,
    },
    { requiredKeys: [] },
  )
  const message = fc.oneof(
    fc.string(),
    fc.json(),
    loose.map((value) => JSON.stringify(value)),
    fc.array(fc.oneof(loose, junk), { maxLength: 5 }).map((value) => JSON.stringify(value)),
    request.map((value) => JSON.stringify({ jsonrpc: '2.0', id: 1, ...value }).slice(0, -1)),
  )
  await fc.assert(
    fc.asyncProperty(message, async (text) => {
      const reply = await model.handle(text, { client: '::1' })
      if (!reply) return
      const answers = JSON.parse(reply.text)
      for (const answer of Array.isArray(answers) ? answers : [answers]) await judge(JSON.stringify(answer), text)
    }),
    { numRuns: 3_000 },
  )
  expect(failures).toEqual([])
})
