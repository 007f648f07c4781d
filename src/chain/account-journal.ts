import { type Key, keyAt, writeKey } from '../primitives/bytes.ts'
import { DecodeError } from '../primitives/errors.ts'
import { RlpReader } from '../primitives/rlp.ts'
import { writeBytes } from '../state/account-leaf.ts'
import type { AccountValue } from '../state/account-value.ts'

/** What a block did to one account, in the state's own form: enough to do it again or to undo it. */
export interface AccountStep {
  readonly key: Key
  readonly before: AccountValue | undefined
  readonly after: AccountValue | undefined
}

/** An empty RLP string stands for no account; values are RLP lists, so they end by themselves. */
const NONE = '\x80'

/** A block's steps one after the other: key (32 bytes), value before, value after. */
export function encodeSteps(steps: readonly AccountStep[]): Uint8Array {
  let length = 0
  for (const { before, after } of steps) length += 32 + (before ?? NONE).length + (after ?? NONE).length
  const encoded = new Uint8Array(length)
  let at = 0
  for (const { key, before, after } of steps) {
    writeKey(encoded, key, at)
    at = writeBytes(encoded, at + 32, before ?? NONE, 0)
    at = writeBytes(encoded, at, after ?? NONE, 0)
  }
  return encoded
}

/** @throws DecodeError. */
export function decodeSteps(encoded: Uint8Array): AccountStep[] {
  const steps: AccountStep[] = []
  let at = 0
  const value = (): AccountValue | undefined => {
    const length = new RlpReader(encoded, at).raw().length
    const read = keyAt(encoded, at, at + length)
    at += length
    return read === NONE ? undefined : read
  }
  while (at < encoded.length) {
    if (at + 32 > encoded.length) throw new DecodeError('account journal ends early')
    const key = keyAt(encoded, at, at + 32)
    at += 32
    steps.push({ key, before: value(), after: value() })
  }
  return steps
}
