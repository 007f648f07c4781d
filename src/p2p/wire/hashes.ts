import { DecodeError } from '../../primitives/errors.ts'
import { encodeRlp } from '../../primitives/rlp.ts'
import { MAX_BLOCKS_ASKED, MAX_TRANSACTIONS_ASKED } from './limits.ts'
import { decodeMessage, readItems } from './message.ts'

/** Requests that are a list of 32-byte hashes, at least one. */
export function encodeHashes(hashes: readonly Uint8Array[]): Uint8Array {
  return encodeRlp(hashes)
}

/** What bodies and receipts are asked by. @throws DecodeError */
export function decodeBlockHashes(bytes: Uint8Array): Uint8Array[] {
  return decodeHashes(bytes, MAX_BLOCKS_ASKED)
}

/** What pooled transactions are asked by. @throws DecodeError */
export function decodeTransactionHashes(bytes: Uint8Array): Uint8Array[] {
  return decodeHashes(bytes, MAX_TRANSACTIONS_ASKED)
}

function decodeHashes(bytes: Uint8Array, max: number): Uint8Array[] {
  const hashes = decodeMessage(bytes, 4 + 33 * max, (fields) =>
    readItems(fields, max, (list) => list.fixed(32, 'hash').slice()),
  )
  if (hashes.length === 0) throw new DecodeError('no hash')
  return hashes
}
