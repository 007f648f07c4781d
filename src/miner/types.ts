import type { ChainParams, Head, HeadEvent, ImportOutcome } from '../chain/types.ts'
import type { Ancestry, Engine } from '../consensus/engine.ts'
import type { Clock } from '../primitives/clock.ts'
import type { Header } from '../primitives/header.ts'
import type { RecoveredTransaction } from '../primitives/transaction.ts'
import type { TransactionSource } from './template.ts'

export interface BuildRequest {
  readonly parent: Head
  /** All but what execution establishes: roots, bloom and gas used are to be filled in, nothing else changed. */
  readonly header: Header
  /**
   * Transactions to execute, in this order; they fit the block's gas and size. One that does not apply is answered with
   * `skipSender`; each other one counts as included.
   */
  readonly candidates: TransactionSource
}

/** A block that lacks its seal only. */
export interface BuiltBlock {
  readonly header: Header
  readonly transactions: readonly RecoveredTransaction[]
}

/** What the miner needs of the chain. `Built` is whatever the chain wants to find again when the sealed block comes back. */
export interface MinerChain<Built extends BuiltBlock> {
  readonly params: Pick<ChainParams, 'gasLimitTarget' | 'maxGasLimit' | 'maxBlockBytes'>
  head(): Head
  /** Wei per gas of the head's child. */
  nextBaseFee(): bigint
  /** What the child of the block `parentHash` may look up. */
  ancestry(parentHash: Uint8Array): Ancestry
  subscribe(listener: (event: HeadEvent) => void): () => void
  /** Executes the candidates on the parent's state. @throws StateUnavailableError, StoreError */
  build(request: BuildRequest): Promise<Built>
  /** `header` is that of `built` with its seal. @throws BlockError, StoreError */
  importSealed(built: Built, header: Header): Promise<ImportOutcome>
}

export interface MinerPool {
  /** Resolves when the pool has seen all heads so far. */
  settled(): Promise<void>
  best(baseFeePerGas: bigint): TransactionSource
  subscribe(listener: (changes: { readonly pending: readonly RecoveredTransaction[] }) => void): () => void
}

export interface MinerEngine extends Pick<Engine, 'maxFutureSeconds' | 'earliestTimestamp' | 'prepare' | 'seal'> {
  /** Whether to seal without transactions; false: the miner waits for one. */
  readonly sealsEmptyBlocks: boolean
  /** Address that `miner` must hold in headers given to `seal`; undefined: the operator chooses. */
  readonly requiredMiner: Uint8Array | undefined
}

export interface MinerLog {
  info(message: string): void
  warn(message: string): void
}

export interface MinerComponents<Built extends BuiltBlock> {
  readonly chain: MinerChain<Built>
  readonly pool: MinerPool
  readonly engine: MinerEngine
  readonly clock: Clock
  /** In [0, 1). */
  readonly random: () => number
  readonly log: MinerLog
  /** Hashes a second at the moment; absent where none are searched. */
  readonly hashrate?: () => number
}
