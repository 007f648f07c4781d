import { fromHex } from '../primitives/bytes.ts'
import type { BlockRef, BlockTag } from './backend.ts'
import { INVALID_PARAMS, limitExceeded, RpcError } from './errors.ts'
import type { JsonObject } from './json.ts'

/**
 * Kinds of parameters. Each is one object that both checks input and describes itself as JSON Schema, so that what is
 * documented cannot drift from what is enforced.
 */
export interface ParamType<T> {
  readonly schema: JsonSchema
  /** @throws InvalidParam */
  parse(value: unknown): T
  /** Only in optional parameters: what leaving it out, or null, means. */
  readonly absent?: { readonly value: T }
}

/** JSON Schema, draft 7. One with a `title` is published once, under that name. */
export type JsonSchema = JsonObject

/** What is wrong with one value; `paramsReader` adds which parameter it was. */
export class InvalidParam extends Error {
  /** Of the bound that was passed, where that is what is wrong. */
  readonly limit: number | undefined
  constructor(message: string, limit?: number) {
    super(message)
    this.limit = limit
  }
}

export type ParamTypes = Readonly<Record<string, ParamType<unknown>>>
export type ParamValue<P> = P extends ParamType<infer T> ? T : never
export type ParamValues<P extends ParamTypes> = { readonly [K in keyof P]: ParamValue<P[K]> }

/**
 * Makes a reader of `params` as they come: by position (in the order of `types`) or by name, absent or null. It throws
 * RpcError -32602 that says which parameter, and why.
 */
export function paramsReader<P extends ParamTypes>(types: P): (params: unknown) => ParamValues<P> {
  const names = Object.keys(types)
  return (params) => {
    const given = params ?? []
    if (typeof given !== 'object') throw badParams('params are neither an array nor an object')
    const byPosition = Array.isArray(given) ? (given as readonly unknown[]) : undefined
    if (byPosition && byPosition.length > names.length) {
      throw badParams(`too many arguments, want at most ${names.length}`)
    }
    const byName = given as Readonly<Record<string, unknown>>
    if (!byPosition) {
      const unknown = Object.keys(byName).find((name) => !Object.hasOwn(types, name))
      if (unknown !== undefined) throw badParams(`unknown argument ${unknown}`)
    }
    const parsed: Record<string, unknown> = {}
    for (let index = 0; index < names.length; index++) {
      const name = names[index]!
      parsed[name] = parseParam(name, index, types[name]!, byPosition ? byPosition[index] : byName[name])
    }
    return parsed as ParamValues<P>
  }
}

function parseParam(name: string, index: number, type: ParamType<unknown>, value: unknown): unknown {
  if (value === undefined || value === null) {
    if (type.absent) return type.absent.value
    throw badParams(`missing value for required argument ${index} (${name})`)
  }
  try {
    return type.parse(value)
  } catch (error) {
    if (!(error instanceof InvalidParam)) throw error
    const { message, limit } = error
    if (limit !== undefined) throw limitExceeded(`argument ${index} (${name}): ${message}`, limit)
    throw badParams(`invalid argument ${index} (${name}): ${message}`)
  }
}

function badParams(message: string): RpcError {
  return new RpcError(INVALID_PARAMS, message)
}

export function optional<T>(type: ParamType<T>): ParamType<T | undefined>
export function optional<T>(type: ParamType<T>, value: T): ParamType<T>
export function optional<T>(type: ParamType<T>, value?: T): ParamType<T | undefined> {
  return { ...type, schema: { anyOf: [type.schema, { type: 'null' }] }, absent: { value } }
}

/** A hex string of `0x` and digits, with geth's words for what is wrong. */
function hexDigits(value: unknown): string {
  if (typeof value !== 'string') throw new InvalidParam('not a hex string')
  if (!value.startsWith('0x')) throw new InvalidParam('hex string without 0x prefix')
  const digits = value.slice(2)
  if (!/^[0-9a-fA-F]*$/.test(digits)) throw new InvalidParam('invalid hex string')
  return digits
}

function hexBytes(value: unknown): Uint8Array {
  if (typeof value === 'string' && value.startsWith('0x') && value.length % 2 === 0) {
    try {
      return fromHex(value)
    } catch {
      throw new InvalidParam('invalid hex string')
    }
  }
  hexDigits(value)
  throw new InvalidParam('hex string of odd length')
}

