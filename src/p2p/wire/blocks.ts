import { decodeTransactions } from '../../primitives/block.ts'
import { DecodeError, TxError } from '../../primitives/errors.ts'
import { decodeStoredReceipts, type Receipt } from '../../primitives/receipt.ts'
import type { Transaction } from '../../primitives/transaction.ts'

/** Everything of a block but its header. */
export interface Body {
  readonly transactions: readonly Transaction[]
  /** `encodeTransactions(transactions)`: as it stands in the block, is stored, and travels. */
  readonly encoded: Uint8Array
}

/** One body of an answer. Cost: views into `bytes`. @throws DecodeError */
export function decodeBody(bytes: Uint8Array): Body {
  const encoded = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
  try {
    return { transactions: decodeTransactions(encoded), encoded }
  } catch (error) {
    if (error instanceof TxError) throw new DecodeError(error.message)
    throw error
  }
}

/**
 * One block's receipts of an answer, in the form in which they are stored: what follows from the body (types) or from
 * the rest (blooms) does not travel.
 * @param types  of the block's transactions, in order. @throws DecodeError
 */
export function decodeReceipts(bytes: Uint8Array, types: readonly (0 | 1 | 2)[]): Receipt[] {
  return decodeStoredReceipts(bytes, types)
}
