/** How far a peer's chain and the followed one are the same. */
export interface PeerReach {
  readonly peer: string
  /** Highest followed block that the peer has; undefined: its chain leaves ours below the window. */
  readonly reach: number | undefined
}

export interface HeadRule {
  /** Number of the block to answer from. */
  readonly head: number
  /** Peers that have it. */
  readonly vouching: number
  /** Peers behind what is settled: their word does not count. */
  readonly behind: readonly string[]
}

/**
 * Which block of the followed chain is answered from: not the newest one because of its work alone. A header shows work, not that its
 * block can be executed; whoever spends one block's work could have a light node believe any balance. Full nodes show only what they
 * have executed, so a block counts once every peer has it, at least `vouchers` of them, or once it is settled: so much has been
 * built on it that the majority of the work (or of the signers) must have executed it. A single honest peer is enough to withhold the head
 * from a false block; a single dishonest one can only delay it to what is settled.
 *
 * @param settled  number of the newest block that the engine calls safe.
 */
export function chooseHead(peers: readonly PeerReach[], settled: number, vouchers: number): HeadRule {
  const keepsUp = ({ reach }: PeerReach) => reach !== undefined && reach >= settled
  const reaches = peers.filter(keepsUp).map(({ reach }) => reach!)
  const head = reaches.length >= vouchers ? Math.min(...reaches) : settled
  return {
    head,
    vouching: reaches.length,
    behind: peers.filter((peer) => !keepsUp(peer)).map(({ peer }) => peer),
  }
}
