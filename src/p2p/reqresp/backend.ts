import type { AncestorsProof } from '../../light/ancestors.ts'
import type { Inclusion } from '../../light/inclusion.ts'
import type { AncestorsRequest } from '../wire/ancestors.ts'
import type { BlockTransactionsRequest } from '../wire/block-transactions.ts'
import type { HeadersRequest } from '../wire/headers.ts'
import type { HistoryRequest } from '../wire/history.ts'
import type { AccountProof, ProofRequest } from '../wire/proof.ts'
import type { Status } from '../wire/status.ts'

/** Whatever holds what peers ask for. Bytes are given as they travel; for blocks that is as they are stored. */
export interface RequestBackend {
  /** How this node stands. @param theirs  how the peer says that it stands. */
  status(peer: string, theirs: Status): Status
  /** What is asked of each; absent for what this node does not serve, as its status says too. */
  readonly blocks?: BlockBackend
  readonly pool?: PoolBackend
  readonly state?: StateBackend
  readonly light?: LightBackend
  /** Addresses of other peers, at most `count`: signed peer records in their envelopes. */
  peerRecords(peer: string, count: number): Promise<readonly Uint8Array[]>
}

export interface BlockBackend {
  /** Each header's RLP, in the order asked for; undefined: the one to start from is named by its hash and not known. */
  headers(request: HeadersRequest): Promise<readonly Uint8Array[] | undefined>
  /** The block's transactions as they stand in it. */
  body(blockHash: Uint8Array): Promise<Uint8Array | undefined>
  /** The block's receipts in the form in which they are stored. */
  receipts(blockHash: Uint8Array): Promise<Uint8Array | undefined>
  /** EIP-2718 encodings of transactions of the block; undefined: it is not known or has no such places. */
  transactions(request: BlockTransactionsRequest): Promise<readonly Uint8Array[] | 'not-yet' | undefined>
}

export interface PoolBackend {
  /** The transaction's EIP-2718 encoding. */
  transaction(hash: Uint8Array): Uint8Array | undefined
}

export interface StateBackend {
  /** Undefined: the block is not known or its state not held. */
  prove(request: ProofRequest): Promise<AccountProof | undefined>
}

/** What light nodes ask for besides the state. */
export interface LightBackend {
  /** An encoded `ChainProof`; undefined: one of the blocks is not canonical, or the network has no proof of work. @throws Refused */
  history(request: HistoryRequest): Promise<Uint8Array | undefined>
  /** Undefined: the tip is not canonical, or not above all of them. @throws Refused */
  ancestors(request: AncestorsRequest): Promise<AncestorsProof | undefined>
  /** Undefined: the canonical chain has no such transaction. @throws Refused */
  inclusion(transactionHash: Uint8Array): Promise<Inclusion | undefined>
}
