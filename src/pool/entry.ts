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

/** @param baseFee wei per gas, for `tip`. */
export function createEntry(given: RecoveredTransaction, hashKey: Key, arrival: number, baseFee: bigint): PoolEntry {
  const recovered = detached(given)
  const { tx } = recovered
  return {
    recovered,
    hashKey,
    cost: transactionCost(recovered),
    slots: Math.ceil(tx.raw.length / SLOT_BYTES),
    sizeBytes: tx.raw.length,
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

/** Bytes views into a block or a bundle would keep all of it in memory for as long as one of its transactions stays here. */
function detached(recovered: RecoveredTransaction): RecoveredTransaction {
  const { tx, hash, sender } = recovered
  if (ownsMemory(tx.raw) && ownsMemory(hash) && ownsMemory(sender)) return recovered
  return {
    ...recovered,
    tx: ownsMemory(tx.raw) ? tx : decodeTransaction(new Uint8Array(tx.raw)),
    hash: new Uint8Array(hash),
    sender: new Uint8Array(sender),
  }
}

function ownsMemory(bytes: Uint8Array): boolean {
  return bytes.buffer.byteLength === bytes.length
}
