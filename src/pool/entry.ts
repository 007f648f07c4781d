import type { Key } from '../primitives/bytes.ts'
import { decodeTransaction, effectiveTip, type RecoveredTransaction } from '../primitives/transaction.ts'
import { SLOT_BYTES } from './limits.ts'

/** A transaction as the pool holds it. */
export interface PoolEntry {
  readonly recovered: RecoveredTransaction
  readonly hashKey: Key
  /** Wei: the most it can take from its sender. */
  readonly cost: bigint
  readonly slots: number
  readonly sizeBytes: number
  /** Place in the order of arrival; the earlier of two with equal tips goes first. */
  readonly arrival: number
  /** Wei per gas for the miner at the base fee that the pool last priced with. */
  tip: number
}

/** Whose transactions share these. */
type Account = Pick<RecoveredTransaction, 'sender' | 'senderKey'>

/** What the pool knows of a transaction besides: where it has been put. `account` is its sender's. */
type Placing = Pick<PoolEntry, 'hashKey' | 'cost' | 'arrival'> & { readonly account: Account }

/** @param baseFee wei per gas, for `tip`. */
export function createEntry(
  recovered: RecoveredTransaction,
  { hashKey, cost, account, arrival }: Placing,
  baseFee: bigint,
): PoolEntry {
  const { length } = recovered.tx.raw
  return {
    recovered: detached(recovered, account),
    hashKey,
    cost,
    slots: Math.ceil(length / SLOT_BYTES),
    sizeBytes: length,
    arrival,
    tip: tipAt(recovered, baseFee),
  }
}

/** Wei: value and all gas at the fee cap. */
export function transactionCost({ tx }: RecoveredTransaction): bigint {
  return tx.value + tx.gasLimit * tx.maxFeePerGas
}

/** For ordering only: above 2^53 wei per gas (9 million gwei) neighbouring tips may compare as equal. */
export function tipAt({ tx }: RecoveredTransaction, baseFee: bigint): number {
  return Number(effectiveTip(tx, baseFee))
}

/**
 * Nothing of it is a view into a block or a bundle, all of which would stay in memory for as long as one of its
 * transactions is here. `account` is shared: small arrays of bytes take ten times what they hold.
 */
export function detached({ tx, hash, recipientKey }: RecoveredTransaction, account: Account): RecoveredTransaction {
  return {
    tx: ownsMemory(tx.raw) ? tx : decodeTransaction(new Uint8Array(tx.raw)),
    hash: ownsMemory(hash) ? hash : new Uint8Array(hash),
    sender: account.sender,
    senderKey: account.senderKey,
    recipientKey,
  }
}

function ownsMemory(bytes: Uint8Array): boolean {
  return bytes.buffer.byteLength === bytes.length
}
