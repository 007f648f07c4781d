import type { Head, ImportOutcome } from '../../chain/types.ts'
import type { Block } from '../../primitives/block.ts'
import type { HashedHeader } from '../../primitives/header.ts'
import type { Transaction } from '../../primitives/transaction.ts'
import type { SyncFault } from './faults.ts'
import type { Branch } from './header-download.ts'

/** What a peer says about its canonical chain. Nothing of it is believed before its headers have shown it. */
export interface PeerHead {
  readonly hash: Uint8Array
  readonly number: number
  readonly totalDifficulty: bigint
}

export interface PeerBody {
  readonly transactions: readonly Transaction[]
  /** `encodeTransactions(transactions)` */
  readonly encoded: Uint8Array
}

/**
 * What is asked of peers. Rejections say nothing but that there is no answer, unless `faultOf` knows more; an aborted
 * signal ends the request.
 */
export interface PeerRequests {
  status(peer: string, signal: AbortSignal): Promise<PeerHead>
  /** Headers of the peer's canonical chain from a number on; fewer than asked where it ends, none if it begins above. */
  headers(peer: string, start: number, count: number, signal: AbortSignal): Promise<readonly HashedHeader[]>
  /** Bodies of the first of these blocks, in order; none: the peer has not got the first. */
  bodies(peer: string, hashes: readonly Uint8Array[], signal: AbortSignal): Promise<readonly PeerBody[]>
  /** What a rejection says about the peer. */
  faultOf(error: unknown): 'bad-answer' | 'stalled' | 'unhelpful'
  /** Milliseconds after which the peer wants to be asked again; 0: it did not say so. */
  retryAfterMs(error: unknown): number
}

/** What catching up needs of a chain: `chain/chain.ts` has it. */
export interface SyncChain {
  readonly genesisHash: Uint8Array
  readonly head: Head
  has(hash: Uint8Array): boolean
  isBad(hash: Uint8Array): boolean
  branch(hash: Uint8Array): Branch | undefined
  /** Begins on headers that a branch is about to be extended by, on other threads; says nothing about them. */
  recoverSeals(headers: readonly HashedHeader[]): Promise<void>
  /** @throws BlockError */
  checkBody(block: Block): Promise<void>
  /** @throws BlockError, StoreError */
  import(block: Block): Promise<ImportOutcome>
}

/** Lets other work of the thread run in between. */
export interface Pacer {
  pause(): Promise<void> | undefined
}

export type SyncStage =
  /** A long chain's work is counted. */
  | 'presync'
  | 'headers'
  | 'bodies'
  /** All bodies are there. */
  | 'executing'

export interface SyncProgress {
  readonly stage: SyncStage
  /** Peer whose chain is followed. */
  readonly peer: string
  /** Our head when this began, and now. */
  readonly startingNumber: number
  readonly currentNumber: number
  /** Newest header verified, in presync too. */
  readonly headerNumber: number
  /** Head that the peer claims, or the newest header if that is higher. */
  readonly highestNumber: number
}

/** Told of peers that did something wrong or were of no use. */
export type ReportFault = (peer: string, fault: SyncFault) => void
