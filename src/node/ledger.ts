import { availableParallelism } from 'node:os'
import { Chain } from '../chain/chain.ts'
import type { Genesis } from '../chain/genesis.ts'
import type { StateKeeperOptions } from '../chain/state-keeper.ts'
import type { Head } from '../chain/types.ts'
import type { Engine } from '../consensus/engine.ts'
import type { Evidence } from '../consensus/evidence.ts'
import type { BlockSigner } from '../consensus/poa.ts'
import type { NonceSearch } from '../consensus/pow.ts'
import { loadRecovery } from '../crypto/load-recovery.ts'
import { RecoveryPool } from '../crypto/recovery-pool.ts'
import type { Key } from '../primitives/bytes.ts'
import type { Clock } from '../primitives/clock.ts'
import type { RecoveredTransaction, Transaction } from '../primitives/transaction.ts'
import type { Database } from '../store/database.ts'
import { closeDatabase, openDatabase } from './data-directory.ts'
import { createEngine, signerRecovery } from './engine.ts'
import { LastHead } from './last-head.ts'
import type { Logger } from './logger.ts'
import { sealRecords } from './seal-records.ts'
import { type Recovered, recoverSenders } from './senders.ts'
import { createPacer } from './system.ts'

export interface LedgerOptions {
  readonly datadir: string
  readonly genesis: Genesis
  /** A development network: blocks may be ahead of the clock. */
  readonly dev: boolean
  /** How much of the state stays in memory. */
  readonly stateKeeping?: Partial<StateKeeperOptions>
}

export interface LedgerComponents {
  readonly clock: Clock
  readonly logger: Logger
  /** Transactions whose senders need no recovery. */
  readonly known?: (hashKey: Key) => RecoveredTransaction | undefined
  /** Only in a node that makes blocks. */
  readonly nonceSearch?: NonceSearch | undefined
  readonly signer?: BlockSigner | undefined
}

/** The chain on its database, with what judging blocks takes. */
export interface Ledger {
  readonly database: Database
  readonly engine: Engine
  readonly chain: Chain
  readonly recover: (transactions: readonly Transaction[]) => Promise<readonly Recovered[]>
  /**
   * Starts the threads that recover senders, which else happens when the first are to be recovered. Resolves when they can
   * be; rejects if they never can.
   */
  startRecovery(): Promise<void>
  /** Goes back to an earlier canonical block: see `Chain.rewind`. @returns false if there is none. @throws StoreError. */
  rewind(number: number): Promise<boolean>
  /** Writes what is under way and lets the directory go. */
  close(): Promise<void>
}

/**
 * Opens the ledger in a data directory, made from the genesis if it is empty.
 * @throws StoreError if the directory cannot be used; GenesisError if no engine is for this genesis.
 */
export async function openLedger(options: LedgerOptions, components: LedgerComponents): Promise<Ledger> {
  const { datadir, genesis, dev, stateKeeping } = options
  const { clock, logger, known, nonceSearch, signer } = components
  const local = await loadRecovery()
  const database = await openDatabase(datadir)
  // Not before somebody needs them: on two cores they would take one from a start, which needs no signature.
  let starting: Promise<RecoveryPool> | undefined
  const workers = () => {
    starting ??= RecoveryPool.start({ threads: availableParallelism() })
    return starting
  }
  const stopRecovery = () => starting?.then((pool) => pool.stop()).catch(() => undefined)
  const recover = async (transactions: readonly Transaction[]) => (await workers()).recover(transactions)
  try {
    const engine = createEngine({ dev }, genesis, {
      clock,
      nonceSearch,
      signer,
      sealRecords: sealRecords(database),
      recoverSigner: signerRecovery(local),
      recoverSigners: async (signed) => (await workers()).recoverSigners(signed),
      onEvidence: (evidence) => logger.warn(describeEvidence(evidence)),
    })
    const chain = await Chain.open(
      { genesis, ...stateKeeping },
      {
        database,
        engine,
        clock,
        pacer: createPacer(),
        recover: (transactions) => (known ? recoverSenders(transactions, { known, recover }) : recover(transactions)),
      },
    )
    const lastHead = await LastHead.open(datadir, chain.store)
    lastHead.write(chain.head)
    let newest: Head | undefined
    const tellFile = () => {
      try {
        lastHead.write(newest!)
      } catch (error) {
        database.fail(error)
      }
      newest = undefined
    }
    chain.subscribe((event) => {
      if (event.type !== 'head') return
      // Blocks that were written together are announced in one turn: the last of them is enough.
      if (newest === undefined) queueMicrotask(tellFile)
      newest = event.head
    })
    logger.info('ledger opened', {
      datadir,
      engine: engine.name,
      chainId: chain.params.chainId,
      head: chain.head.header.number,
    })
    return {
      database,
      engine,
      chain,
      recover,
      startRecovery: async () => {
        const { backend } = await workers()
        logger.debug('recovery threads are ready', { backend })
      },
      // The file first: it may name less than the database has, never more.
      rewind: (number) => chain.rewind(number, (head) => lastHead.write(head, { sync: true })),
      async close() {
        try {
          await chain.close()
        } finally {
          await stopRecovery()
          lastHead.close()
          await closeDatabase(datadir, database)
        }
      },
    }
  } catch (error) {
    await stopRecovery()
    await closeDatabase(datadir, database)
    throw error
  }
}

function describeEvidence(evidence: Evidence): string {
  switch (evidence.kind) {
    case 'double-seal':
      return `a signer has sealed two blocks at height ${evidence.later.header.number}`
    case 'conflicting-seals':
      return `a signer has sealed block ${evidence.later.header.number} against finalized block ${evidence.finalized.header.number}`
    case 'conflicting-final':
      return 'two conflicting blocks are final: more than a third of the signers contradict themselves; sealing stops'
  }
}
