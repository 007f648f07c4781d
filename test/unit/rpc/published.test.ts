import metaSchema from '@open-rpc/meta-schema'
import { Ajv, type ValidateFunction } from 'ajv'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { toRpcError } from '../../../src/rpc/errors.ts'
import type { Json, JsonObject } from '../../../src/rpc/json.ts'
import { rpcMethods } from '../../../src/rpc/methods/all.ts'
import { withIntrospection } from '../../../src/rpc/methods/rpc.ts'
import { type JsonSchema, paramsReader } from '../../../src/rpc/schema.ts'
import { callsOf, furnishedNode } from './method-calls.ts'
import { eventServices } from './serving.ts'

/** What `rpc_discover` publishes, against what the methods do. */

interface Published {
  readonly methods: readonly {
    readonly name: string
    readonly params: readonly { readonly name: string; readonly required: boolean; readonly schema: JsonSchema }[]
    readonly result: { readonly schema: JsonSchema }
  }[]
  readonly components: { readonly schemas: JsonObject }
}

const CALLER = { client: '127.0.0.1', subscriber: { notify() {}, onClose() {} }, afterAnswer() {} }

const ajv = new Ajv()
ajv.addKeyword('components')
const node = await furnishedNode()
const methods = withIntrospection(rpcMethods(node.backends, eventServices()), '1.2.3')
const calls = callsOf(node.facts)
let published: Published
const validators = new Map<string, ValidateFunction>()

beforeAll(async () => {
  published = (await methods.rpc_discover!.call([], CALLER)) as unknown as Published
  const { components } = published
  for (const { name, result } of published.methods) validators.set(name, ajv.compile({ ...result.schema, components }))
})

test('the document is OpenRPC by its own meta schema', async () => {
  // It extends JSON Schema's own meta schema, for which Ajv's stands in.
  const base = 'https://meta.json-schema.tools'
  const draft7 = {
    allOf: [{ $ref: 'http://json-schema.org/draft-07/schema#' }],
    definitions: { JSONSchemaObject: { properties: { $ref: { type: 'string' } } } },
  }
  const { $schema: _, ...schema } = metaSchema as JsonObject
  const options = { strict: false, validateFormats: false, schemas: { [base]: draft7, [`${base}/`]: draft7 } }
  const judge = new Ajv(options).compile(schema)
  expect(judge(published), JSON.stringify(judge.errors)).toBe(true)
  expect(judge({ ...published, methods: [{ name: 'nameless' }] })).toBe(false)
})

test('it names every method once, and refers to nothing that is not there', () => {
  expect(published.methods.map(({ name }) => name)).toEqual(Object.keys(methods))
  const names = [...JSON.stringify(published).matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(([, name]) => name!)
  expect(names.length).toBeGreaterThan(20)
  for (const name of names) expect(published.components.schemas).toHaveProperty([name])
})

test('schemas that share a title are the same', () => {
  const byTitle = new Map<string, string>()
  const walk = (schema: Json): void => {
    if (typeof schema !== 'object' || schema === null) return
    for (const value of Object.values(schema)) walk(value)
    const { title } = schema as JsonObject
    if (typeof title !== 'string') return
    const text = JSON.stringify(schema)
    expect(byTitle.get(title) ?? text, title).toBe(text)
    byTitle.set(title, text)
  }
  for (const { result } of Object.values(methods)) walk(result)
})

describe('every answer is as published', () => {
  test('there are calls for every method', () => {
    expect(Object.keys(calls).sort()).toEqual(Object.keys(methods).sort())
  })

  test.each(Object.entries(calls))('%s', async (name, paramLists) => {
    let answers = 0
    for (const params of paramLists) {
      let result: Json
      try {
        result = await methods[name]!.call(params, CALLER)
      } catch (error) {
        // Refused for a reason, never for a bug.
        expect(toRpcError(error), String(error)).toBeDefined()
        continue
      }
      answers++
      const validate = validators.get(name)!
      const context = `${JSON.stringify(params)} -> ${JSON.stringify(result)}: ${JSON.stringify(validate.errors)}`
      expect(validate(JSON.parse(JSON.stringify(result))), context).toBe(true)
    }
    expect(answers).toBeGreaterThan(0)
  })

  test('and one that has a member too many, or too few, is not', async () => {
    const validate = validators.get('eth_getBlockByNumber')!
    const block = (await methods.eth_getBlockByNumber!.call(['0x1', true], CALLER)) as JsonObject
    const { size: _, ...smaller } = block
    expect(validate(block)).toBe(true)
    expect(validate(smaller)).toBe(false)
    expect(validate({ ...block, more: '0x' })).toBe(false)
  })
})

describe('parameters', () => {
  test('that are accepted are as published', async () => {
    for (const { name, params } of published.methods) {
      const judges = params.map(({ schema }) => ajv.compile(schema))
      for (const given of calls[name]!) {
        given.forEach((value, i) => {
          expect(judges[i]!(value), `${name} ${JSON.stringify(value)}`).toBe(true)
        })
      }
    }
  })

  test('of any kind are accepted only if they are as published (fuzzed)', () => {
    const hex = fc.string({ unit: fc.constantFrom(...'0123456789abcdefABCDEFxg'), maxLength: 68 })
    const leaf = fc.oneof(
      fc.constantFrom<Json>('latest', '0x', '0x0', '0x01', null, true, 0, 1.5, -1, 2 ** 53),
      fc.integer(),
      hex,
      hex.map((digits) => `0x${digits}`),
      fc
        .constantFrom(40, 64)
        .chain((length) =>
          fc
            .string({ unit: fc.constantFrom(...'0123aF'), minLength: length, maxLength: length })
            .map((digits) => `0x${digits}`),
        ),
    )
    const members = fc.constantFrom(
      'from',
      'to',
      'blockHash',
      'blockNumber',
      'requireCanonical',
      'topics',
      'address',
      'gas',
      'accessList',
      'storageKeys',
      'data',
    )
    const { value } = fc.letrec<{ value: Json }>((tie) => ({
      value: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        leaf,
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(members, tie('value'), { maxKeys: 4, noNullPrototype: true }),
      ),
    }))
    // What eth_subscribe's second parameter may be depends on its first.
    const single = published.methods.filter(({ name }) => name !== 'eth_subscribe')
    const types = single.flatMap(({ name, params }) =>
      Object.entries(methods[name]!.params).map(([param, type], i) => ({
        type: { [param]: type },
        judge: ajv.compile(params[i]!.schema),
      })),
    )
    fc.assert(
      fc.property(value, (given) => {
        for (const { type, judge } of types) {
          if (given === null || !accepts(type, given)) continue
          expect(judge(given), `${Object.keys(type)} ${JSON.stringify(given)}`).toBe(true)
        }
      }),
      { numRuns: 1_000 },
    )
  })
})

function accepts(types: Parameters<typeof paramsReader>[0], value: Json): boolean {
  try {
    paramsReader(types)([value])
    return true
  } catch {
    return false
  }
}