function fixedBytes(length: number, title: string): ParamType<Uint8Array> {
  return {
    schema: { title, type: 'string', pattern: `^0x[0-9a-fA-F]{${2 * length}}$` },
    parse(value) {
      const bytes = hexBytes(value)
      if (bytes.length !== length) throw new InvalidParam(`hex string has ${bytes.length} bytes, want ${length}`)
      return bytes
    },
  }
}

export const address = fixedBytes(20, 'address')
export const hash32 = fixedBytes(32, '32-byte hash')

/** Unsigned, at most 256 bits, no leading zeros. */
export const quantity: ParamType<bigint> = {
  schema: { title: 'quantity', type: 'string', pattern: '^0x(0|[1-9a-fA-F][0-9a-fA-F]{0,63})$' },
  parse(value) {
    const digits = hexDigits(value)
    if (digits === '') throw new InvalidParam('hex string "0x"')
    if (digits.length > 1 && digits.startsWith('0')) throw new InvalidParam('hex number with leading zero digits')
    if (digits.length > 64) throw new InvalidParam('hex number > 256 bits')
    return BigInt(`0x${digits}`)
  },
}

/** A quantity, or a plain JSON number as people type it. */
export const amount: ParamType<bigint> = {
  schema: { title: 'amount', anyOf: [quantity.schema, { type: 'integer', minimum: 0 }] },
  parse: (value) => (typeof value === 'number' ? BigInt(count.parse(value)) : quantity.parse(value)),
}

/** A small count: a quantity, or a plain JSON number as some clients send it. */
export const count: ParamType<number> = {
  schema: { title: 'count', anyOf: [quantity.schema, { type: 'integer', minimum: 0 }] },
  parse(value) {
    const parsed = typeof value === 'number' ? value : Number(quantity.parse(value))
    if (!Number.isSafeInteger(parsed) || parsed < 0) throw new InvalidParam('not a whole number up to 2^53 - 1')
    return parsed
  },
}

export const percentile: ParamType<number> = {
  schema: { title: 'percentile', type: 'number', minimum: 0, maximum: 100 },
  parse(value) {
    if (typeof value !== 'number' || !(value >= 0 && value <= 100)) throw new InvalidParam('not a number from 0 to 100')
    return value
  },
}

export const boolean: ParamType<boolean> = {
  schema: { type: 'boolean' },
  parse(value) {
    if (typeof value !== 'boolean') throw new InvalidParam('not a boolean')
    return value
  },
}

/** An id that this node has given out. */
export const text: ParamType<string> = {
  schema: { type: 'string' },
  parse(value) {
    if (typeof value !== 'string') throw new InvalidParam('not a string')
    return value
  },
}

/** Any number of bytes: the message's own limit bounds them, and the ledger's rules say what is too long. */
export const data: ParamType<Uint8Array> = {
  schema: { title: 'bytes', type: 'string', pattern: '^0x([0-9a-fA-F]{2})*$' },
  parse: hexBytes,
}

/** A storage slot: up to 32 bytes, since clients send both numbers and hashes. */
export const storageKey: ParamType<StorageKey> = {
  schema: { title: 'storage slot', type: 'string', pattern: '^0x[0-9a-fA-F]{0,64}$' },
  parse(value) {
    const digits = hexDigits(value)
    if (digits.length > 64) throw new InvalidParam('storage key longer than 32 bytes')
    const slot = fromHex(digits.padStart(64, '0'))
    return { slot, shown: `0x${digits}` }
  },
}

export interface StorageKey {
  /** 32 bytes. */
  readonly slot: Uint8Array
  /** As it was asked for: proofs name it so. */
  readonly shown: string
}

const TAGS: readonly string[] = ['latest', 'pending', 'earliest', 'safe', 'finalized'] satisfies BlockTag[]

function isTag(value: unknown): value is BlockTag {
  return typeof value === 'string' && TAGS.includes(value)
}

const blockNumberSchema = { title: 'block number or tag', anyOf: [quantity.schema, { enum: TAGS }] }

