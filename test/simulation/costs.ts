/** What a node's work takes on one machine, in milliseconds. Blocks are those of the simulation, alike in size. */
export interface Costs {
  /** Reading a KiB of a message: its id, which is a hash. */
  readonly readKib: number
  /** A transaction of a bundle, decoded, hashed, checked and taken into the pool. */
  readonly transaction: number
  /** Its signature, on another thread. */
  readonly recovery: number
  /** A compact block: decoded, its header judged, its ids matched with the pool. */
  readonly match: number
  /** The body's root, and whether the compact form described it. */
  readonly root: number
  /** The block's execution, with all that is written. */
  readonly execution: number
  /** The compact form of a new block. */
  readonly announcement: number
  /** Transactions of a block looked up for a peer that lacks them. */
  readonly answer: number
}

/** Above what was measured on one core of a 2-core virtual machine for blocks of 1,000 transfers: for runs that must come out alike everywhere. */
export const RECORDED_COSTS: Costs = {
  readKib: 0.03,
  transaction: 0.02,
  recovery: 0.07,
  match: 3,
  root: 15,
  execution: 30,
  announcement: 2,
  answer: 1.2,
}
