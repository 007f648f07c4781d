import { DecodeError, TxError } from '../../primitives/errors.ts'
import { encodeRlp, type RlpReader, rlpHeaderLength } from '../../primitives/rlp.ts'
import { decodeTransaction, type Transaction } from '../../primitives/transaction.ts'
import {
  MAX_BUNDLE_BYTES,
  MAX_BUNDLE_TRANSACTIONS,
  MAX_INDEXES,
  MAX_RESPONSE_BYTES,
  MAX_TRANSACTIONS_ASKED,
} from './limits.ts'
import { decodeMessage, readItems } from './message.ts'

/**
 * Transactions as they travel: a list of byte strings, each an EIP-2718 encoding.
 * @param raws  each transaction's `raw`.
 */
export function encodeTransactionList(raws: readonly Uint8Array[]): Uint8Array {
  return encodeRlp(raws)
}

/** Bytes that a transaction of `rawLength` bytes takes in a list. */
export function transactionItemLength(rawLength: number): number {
  return rlpHeaderLength(rawLength) + rawLength
}

/**
 * What the `tx` topic carries. Checks form only: signatures are the receiver's to recover, and to pay for. @throws DecodeError
 */
export function decodeTransactionBundle(bytes: Uint8Array): Transaction[] {
  return decodeList(bytes, countBundle(bytes))
}

/** The transactions of a bundle, by its outer form alone: decoding them has to be paid for first. @throws DecodeError */
export function countBundle(bytes: Uint8Array): number {
  const max = bytes.length > MAX_BUNDLE_BYTES ? 1 : MAX_BUNDLE_TRANSACTIONS
  const { length } = decodeMessage(bytes, MAX_RESPONSE_BYTES, (fields) => readItems(fields, max, () => fields.skip()))
  if (length === 0) throw new DecodeError('an empty bundle')
  return length
}

/** The answer to a request for pooled transactions. @throws DecodeError */
export function decodePooledTransactions(bytes: Uint8Array): Transaction[] {
  return decodeList(bytes, MAX_TRANSACTIONS_ASKED)
}

/** The answer to a request for transactions of a block. @throws DecodeError */
export function decodeBlockTransactions(bytes: Uint8Array): Transaction[] {
  return decodeList(bytes, MAX_INDEXES)
}

function decodeList(bytes: Uint8Array, max: number): Transaction[] {
  return decodeMessage(bytes, MAX_RESPONSE_BYTES, (fields) => readItems(fields, max, readTransaction))
}

/**
 * The next item, a transaction in bytes of its own: as a view, one that is kept would keep everything it came with.
 * @throws DecodeError, also for what the ledger's own decoder calls by a code.
 */
export function readTransaction(list: RlpReader): Transaction {
  try {
    return decodeTransaction(list.bytes().slice())
  } catch (error) {
    if (error instanceof TxError) throw new DecodeError(error.message)
    throw error
  }
}
