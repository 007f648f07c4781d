import { keccak256 } from '../crypto/keccak.ts'
import { equalBytes, toKey } from '../primitives/bytes.ts'
import { DecodeError, TxError } from '../primitives/errors.ts'
import type { Header } from '../primitives/header.ts'
import { decodeReceipt, type Receipt } from '../primitives/receipt.ts'
import { decodeTransaction, type Transaction } from '../primitives/transaction.ts'
import { verifyOrdered } from '../trie/ordered.ts'
import { ProofError } from './proof-error.ts'

/** Where a transaction stands, and trie nodes from the block's roots down that show it. */
export interface Inclusion {
  /** 32 bytes. */
  readonly blockHash: Uint8Array
  readonly number: number
  /** The transaction's place in the block. */
  readonly index: number
  readonly transaction: readonly Uint8Array[]
  readonly receipt: readonly Uint8Array[]
  /** Of the receipt one place before, from which the gas that this transaction used by itself follows; none at place 0. */
  readonly receiptBefore: readonly Uint8Array[]
}

export interface ProvenTransaction {
  readonly transaction: Transaction
  readonly receipt: Receipt
  /** Gas that the transaction used by itself. */
  readonly gasUsed: bigint
}

/**
 * What an inclusion shows, against the header of its block, which the caller trusts.
 * @param transactionHash  32 bytes: the one asked for. @throws ProofError. Cost: one hash a node.
 */
export function verifyInclusion(header: Header, transactionHash: Uint8Array, inclusion: Inclusion): ProvenTransaction {
  const { index, number } = inclusion
  const { transactionsRoot, receiptsRoot } = header
  const transaction = proven(transactionsRoot, index, inclusion.transaction, decodeTransaction)
  if (!equalBytes(keccak256(transaction.raw), transactionHash)) {
    throw new ProofError('other-transaction', `place ${index} of block ${number}`)
  }
  const receipt = proven(receiptsRoot, index, inclusion.receipt, decodeReceipt)
  const gasBefore =
    index === 0 ? 0n : proven(receiptsRoot, index - 1, inclusion.receiptBefore, decodeReceipt).cumulativeGasUsed
  return { transaction, receipt, gasUsed: receipt.cumulativeGasUsed - gasBefore }
}

function proven<T>(root: Uint8Array, index: number, proof: readonly Uint8Array[], decode: (bytes: Uint8Array) => T): T {
  try {
    const value = verifyOrdered(toKey(root), index, proof)
    if (value !== undefined) return decode(value)
  } catch (error) {
    if (!(error instanceof DecodeError || error instanceof TxError)) throw error
    throw new ProofError('not-in-block', error.message)
  }
  throw new ProofError('not-in-block', `the block has no place ${index}`)
}
