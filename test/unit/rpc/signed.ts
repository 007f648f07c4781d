import type { TransactionSerializable } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { fromHex } from '../../../src/primitives/bytes.ts'
import { decodeTransaction, type Transaction } from '../../../src/primitives/transaction.ts'
import { CHAIN_ID, SENDER_KEY } from './fake-backends.ts'

type Hex = `0x${string}`

interface Fields {
  readonly to: Hex
  readonly nonce?: number
  readonly gas?: bigint
  readonly value?: bigint
  readonly data?: Hex
  readonly gasPrice?: bigint
  readonly maxFeePerGas?: bigint
  readonly maxPriorityFeePerGas?: bigint
  readonly accessList?: readonly { readonly address: Hex; readonly storageKeys: readonly Hex[] }[]
  /** undefined, said aloud: not protected by EIP-155. */
  readonly chainId?: number | undefined
}

/** A transaction signed by viem, decoded by us. */
export async function signedByViem(fields: Fields): Promise<Transaction> {
  // viem tells the type of a transaction from the fields it is given; its types want that known beforehand.
  const request = { chainId: CHAIN_ID, gas: 21_000n, ...fields } as unknown as TransactionSerializable
  return decodeTransaction(fromHex(await privateKeyToAccount(SENDER_KEY).signTransaction(request)))
}
