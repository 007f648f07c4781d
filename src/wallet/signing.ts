import { transactionHash } from '../crypto/hashes.ts'
import { isPrivateKey, signTransaction } from '../crypto/noble.ts'
import { toHex } from '../primitives/bytes.ts'
import type { TransactionFields } from '../primitives/transaction.ts'

export { isPrivateKey }

/** A transaction as nodes take it. */
export interface SignedTransaction {
  /** `0x` hex of the EIP-2718 encoding. */
  readonly raw: string
  /** `0x` hex of its keccak256, under which it is found. */
  readonly hash: string
}

/** @throws RangeError for a bad key, TxError `oversized`. */
export function sign(fields: TransactionFields, privateKey: Uint8Array): SignedTransaction {
  const transaction = signTransaction(fields, privateKey)
  return { raw: toHex(transaction.raw), hash: toHex(transactionHash(transaction)) }
}
