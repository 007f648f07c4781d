/** Bounds of light nodes, with unit and reason. docs/light.md derives the first three. */

/** An adversary without a majority of the work gets an invalid chain past the sampling with a probability of 2^-this. */
export const SECURITY_BITS = 50
/** Headers before the tip that are checked whole: so few blocks that sampling could not tell them apart. */
export const TAIL_BLOCKS = 100
/**
 * Octaves of work that one proof samples: chains of 2^40 tails. Beyond that a claim of work is not believable, and its
 * samples would be too many to ask for.
 */
export const MAX_OCTAVES = 40

/** Blocks below which all headers are taken: so few that a proof would not be shorter. */
export const ALL_HEADERS_BELOW = 1_000
/** Signed headers that show the head of a long chain under proof of authority, beside four rounds of its signers. */
export const SIGNED_HEADERS = 64
/** Headers asked for at once: what one request may ask for. */
export const HEADERS_PER_REQUEST = 512
/**
 * Headers of the followed chain that are kept, some 3 kB each: reorgs down to there are followed header by header, deeper ones take a
 * new proof.
 */
export const WINDOW_HEADERS = 512
/**
 * Blocks from one that proofs may begin at to the next: where many ask from the same one, a server makes its proof once. A
 * quarter of the window, so that there is always one in it; half of what is saved.
 */
export const ANCHOR_STEP = 64
/** Headers off the followed chain that are kept beside them; each has cost its maker a block's work. */
export const MAX_SIDE_HEADERS = 512
/** Blocks that a peer may be ahead for their headers to be asked for one by one: more cost more than a proof. */
export const MAX_LINKED_HEADERS = 128
/** Headers saved for a restart, which goes on with a proof from the first of them: a reorg of the last few then does no harm. */
export const SAVED_HEADERS = 128
/** Headers from too far ahead of the clock that wait for their time, and how many milliseconds away that may be: clocks differ by less. */
export const MAX_FUTURE_HEADERS = 16
export const MAX_FUTURE_WAIT_MS = 60_000
/** Earlier headers that were proven and are remembered, 1 kB each. */
export const MAX_PROVEN_HEADERS = 256

/** Peers whose claims are followed: each costs some 200 bytes a block. */
export const MAX_LIGHT_PEERS = 16
/** Milliseconds without an answer after which the next peer is asked as well. */
export const HEDGE_MS = 2_000
/** Times that peers without time are asked again, and after how many milliseconds: full nodes give light ones a tenth of theirs. */
export const BUSY_RETRIES = 3
export const BUSY_RETRY_MS = 500
/** Milliseconds between two looks at what a peer has as its head. */
export const POLL_MS = 15_000
/** The same for a peer that had not got the newest block: executing one takes about a second. */
export const LAGGING_POLL_MS = 1_000
/** Milliseconds that a wait for the head goes on while all that is shown is too old to be answered from: time to look at every peer again. */
export const YOUNG_HEAD_WAIT_MS = 20_000
/** Milliseconds after which a new block is looked for at the others: the time it takes to travel. */
export const SPREAD_MS = 300
/** Milliseconds for which peers may lack a block that has more work than what they have, before one side is lying: three blocks' time. */
export const DISPUTE_MS = 30_000
/** Milliseconds for which a peer may stay behind what is settled. */
export const STALE_MS = 60_000
/**
 * Milliseconds after which a saved chain without proof of work that no peer has is given up: its network has begun anew. Time for the first
 * peers, one of which would know it.
 */
export const FORGOTTEN_MS = 10_000
/** Milliseconds between two saves of what a restart begins with. */
export const SAVE_MS = 60_000
/** Transactions sent that are remembered until they are in a block. */
export const MAX_SENT = 256
