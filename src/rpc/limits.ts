/** Bounds of the RPC surface, with unit and reason. */

/** Bytes of a request body: room for a batch of large signed transactions. */
export const MAX_BODY_BYTES = 5 * 1024 * 1024
/** Calls in one batch. */
export const MAX_BATCH_CALLS = 1_000
/**
 * Calls of one batch that run at a time. Enough for signatures to be recovered in batches; few enough that a batch of
 * whole blocks does not hold them all in memory before the response limit cuts it.
 */
export const BATCH_CONCURRENCY = 100
/** Characters of a response, a batch counted whole. */
export const MAX_RESPONSE_CHARS = 25_000_000
/** Milliseconds until a request must have arrived whole: slow senders must not hold sockets. */
export const REQUEST_TIMEOUT_MS = 30_000

/** Blocks of one fee history. */
export const MAX_FEE_HISTORY_BLOCKS = 1_024
/** The same when rewards are asked for: each block's transactions are then read and sorted. */
export const MAX_FEE_REWARD_BLOCKS = 128
export const MAX_FEE_PERCENTILES = 100
/** Storage slots of one proof. */
export const MAX_PROOF_KEYS = 1_024
/** Entries and keys of an access list in a call object; the intrinsic gas of more would not fit a block. */
export const MAX_ACCESS_LIST_ITEMS = 65_536

/** Blocks that one call of a development network's user makes: half a minute's work, and a few MiB. */
export const MAX_MINED_BLOCKS = 10_000
/** Milliseconds between two blocks of interval mining: a timer counts to 2^31. */
export const MAX_MINING_INTERVAL_MS = 86_400_000
