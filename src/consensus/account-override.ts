import { DecodeError } from '../primitives/errors.ts'
import { MAX_OVERRIDE_BALANCE, MAX_OVERRIDE_NONCE } from '../primitives/limits.ts'
import { encodeRlp, RlpReader } from '../primitives/rlp.ts'
import type { AccountOverride } from './engine.ts'

/** In the order of their codes. */
const FIELDS = ['balance', 'nonce'] as const satisfies readonly AccountOverride['field'][]

/** rlp([address, field, value]); field 0 is the balance, 1 the nonce. */
export function encodeOverride({ address, field, value }: AccountOverride): Uint8Array {
  return encodeRlp([address, FIELDS.indexOf(field), value])
}

/** @throws DecodeError */
export function decodeOverride(encoded: Uint8Array): AccountOverride {
  const outer = new RlpReader(encoded)
  const fields = outer.list()
  const address = fields.fixed(20, 'address').slice()
  const field = FIELDS[fields.number('field')]
  const value = fields.bigint(32, 'value')
  fields.end()
  outer.end()
  if (field === undefined) throw new DecodeError('override of an unknown field')
  if (value >= (field === 'balance' ? MAX_OVERRIDE_BALANCE : MAX_OVERRIDE_NONCE)) {
    throw new DecodeError(`override with a ${field} that is too large`)
  }
  return { address, field, value }
}

export function isOverride(encoded: Uint8Array): boolean {
  try {
    decodeOverride(encoded)
    return true
  } catch (error) {
    if (error instanceof DecodeError) return false
    throw error
  }
}
