import { transactionHash } from '../crypto/hashes.ts'
import { type Key, toKey } from '../primitives/bytes.ts'
import type { TxError } from '../primitives/errors.ts'
import type { RecoveredTransaction, Transaction } from '../primitives/transaction.ts'

export type Recovered = RecoveredTransaction | TxError

export interface SenderSources {
  /** Transactions recovered before, as the pool's are: most of a block's have been there. */
  readonly known: (hashKey: Key) => RecoveredTransaction | undefined
  readonly recover: (transactions: readonly Transaction[]) => Promise<readonly Recovered[]>
}

/** Senders in the order of `transactions`, recovering only those that are not known. Cost of a known one: its hash. */
export async function recoverSenders(
  transactions: readonly Transaction[],
  { known, recover }: SenderSources,
): Promise<readonly Recovered[]> {
  const found = transactions.map((tx) => known(toKey(transactionHash(tx))))
  const missing = transactions.filter((_, index) => found[index] === undefined)
  const recovered = await recover(missing)
  let next = 0
  return found.map((transaction) => transaction ?? recovered[next++]!)
}
