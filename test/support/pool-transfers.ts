import { transactionHash } from '../../src/crypto/hashes.ts'
import { keccak256Key } from '../../src/crypto/keccak.ts'
import {
  assembleTransaction,
  type RecoveredTransaction,
  type TransactionFields,
} from '../../src/primitives/transaction.ts'

export const GWEI = 1_000_000_000n
export const COIN = GWEI * GWEI
const CHAIN_ID = 1337n

/** Address number `i`. */
export function address(i: number): Uint8Array {
  const bytes = new Uint8Array(20).fill(0xaa)
  new DataView(bytes.buffer).setUint32(0, i)
  return bytes
}

export interface Transfer extends Partial<Omit<TransactionFields, 'nonce'>> {
  /** Number of the sender's address. */
  readonly from: number
  readonly nonce?: number | bigint
  /** Gwei per gas, for both fees. */
  readonly gwei?: number
}

/** A transfer as it is after recovery. The signature is none: the pool never looks at it. */
export function transfer({ from, nonce = 0, gwei = 2, ...fields }: Transfer): RecoveredTransaction {
  const fee = BigInt(Math.round(gwei * 1e9))
  const tx = assembleTransaction(
    {
      type: 2,
      chainId: CHAIN_ID,
      maxPriorityFeePerGas: fee,
      maxFeePerGas: fee,
      gasLimit: 21_000n,
      to: address(1_000_000),
      value: 1n,
      data: new Uint8Array(0),
      accessList: [],
      ...fields,
      nonce: BigInt(nonce),
    },
    // Tells the senders apart.
    { r: BigInt(from) + 1n, s: 1n, yParity: 0 },
  )
  const sender = address(from)
  return {
    tx,
    hash: transactionHash(tx),
    sender,
    senderKey: keccak256Key(sender),
    recipientKey: tx.to === undefined ? '' : keccak256Key(tx.to),
  }
}
