import { EMPTY_CODE_HASH, EMPTY_TRIE_ROOT } from '../primitives/account.ts'
import { type Key, toKey } from '../primitives/bytes.ts'
import { rlpHeaderLength, writeRlpHeader } from '../primitives/rlp.ts'
import { pathItemLength, writePath } from '../trie/node.ts'
import type { Arena } from './arena.ts'

/** How an account's leaf is hashed. */
export const KEY_BYTES = 32
export const KEY_NIBBLES = 64

/** The longest account takes 2 + 9 + 33 + 2 * 33 bytes; what is longer is no account. */
export const MAX_VALUE_BYTES = 110
/** Room for a leaf's RLP: headers, path, value with its hashes. */
const LEAF_BYTES = 256
/** Leaves encoded before they are hashed together. */
export const LEAF_BATCH = 256
/** Encodings of a batch, then digests. */
export const SCRATCH_BYTES = LEAF_BATCH * (LEAF_BYTES + 32)

const EMPTY_HASHES: Key = `\xa0${toKey(EMPTY_TRIE_ROOT)}\xa0${toKey(EMPTY_CODE_HASH)}`

/** Where the `index`th leaf of a batch is encoded, and where its digest may go. */
export function leafScratchAt(arena: Arena, index: number): number {
  return arena.scratchAt + index * LEAF_BYTES
}

export function digestScratchAt(arena: Arena, index: number): number {
  return arena.scratchAt + LEAF_BATCH * LEAF_BYTES + 32 * index
}

/** Writes the RLP of the leaf of `key` that stands at `depth`; returns its length. `value` as in `account-value.ts`. */
export function writeLeaf(target: Uint8Array, offset: number, key: Key, depth: number, value: Key): number {
  const nibbles = KEY_NIBBLES - depth
  // Without the hashes the list is shorter than 56 bytes (at most 9 + 33), so its header is one byte, that of its
  // length. That byte is not hashed; with any other the value is written as it is, and the hash tells.
  const plain = value.charCodeAt(0) === 0xc0 + value.length - 1
  const fields = plain ? value.length - 1 + EMPTY_HASHES.length : 0
  const valueLength = plain ? rlpHeaderLength(fields) + fields : value.length
  const payload = pathItemLength(nibbles) + rlpHeaderLength(valueLength) + valueLength
  let at = writeRlpHeader(target, offset, payload, 0xc0)
  at = writePath(target, at, key, depth, nibbles, 0x20)
  at = writeRlpHeader(target, at, valueLength, 0x80)
  if (plain) {
    at = writeRlpHeader(target, at, fields, 0xc0)
    at = writeBytes(target, at, value, 1)
    at = writeBytes(target, at, EMPTY_HASHES, 0)
  } else at = writeBytes(target, at, value, 0)
  return at - offset
}

/** Writes `key` from byte `from` on; returns the offset after it. For short keys: a native call costs more. */
export function writeBytes(target: Uint8Array, offset: number, key: Key, from: number): number {
  let at = offset
  for (let i = from; i < key.length; i++) target[at++] = key.charCodeAt(i)
  return at
}
