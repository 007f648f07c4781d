import type { TransactionOffers } from '../chain/block-executor.ts'
import type { ChainEvent, ChainParams, Head, ImportOutcome } from '../chain/types.ts'
import type { Ancestry, Engine } from '../consensus/engine.ts'
import type { Block } from '../primitives/block.ts'
import type { Clock } from '../primitives/clock.ts'
import type { Header } from '../primitives/header.ts'
import type { RecoveredTransaction } from '../primitives/transaction.ts'
import type { TransactionSource } from './template.ts'

/** What the miner needs of the chain. */
export interface MinerChain {
  readonly params: ChainParams
  readonly head: Head
  /** What the child of a known block may look up. */
  ancestry(parentHash: Uint8Array): Ancestry | undefined
  /** @returns the unsubscription. */
  subscribe(listener: (event: ChainEvent) => void): () => void
  /**
   * Executes what `offers` brings on the parent's state; all of `header` that does not follow from it is final.
   * @returns the block, but for its seal. @throws StateUnavailableError, StoreError
   */
  build(header: Header, offers: TransactionOffers): Promise<{ readonly block: Block }>
  /** @throws BlockError, StoreError */
  import(block: Block): Promise<ImportOutcome>
}

interface MinerPool {
  /** Resolves when the pool has seen all heads so far. */
  settled(): Promise<void>
  best(baseFeePerGas: bigint): TransactionSource
  subscribe(listener: (changes: { readonly pending: readonly RecoveredTransaction[] }) => void): () => void
}

export type MinerEngine = Pick<
  Engine,
  'maxFutureSeconds' | 'sealsEmptyBlocks' | 'requiredMiner' | 'earliestTimestamp' | 'prepare' | 'seal'
>

interface MinerLog {
  info(message: string): void
  warn(message: string): void
}

export interface MinerComponents {
  readonly chain: MinerChain
  readonly pool: MinerPool
  readonly engine: MinerEngine
  readonly clock: Clock
  /** In [0, 1). */
  readonly random: () => number
  readonly log: MinerLog
  /** Unix seconds at which a child of the head should stand, if the engine allows it; absent: the clock's. */
  readonly timestamp?: (parent: Header) => number
  /** Hashes a second at the moment; absent where none are searched. */
  readonly hashrate?: () => number
}
