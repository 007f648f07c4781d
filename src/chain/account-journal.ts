import { type Key, keyAt, writeKey } from '../primitives/bytes.ts'
import { DecodeError } from '../primitives/errors.ts'
import { KEY_BYTES, writeBytes } from '../state/account-leaf.ts'
import type { AccountValue } from '../state/account-value.ts'

/** What a block did to one account, in the state's own form: enough to do it again or to undo it. */
export interface AccountStep {
  readonly key: Key
  readonly before: AccountValue | undefined
  readonly after: AccountValue | undefined
}

/** An empty RLP string stands for no account; values are RLP lists, so they end by themselves. */
const NONE = '\x80'

const NO_VALUE = 0x80

/** A block's steps one after the other: key (32 bytes), value before, value after. */
export function encodeSteps(steps: readonly AccountStep[]): Uint8Array {
  let length = 0
  for (const { before, after } of steps) length += KEY_BYTES + (before ?? NONE).length + (after ?? NONE).length
  const encoded = new Uint8Array(length)
  let at = 0
  for (const { key, before, after } of steps) {
    writeKey(encoded, key, at)
    at = writeBytes(encoded, at + KEY_BYTES, before ?? NONE, 0)
    at = writeBytes(encoded, at, after ?? NONE, 0)
  }
  return encoded
}

/** A block's steps as they lie on disk, found by where they begin: a start has some hundred thousand to look through. */
export class AccountJournal {
  readonly #encoded: Uint8Array
  /** Steps in it. */
  readonly count: number

  /** @throws DecodeError. */
  constructor(encoded: Uint8Array) {
    let count = 0
    for (let at = 0; at < encoded.length; count++) at = stepEnd(encoded, at)
    this.#encoded = encoded
    this.count = count
  }

  get sizeBytes(): number {
    return this.#encoded.length
  }

  /** Where the step after the one at `at` begins; `sizeBytes` after the last. */
  next(at: number): number {
    return stepEnd(this.#encoded, at)
  }

  /** The first 32 bits of the key of the step at `at`. */
  keyStart(at: number): number {
    const encoded = this.#encoded
    return ((encoded[at]! << 24) | (encoded[at + 1]! << 16) | (encoded[at + 2]! << 8) | encoded[at + 3]!) >>> 0
  }

  key(at: number): Key {
    return keyAt(this.#encoded, at, at + KEY_BYTES)
  }

  hasKey(at: number, key: Key): boolean {
    for (let i = 0; i < KEY_BYTES; i++) if (this.#encoded[at + i] !== key.charCodeAt(i)) return false
    return true
  }

  /** Whether the step at `at` is of the same account as one of another journal. */
  hasKeyOf(at: number, other: AccountJournal, otherAt: number): boolean {
    for (let i = 0; i < KEY_BYTES; i++) if (this.#encoded[at + i] !== other.#encoded[otherAt + i]) return false
    return true
  }

  value(at: number, side: 'before' | 'after'): AccountValue | undefined {
    const start = side === 'before' ? at + KEY_BYTES : valueEnd(this.#encoded, at + KEY_BYTES)
    return this.#encoded[start] === NO_VALUE ? undefined : keyAt(this.#encoded, start, valueEnd(this.#encoded, start))
  }
}

function stepEnd(encoded: Uint8Array, at: number): number {
  const end = valueEnd(encoded, valueEnd(encoded, at + KEY_BYTES))
  if (end > encoded.length) throw new DecodeError('account journal ends early')
  return end
}

/** Behind the value that begins at `at`. By hand: a reader for each takes longer than all the rest. */
function valueEnd(encoded: Uint8Array, at: number): number {
  const first = encoded[at] ?? NO_VALUE
  if (first === NO_VALUE) return at + 1
  if (first >= 0xc0 && first < 0xf8) return at + 1 + first - 0xc0
  if (first === 0xf8) return at + 2 + (encoded[at + 1] ?? 0)
  throw new DecodeError('account journal holds what is no account')
}
