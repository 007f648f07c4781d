/** What RPC needs of a node's network, declared here as the rest is in `backend.ts`. */
export interface NetworkBackend {
  /** Base58. */
  readonly peerId: string
  /** Multiaddrs that others can call, with the peer id. */
  addresses(): readonly string[]
  peers(): readonly NetworkPeer[]
  /**
   * Calls a peer and keeps it among the trusted ones.
   * @param address  a multiaddr with a peer id. @throws RpcError if it is none.
   */
  addPeer(address: string): void
  /** Forgets that a peer was to be kept, and hangs up. @param peer  its id, or a multiaddr with it. */
  removePeer(peer: string): Promise<boolean>
  /** @param target  a peer id, a multiaddr with one, or an IP address. */
  ban(target: string, seconds: number): void
  /** @returns whether it was banned. */
  unban(target: string): boolean
  bans(): readonly NetworkBan[]
  /** How a block or a transaction came here; undefined: it is not remembered. */
  propagation(hash: Uint8Array): Propagation | undefined
  propagationStats(): PropagationStats
}

export interface NetworkPeer {
  readonly id: string
  /** Program and version. */
  readonly agent: string
  /** The multiaddr that it was called at, or that it called from. */
  readonly address: string
  readonly inbound: boolean
  readonly trusted: boolean
  /** `direct`; `mapped`: it came in by a port that a router forwards; `relayed` by a third. */
  readonly route: string
  readonly connectedMs: number
  /** Milliseconds; undefined: not measured yet. */
  readonly roundTripMs: number | undefined
  /** Of gossip; below zero: it has misbehaved. */
  readonly score: number
  /** Its head by its own word. */
  readonly headHash: Uint8Array
  readonly headNumber: number
  readonly totalDifficulty: bigint
}

export interface NetworkBan {
  /** A peer id or an IP address. */
  readonly target: string
  readonly untilMs: number
  readonly reason: string
}

/** Times in milliseconds after `firstSeenMs`, by the node's clock. */
export interface Propagation {
  readonly hash: Uint8Array
  /** Of a block. */
  readonly number?: number
  /** Since the Unix epoch. */
  readonly firstSeenMs: number
  /** undefined: it was made or handed in here. */
  readonly from: string | undefined
  readonly arrivals: readonly { readonly peer: string; readonly afterMs: number }[]
  readonly rebuiltAfterMs?: number
  readonly validAfterMs?: number
  readonly transactions?: number
  readonly missing?: number
  /** Of a block, where this node takes part in that: when others say that they first saw it, Unix milliseconds by their clocks, earliest first. */
  readonly sightings?: readonly { readonly peer: string; readonly seenMs: number }[]
  /** The same as delays after the earliest. */
  readonly wave?: Percentiles
}

/** Milliseconds. */
interface Percentiles {
  readonly count: number
  readonly p50: number
  readonly p90: number
  readonly p99: number
}

export interface PropagationStats {
  readonly blocks: {
    readonly rebuilt: Percentiles
    readonly valid: Percentiles
    readonly others: Percentiles
    readonly rebuiltAlone: number
  }
  readonly transactions: { readonly valid: Percentiles; readonly others: Percentiles }
  readonly first: readonly { readonly peer: string; readonly blocks: number }[]
}
