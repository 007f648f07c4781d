/** The tip of the chain, for whoever follows it. */
export interface NodeHead {
  readonly number: number
  readonly hashHex: string
  /** Unix seconds. */
  readonly timestamp: number
}

/** How a node stands, for people who look at it. */
export interface NodeStatus {
  /** The head's height, hash and count of transactions. */
  readonly number: number
  readonly hash: Uint8Array
  readonly transactions: number
  readonly peers: number
  /** Transactions in the pool that could be mined next, and that wait for others. */
  readonly pending: number
  readonly queued: number
  /** Hashes a second; 0 unless mining by proof of work. */
  readonly hashrate: number
}
