import type { RecoverSenders } from '../../src/chain/importer.ts'
import { checkLedgerRules, checkTransactionStateless } from '../../src/chain/transaction-rules.ts'
import { PoolJournal } from '../../src/pool/journal.ts'
import { DEFAULT_POOL_OPTIONS } from '../../src/pool/limits.ts'
import { TransactionPool } from '../../src/pool/pool.ts'
import { MemoryJournalStore } from '../support/memory-journal-store.ts'
import type { NodeChain } from './node-chain.ts'
import type { VirtualClock } from './virtual-clock.ts'

/** A node's pool, with everything but its disk. */
export function createPool(
  chain: NodeChain,
  chainId: bigint,
  clock: VirtualClock,
  recover: RecoverSenders,
): TransactionPool {
  return new TransactionPool(DEFAULT_POOL_OPTIONS, {
    chain,
    clock,
    journal: new PoolJournal({ store: new MemoryJournalStore() }),
    checkRules: (tx) => {
      checkTransactionStateless(tx, chainId)
      checkLedgerRules(tx)
    },
    recover,
    pause: () => undefined,
    onError: (error) => {
      throw error
    },
  })
}
