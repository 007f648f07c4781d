import { signTransaction } from '../../src/crypto/noble.ts'
import { bigintToBytes } from '../../src/primitives/bytes.ts'
import type { Transaction, TransactionFields } from '../../src/primitives/transaction.ts'

export const TEST_CHAIN_ID = 1337n

/** Private key number `i`, from 1 on. */
export function testKey(i: number): Uint8Array {
  return bigintToBytes(BigInt(i), 32)
}

/** A plain transfer that breaks no rule, with `changes`. */
export function transferFields(changes: Partial<TransactionFields> = {}): TransactionFields {
  return {
    type: 2,
    chainId: TEST_CHAIN_ID,
    nonce: 0n,
    maxPriorityFeePerGas: 1_000_000_000n,
    maxFeePerGas: 2_000_000_000n,
    gasLimit: 21_000n,
    to: new Uint8Array(20).fill(0x11),
    value: 1n,
    data: new Uint8Array(0),
    accessList: [],
    ...changes,
  }
}

export function signedTransfer(changes: Partial<TransactionFields> = {}, key = testKey(1)): Transaction {
  return signTransaction(transferFields(changes), key)
}
