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

/** Blocks behind what is known, about five minutes, beyond which nonces and fees are refused rather than told wrong. */
export const MAX_BLOCKS_BEHIND = 32
/** Transactions of a pool that is told whole; one account's are always told. */
export const MAX_POOL_CONTENT = 10_000
/** Transactions of an address's history to a page; a page ends with a whole block. Erigon's default. */
export const MAX_HISTORY_PAGE = 25
/** Transactions of a block to a page. */
export const MAX_BLOCK_PAGE = 255
/** Transactions looked at in search of one with a certain nonce, where an account has received many between two of its own. */
export const MAX_NONCE_SEARCH = 20_000
/** Addresses of a log filter, and topics in one of its places. */
export const MAX_LOG_ALTERNATIVES = 1_000
/** Topics that a log can have. */
export const MAX_LOG_TOPICS = 4
/** Blocks of one fee history. */
export const MAX_FEE_HISTORY_BLOCKS = 1_024
/** The same when rewards are asked for: each block's transactions are then read and sorted. */
export const MAX_FEE_REWARD_BLOCKS = 128
export const MAX_FEE_PERCENTILES = 100
/** Storage slots of one proof. */
export const MAX_PROOF_KEYS = 1_024
/** Entries and keys of an access list in a call object; the intrinsic gas of more would not fit a block. */
export const MAX_ACCESS_LIST_ITEMS = 65_536