/** A block on the canonical chain. */
type CanonicalRef = Exclude<BlockRef, { readonly hash: Uint8Array }>

/** A block on the canonical chain: a number or a tag. */
export const blockNumber: ParamType<CanonicalRef> = {
  schema: blockNumberSchema,
  parse(value) {
    if (isTag(value)) return { tag: value }
    const number = quantity.parse(value)
    if (number > Number.MAX_SAFE_INTEGER) throw new InvalidParam('block number larger than 2^53 - 1')
    return { number: Number(number) }
  },
}

/** A block that must be the canonical one of its height where the caller asks for that (EIP-1898). */
export type StateRef = BlockRef & { readonly requireCanonical?: boolean }

export const LATEST: BlockRef = { tag: 'latest' }

/** A canonical block as Otterscan names it: it sends plain JSON numbers. */
export const looseBlockNumber: ParamType<BlockRef> = {
  schema: { title: 'block number or tag', anyOf: [blockNumberSchema, { type: 'integer', minimum: 0 }] },
  parse: (value) => (typeof value === 'number' ? { number: count.parse(value) } : blockNumber.parse(value)),
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new InvalidParam('not an object')
  return value as Readonly<Record<string, unknown>>
}

/** Whatever JSON there is, for members that are only looked for. */
export const anything: ParamType<unknown> = { schema: {}, parse: (value) => value }

/** What geth takes as a state for a call to run on; there is nothing to override where no code runs. */
export const noOverrides: ParamType<undefined> = {
  schema: { title: 'overrides, empty', type: 'object', maxProperties: 0 },
  parse(value) {
    if (Object.keys(record(value)).length > 0) throw new InvalidParam('overrides are not supported: no code runs')
  },
}

/** A bounded list. */
export function arrayOf<T>(item: ParamType<T>, maxItems: number): ParamType<readonly T[]> {
  return {
    schema: { type: 'array', items: item.schema, maxItems },
    parse(value) {
      if (!Array.isArray(value)) throw new InvalidParam('not an array')
      if (value.length > maxItems) throw new InvalidParam(`${value.length} items, limit ${maxItems}`, maxItems)
      return value.map((entry) => item.parse(entry))
    },
  }
}

/** An object; members without a type are ignored, since every wallet adds its own. */
export function object<P extends ParamTypes>(members: P): ParamType<ParamValues<P>> {
  const required = Object.keys(members).filter((name) => members[name]?.absent === undefined)
  return {
    schema: {
      type: 'object',
      required,
      properties: Object.fromEntries(Object.entries(members).map(([name, { schema }]) => [name, schema])),
    },
    parse(value) {
      const fields = record(value)
      const parsed = Object.entries(members).map(([name, type]) => {
        const member = fields[name]
        if (member !== undefined && member !== null) return [name, named(name, () => type.parse(member))]
        if (type.absent) return [name, type.absent.value]
        throw new InvalidParam(`${name} is missing`)
      })
      return Object.fromEntries(parsed) as ParamValues<P>
    },
  }
}

function named<T>(name: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    throw error instanceof InvalidParam ? new InvalidParam(`${name}: ${error.message}`, error.limit) : error
  }
}

const eip1898 = object({
  blockNumber: optional(blockNumber),
  blockHash: optional(hash32),
  requireCanonical: optional(boolean, false),
})

/** A block whose state is asked for: a number, a tag, a hash, or EIP-1898's object. */
export const blockRef: ParamType<StateRef> = {
  schema: {
    title: 'block number, tag or hash',
    anyOf: [
      blockNumberSchema,
      hash32.schema,
      { ...eip1898.schema, oneOf: [{ required: ['blockNumber'] }, { required: ['blockHash'] }] },
    ],
  },
  parse(value) {
    if (typeof value === 'string') {
      return value.length === 66 ? { hash: hash32.parse(value) } : blockNumber.parse(value)
    }
    const { blockNumber: ref, blockHash: hash, requireCanonical } = eip1898.parse(value)
    if (ref && hash) throw new InvalidParam('cannot specify both BlockHash and BlockNumber, choose one or the other')
    if (ref) return ref
    if (!hash) throw new InvalidParam('neither blockNumber nor blockHash given')
    return { hash, requireCanonical }
  },
}
