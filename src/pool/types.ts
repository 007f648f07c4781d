import type { RecoverSenders } from '../chain/importer.ts'
import type { ChainEvent, Head } from '../chain/types.ts'
import type { Account } from '../primitives/account.ts'
import type { Key } from '../primitives/bytes.ts'
import type { Clock } from '../primitives/clock.ts'
import type { TxError } from '../primitives/errors.ts'
import type { Header } from '../primitives/header.ts'
import type { RecoveredTransaction, Transaction } from '../primitives/transaction.ts'
import type { PoolJournal } from './journal.ts'

/** What the pool needs of the chain. */
interface PoolChain {
  readonly head: Head
  /** Accounts after a block, in the order of `keys` (keccak256 of the address). @throws StoreError */
  accounts(keys: readonly Key[], blockHash: Uint8Array): Promise<readonly (Account | undefined)[]>
  /** @returns the unsubscription. */
  subscribe(listener: (event: ChainEvent) => void): () => void
  /** Address of the account that the block of `header` sets, where the engine has such blocks. */
  overridden(header: Header): Uint8Array | undefined
}

export interface PoolComponents {
  readonly chain: PoolChain
  readonly clock: Clock
  readonly journal: PoolJournal
  /** The ledger's rules for a transaction by itself. @throws TxError */
  readonly checkRules: (tx: Transaction) => void
  /** For transactions from the journal. */
  readonly recover: RecoverSenders
  /** Between two blocks of a reorg: lets other work of the thread run, where this has had it for long. */
  readonly pause: () => Promise<void> | undefined
  /** Told of operational failures that no caller waits for. */
  readonly onError: (error: unknown) => void
}

/**
 * Where a transaction comes from. What a client has handed in (`local`) is on disk before it is acknowledged; the rules
 * are the same for all.
 */
export type Origin = 'local' | 'remote' | 'reorg' | 'journal'

/** Why a transaction was refused; undefined: admitted. */
export type AddResult = TxError | undefined

/** A sender's transactions, each list in nonce order. */
export interface SenderContent {
  /** 20 bytes. */
  readonly sender: Uint8Array
  readonly pending: readonly RecoveredTransaction[]
  readonly queued: readonly RecoveredTransaction[]
}

export type DropReason =
  | 'mined'
  /** Another transaction with its nonce was mined. */
  | 'stale'
  | 'replaced'
  /** For one that pays better, or because its account has too many. */
  | 'evicted'
  | 'expired'
  /** The balance fell, in a reorg or through a transaction that was not here. */
  | 'unpayable'
  /** Asks for more gas than a block has now. */
  | 'gas-above-block'
  /** The operator wanted it. */
  | 'discarded'

interface DroppedTransaction {
  readonly hashKey: Key
  readonly recovered: RecoveredTransaction
  readonly reason: DropReason
}

/** What operations did to the pool, in order. */
export interface PoolChanges {
  /** Became minable: admitted as such, or the gap before them closed. */
  readonly pending: RecoveredTransaction[]
  readonly dropped: DroppedTransaction[]
}
