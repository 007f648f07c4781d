import type { HashedHeader } from '../primitives/header.ts'

/** What RPC needs of a node's light side, declared here as the rest is in `backend.ts`. */

/** How a light node stands. */
export interface LightStatus {
  /** `connecting`: nobody has shown a chain yet; `proving`: one is being proven; `following`: at the head of what peers show. */
  readonly stage: 'connecting' | 'proving' | 'following'
  /** What answers are given from. */
  readonly head: HashedHeader
  /** The end of the heaviest chain that was proven: above the head as long as too few peers have its last blocks. */
  readonly tip: HashedHeader
  /** Number of the highest block that a peer claims to have. */
  readonly highestClaimed: number
  /** Bytes of answers and announcements since the start. */
  readonly receivedBytes: number
  readonly peers: number
  /** Peers that have the head. */
  readonly vouching: number
  /** Headers looked at because a proof had sampled them, since the start. */
  readonly samples: number
  /** Peers found at fault since the start, by what they did. */
  readonly faults: Readonly<Record<string, number>>
}

/** Of a light node. */
export interface LightBackend {
  status(): LightStatus
}

/** Of a node that has the whole chain, with proof of work. */
export interface HistoryBackend {
  /**
   * Proves the work between two canonical blocks.
   * @returns the answer of `history/1` on the wire; undefined: they are not canonical.
   * @throws RpcError -32005 where light nodes have had their share of this node's time.
   */
  prove(anchorHash: Uint8Array, tipHash: Uint8Array): Promise<Uint8Array | undefined>
}
