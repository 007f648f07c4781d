import type { Header } from '../primitives/header.ts'
import type { Branch } from './branch.ts'

/** Parameters of a network that its genesis.json fixes (`config` and `config.idobata` there). */
export interface ChainParams {
  readonly chainId: bigint
  /** Gas; headers above it are invalid. */
  readonly maxGasLimit: bigint
  /** Gas; what this network's miners steer towards. */
  readonly gasLimitTarget: bigint
  /** Bytes of an encoded block; undefined: no bound (Ethereum's rules, in tests). */
  readonly maxBlockBytes: number | undefined
}

/** The tip that fork choice has chosen. */
export interface Head {
  readonly hash: Uint8Array
  readonly header: Header
  readonly totalDifficulty: bigint
}

/** Emitted after the store holds the new head. `disconnected` is newest first, `connected` oldest first. */
export interface HeadEvent {
  readonly head: Head
  readonly connected: Branch<Head>
  /** Not empty only in a reorg, and where `rewound`. */
  readonly disconnected: Branch<Head>
  /** The chain was told to go back: `disconnected` blocks are deleted, and their transactions are not to be mined again. */
  readonly rewound?: true
}

/** What the chain tells its listeners, in the order in which it happened on disk. */
export type ChainEvent =
  | ({ readonly type: 'head' } & HeadEvent)
  /** A block was stored on a branch that is not the canonical one. */
  | { readonly type: 'side'; readonly head: Head }
  /** A branch with more weight leaves the chain below a final block, and the engine forbids that (poa). */
  | {
      readonly type: 'finality-conflict'
      readonly head: Head
      readonly challenger: Head
      readonly finalized: number
    }

/** What became of a block handed to the chain. A refused block throws BlockError instead. */
export type ImportOutcome =
  /** It is the head now. */
  | 'head'
  /** Valid and stored, but another branch has more work. */
  | 'side'
  /** Already held. */
  | 'known'
  /** Too far ahead of the clock, by a minute at most: held until its time comes. */
  | 'future'

/** Where a transaction stands in the canonical chain. */
export interface TransactionLocation {
  readonly blockNumber: number
  readonly index: number
}
