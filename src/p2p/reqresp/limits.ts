/** Bounds of requests and answers beside those of the messages (`wire/limits.ts`), with unit and reason. */

/** Milliseconds from the opening of a stream until the answer is there whole; either side then ends it. */
export const REQUEST_TIMEOUT_MS = 10_000
/** Requests of one protocol under way from one peer to another: one answered while the next is read. */
export const MAX_CONCURRENT = 2
/**
 * Streams of one protocol that a connection may have beyond which libp2p itself resets new ones: what has been answered and not
 * yet closed counts too.
 */
export const MAX_STREAMS = 2 * MAX_CONCURRENT
/** Requests of ours that wait for their turn, per peer and protocol; whoever asks for more does not watch its answers. */
export const MAX_WAITING = 32

/**
 * What a peer may have of us: bytes of answers, and of work counted as bytes. 2 MiB a second are more than a node can execute
 * of blocks, so one peer alone can bring another up to date. Remembered of more peers than can be connected: who comes back
 * finds it as it was.
 */
export const ALLOWANCE = { capacity: 16 * 1024 * 1024, perSecond: 2 * 1024 * 1024, maxPeers: 4096 } as const
/** What any request costs: a stream and its negotiation, about 0.3 ms. */
export const REQUEST_COST = 4 * 1024
/** What one costs that is refused: whoever was told to wait and does not is to owe more and more. */
export const REFUSED_COST = 16 * 1024
/** What it costs to do what no honest peer does, beside that: 128 times within seconds, and it is a flood. */
export const OFFENCE_COST = 256 * 1024
/** What a proof costs beyond its bytes: it may read a dozen records and encode as many nodes. */
export const PROOF_COST = 32 * 1024
/** What a proof of work behind a head costs: thousands of records, where it is not at hand. */
export const HISTORY_COST = 1024 * 1024
/** What a proof that a transaction is in a block costs: both of the block's tries are built. */
export const INCLUSION_COST = 256 * 1024
/**
 * Of the main thread's time, the part that proofs for light nodes may have, all peers' together, a quarter for each kind: however many
 * ask, the node's own work goes on. Beside it newcomers have one proof made for each new head.
 */
export const LIGHT_SHARE = 0.1
/** Milliseconds of that time that each kind may have at once: one who asks now and then is answered now. */
export const LIGHT_BURST_MS = 500
/**
 * Blocks whose tries are kept to prove with: who has sent something asks for its receipt soon. At most 10 MiB each, for 0.2 s of
 * this thread.
 */
export const MAX_KEPT_TRIES = 3
/** Proofs of the newest tip that are kept, at most 300 KiB each: of a long chain one takes 25 ms. */
export const MAX_KEPT_PROOFS = 16
/** What is owed at most, and told of as a flood: it passes in 8 s. */
export const MAX_DEBT = 16 * 1024 * 1024

/** Bytes of small chunks that are sent as one, half a yamux frame: each frame costs both sides a message and an acknowledgement. */
export const SENT_TOGETHER_BYTES = 32 * 1024
/** Small blocks read from the database at once, and their bytes: a trip to its thread takes longer than reading one of them. */
export const READ_TOGETHER = 16
export const READ_TOGETHER_BYTES = 64 * 1024
/** Bytes of answers being sent to all peers together: what readers who take their time may hold of our memory. */
export const MAX_UNSENT_BYTES = 128 * 1024 * 1024
/** Milliseconds after which one that was refused for that may ask again. */
export const UNSENT_RETRY_MS = 1_000
/** Milliseconds after which a block that is on its way may be there whole. */
export const NOT_YET_RETRY_MS = 200
