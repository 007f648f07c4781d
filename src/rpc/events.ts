import type { Log } from '../primitives/receipt.ts'
import type { ChainHeader, SignedTransaction, SyncProgress } from './backend.ts'

/** A log with its place. */
export interface PlacedLog {
  readonly log: Log
  readonly transactionHash: Uint8Array
  readonly transactionIndex: number
  /** Within its block. */
  readonly logIndex: number
}

/** A block that has joined or left the canonical chain. */
export interface AnnouncedBlock {
  readonly header: ChainHeader
  /** In order. */
  readonly logs: readonly PlacedLog[]
}

/** What a node tells RPC's subscribers, in the order in which it happened. */
export type NodeEvent =
  | {
      readonly type: 'head'
      /** Oldest first. */
      readonly connected: readonly AnnouncedBlock[]
      /** Newest first; not empty only in a reorg. */
      readonly disconnected: readonly AnnouncedBlock[]
    }
  /** Have become minable; one that a reorg brings back comes again. */
  | { readonly type: 'pending'; readonly transactions: readonly SignedTransaction[] }
  /** undefined: at the head of what is known. */
  | { readonly type: 'syncing'; readonly progress: SyncProgress | undefined }

/** A node as the source of events; a full node and a light node are one alike. */
export interface NodeEvents {
  /** `listener` must not throw. @returns the unsubscription. */
  subscribe(listener: (event: NodeEvent) => void): () => void
}
