import type { Head } from '../chain/types.ts'
import type { PowParams } from '../consensus/pow.ts'
import type { Account } from '../primitives/account.ts'
import type { HashedHeader } from '../primitives/header.ts'
import type { Receipt } from '../primitives/receipt.ts'
import type { Transaction } from '../primitives/transaction.ts'
import type { AncestorsProof } from './ancestors.ts'
import type { ChainProof } from './flyclient.ts'
import type { Inclusion } from './inclusion.ts'

/** What a peer says about its canonical chain. Nothing of it is believed before it has been shown. */
export interface PeerClaim {
  /** 32 bytes: its head's. */
  readonly hash: Uint8Array
  readonly number: number
  readonly totalDifficulty: bigint
}

/** Everything of a block but its header. */
export interface PeerBody {
  readonly transactions: readonly Transaction[]
  /** `encodeTransactions(transactions)` */
  readonly encoded: Uint8Array
}

/** Trie nodes from the root down, as in EIP-1186. */
export interface ProofNodes {
  readonly account: readonly Uint8Array[]
  /** In the order of the slots asked for. */
  readonly slots: readonly (readonly Uint8Array[])[]
}

/** What a rejected request says about the peer. */
export type RequestFault =
  /** The answer breaks the protocol, or is not what was asked for. */
  | 'bad-answer'
  /** None came in time. */
  | 'withheld'
  /** The peer says that it does not hold what was asked for. */
  | 'unavailable'
  /** It refused, was busy, or is gone. */
  | 'unhelpful'

/**
 * What is asked of peers, each by its id. Answers have been decoded and fit the question in form; what they prove is judged here. A
 * request ends by itself, within seconds; an aborted signal ends it at once.
 */
export interface LightRequests {
  status(peer: string, signal: AbortSignal): Promise<PeerClaim>
  /**
   * Neighbours in the order asked for, linked by their hashes. From a hash: that block on any branch, and those before it
   * (`reverse`). From a number: canonical ones; fewer than asked for where the chain ends.
   */
  headers(
    peer: string,
    request: { readonly start: Uint8Array | number; readonly count: number; readonly reverse: boolean },
    signal: AbortSignal,
  ): Promise<readonly HashedHeader[]>
  /** Work from a canonical block on, up to the peer's head. */
  history(peer: string, anchorHash: Uint8Array, signal: AbortSignal): Promise<ChainProof>
  /** Canonical blocks of these numbers, ascending, below the canonical block `tipHash`. */
  ancestors(peer: string, tipHash: Uint8Array, numbers: readonly number[], signal: AbortSignal): Promise<AncestorsProof>
  inclusion(peer: string, transactionHash: Uint8Array, signal: AbortSignal): Promise<Inclusion>
  /** An account (20 bytes) and some of its storage (32 bytes a slot) after a block. */
  proof(
    peer: string,
    request: { readonly blockHash: Uint8Array; readonly address: Uint8Array; readonly slots: readonly Uint8Array[] },
    signal: AbortSignal,
  ): Promise<ProofNodes>
  body(peer: string, blockHash: Uint8Array, signal: AbortSignal): Promise<PeerBody>
  /** @param types  of the block's transactions, in order. */
  receipts(
    peer: string,
    blockHash: Uint8Array,
    types: readonly (0 | 1 | 2)[],
    signal: AbortSignal,
  ): Promise<readonly Receipt[]>
  /** What a rejection of one of these says about the peer. */
  faultOf(error: unknown): RequestFault
}

/** What a peer did wrong, for whoever decides what it deserves. */
export type LightFault =
  /** An answer that breaks the protocol, or does not prove what it is meant to. */
  | 'bad-proof'
  /** Its claim of work was not borne out by what it showed. */
  | 'false-claim'
  /** No answer in time, or none to what it must have by its own claim. */
  | 'withheld'
  /** It stays behind blocks that others have buried under work: it hides them, or is of no use. */
  | 'stale-head'
  /** It vouched for a block that the others did not take although it had more work, and that the chain has left since. */
  | 'unconfirmed-head'

/** What a message deserves: passed on; let lie; or held against whoever sent it. */
export type GossipVerdict = 'accept' | 'ignore' | 'reject'

/** How the engine of a network lets a light node do without most headers; undefined: it takes them all. */
export type LightRules =
  | ({ readonly name: 'pow' } & PowParams)
  | { readonly name: 'poa'; readonly signers: readonly Uint8Array[] }
  | undefined

/** A place to keep what a restart begins with: some 100 kB, replaced as a whole. */
export interface LightStore {
  load(): Promise<Uint8Array | undefined>
  save(snapshot: Uint8Array): Promise<void>
}

/** The followed head has changed. */
export interface LightHeadEvent {
  readonly head: Head
  /** Oldest first. Where the chain was caught up with by a proof, only the blocks that it showed. */
  readonly connected: readonly HashedHeader[]
  /** Newest first; not empty only in a reorg. */
  readonly disconnected: readonly HashedHeader[]
}

export type LightStage =
  /** No peer has shown a chain yet. */
  | 'connecting'
  /** A chain is being proven. */
  | 'proving'
  /** At the head of what peers have shown. */
  | 'following'

export interface LightStatus {
  readonly stage: LightStage
  /** What answers are given from. */
  readonly head: Head
  /** The heaviest proven chain's end: above `head` while not enough peers have it. */
  readonly tip: Head
  /** The highest that a peer claims, proven or not. */
  readonly highestClaimed: number
  /** Peers connected, and how many of those have the head. */
  readonly peers: number
  readonly vouching: number
  /** Headers that were looked at because a proof had sampled them, since the start. */
  readonly samples: number
  /** Peers reported since the start, by fault. */
  readonly faults: Readonly<Partial<Record<LightFault, number>>>
}

/** An account and some of its storage, with the nodes that prove it against the state root of a header. */
export interface ProvenAccount {
  /** undefined: proven not to exist. */
  readonly account: Account | undefined
  readonly accountProof: readonly Uint8Array[]
  /** In the order of the slots asked for. */
  readonly storage: readonly { readonly value: bigint; readonly proof: readonly Uint8Array[] }[]
}

/** A transaction in a block of the followed chain, with its receipt. */
export interface ProvenPlace {
  readonly header: Head
  /** Its place in the block. */
  readonly index: number
  readonly transaction: Transaction
  readonly receipt: Receipt
  /** Gas that the transaction used by itself. */
  readonly gasUsed: bigint
}
