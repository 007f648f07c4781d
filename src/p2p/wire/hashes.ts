import { DecodeError } from '../../primitives/errors.ts'
import { encodeRlp } from '../../primitives/rlp.ts'
import { MAX_BLOCKS_ASKED, MAX_TRANSACTIONS_ASKED } from './limits.ts'
import { decodeMessage, readItems } from './message.ts'

const listBytes = (hashes: number) => 4 + 33 * hashes

/** Bytes of the longest requests. */
export const MAX_BLOCK_HASHES_BYTES = listBytes(MAX_BLOCKS_ASKED)
export const MAX_TRANSACTION_HASHES_BYTES = listBytes(MAX_TRANSACTIONS_ASKED)

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
  const hashes = decodeMessage(bytes, listBytes(max), (fields) =>
    readItems(fields, max, (list) => list.fixed(32, 'hash').slice()),
  )
  if (hashes.length === 0) throw new DecodeError('no hash')
  return hashes
}
