import { DecodeError } from '../../primitives/errors.ts'
import { encodeRlp } from '../../primitives/rlp.ts'
import { MAX_INDEXES } from './limits.ts'
import { decodeMessage, readItems } from './message.ts'

/** Some of a block's transactions: those that whoever rebuilds it from a compact block lacks. */
export interface BlockTransactionsRequest {
  /** 32 bytes. */
  readonly blockHash: Uint8Array
  /** Rising, at least one; from 0. */
  readonly indexes: readonly number[]
}

/** Bytes of the longest request; an index takes 3 or 4. */
export const MAX_BLOCK_TRANSACTIONS_REQUEST_BYTES = 64 + 4 * MAX_INDEXES

export function encodeBlockTransactionsRequest({ blockHash, indexes }: BlockTransactionsRequest): Uint8Array {
  return encodeRlp([blockHash, indexes])
}

/** @throws DecodeError */
export function decodeBlockTransactionsRequest(bytes: Uint8Array): BlockTransactionsRequest {
  return decodeMessage(bytes, MAX_BLOCK_TRANSACTIONS_REQUEST_BYTES, (fields) => {
    const blockHash = fields.fixed(32, 'blockHash').slice()
    let last = -1
    const indexes = readItems(fields.list(), MAX_INDEXES, (list) => {
      const index = list.number('index')
      if (index <= last) throw new DecodeError(`index ${index} after ${last}`)
      last = index
      return index
    })
    if (indexes.length === 0) throw new DecodeError('no index')
    return { blockHash, indexes }
  })
}
