/** Bounds of the RPC surface, with unit and reason. */

/** Bytes of a request body: room for a batch of large signed transactions. */
export const MAX_BODY_BYTES = 5 * 1024 * 1024
/** Levels of arrays and objects in a message, of which the deepest call needs half a dozen: each takes a parser's memory. */
export const MAX_MESSAGE_NESTING = 64
/**
 * Commas and opening brackets of a message outside its strings, which is what the time to parse it goes with: half a second
 * at worst. An access list of as many entries as are taken has 262,144.
 */
export const MAX_MESSAGE_PARTS = 300_000
/** Characters of a message up to which neither is counted: so few take no time, however they are nested. */
export const SMALL_MESSAGE_CHARS = 1024
/** Calls in one batch. */
export const MAX_BATCH_CALLS = 1_000
/** Calls of one batch that run at a time: enough for signatures to be recovered in batches. */
export const BATCH_CONCURRENCY = 100
/**
 * Calls that hold a whole block at a time, of all clients of a transport together: a full block is some 60 MB as objects.
 * They take the thread one after the other in any case; this keeps those that wait from holding theirs meanwhile.
 */
export const MAX_HEAVY_CALLS = 4
/** Such calls that wait, and those of one client that is not on this machine: of full blocks no more are answered in time. */
export const MAX_WAITING_CALLS = 4_096
export const MAX_WAITING_CALLS_PER_CLIENT = 256
/** Characters of a response, a batch counted whole: calls whose answers do not fit are told so. */
export const MAX_RESPONSE_CHARS = 25_000_000
/** Milliseconds until a request must have arrived whole: slow senders must not hold sockets. */
export const REQUEST_TIMEOUT_MS = 30_000
/** Milliseconds until a call is answered, if only to say that it took too long. */
export const CALL_TIMEOUT_MS = 30_000
/**
 * Milliseconds that a connection may move no byte in either direction while an answer is due: the reader has gone. Longer than
 * the answer may take, or nobody would learn that a call took too long.
 */
export const INACTIVITY_TIMEOUT_MS = CALL_TIMEOUT_MS + 10_000
/** Milliseconds that an HTTP connection may wait for its next request, as in geth: wallets ask every few seconds. */
export const KEEP_ALIVE_MS = 120_000
/** Milliseconds between two looks for connections past one of these times; each may be exceeded by as much. */
export const TIMEOUT_CHECK_MS = 1_000
/** Milliseconds that a stop waits for calls under way; then what is left is cut. */
export const DRAIN_TIMEOUT_MS = 5_000

/** Connections at a time, HTTP and WebSocket together; a few tens of kilobytes each. */
export const MAX_CONNECTIONS = 4_096
/** The same for one client that is not on this machine, so that a stranger cannot take them all. */
export const MAX_CONNECTIONS_PER_CLIENT = 256
/** Requests that one HTTP connection may send ahead of their answers; more end it. */
export const MAX_PIPELINED_REQUESTS = 32
/**
 * Bytes held for all connections together of requests that have not arrived whole; past it the connection that holds
 * the most is cut. Each by itself may hold a whole message, but not all of them at once.
 */
export const MAX_INCOMING_BYTES = 128 * 1024 * 1024
/** The same for answers and notifications that have not been read. */
export const MAX_OUTGOING_BYTES = 256 * 1024 * 1024

/** Bytes of a WebSocket message; geth's. */
export const MAX_WS_MESSAGE_BYTES = 32 * 1024 * 1024
/** Messages of one WebSocket connection that are answered at a time; the next ones are not read until there is room. */
export const MAX_WS_MESSAGES_IN_FLIGHT = 32
/** Unread bytes at which a WebSocket connection's next message waits for its reader… */
export const WS_BACKPRESSURE_BYTES = 1024 * 1024
/** …and at which a notification ends the connection: some hours of heads, or a burst of 50,000 transactions. */
export const MAX_WS_BACKLOG_BYTES = 16 * 1024 * 1024
/** Milliseconds between pings; who has not answered by the next one is gone. */
export const WS_PING_INTERVAL_MS = 30_000
/** Subscriptions of one connection: each costs a message per event. */
export const MAX_SUBSCRIPTIONS_PER_CONNECTION = 128

/** Filters at a time, and of one client that is not on this machine: each costs a few hundred bytes until it expires. */
export const MAX_FILTERS = 4_096
export const MAX_FILTERS_PER_CLIENT = 256
/** Milliseconds after which a filter that nobody asks for goes; geth's. */
export const FILTER_LIFETIME_MS = 5 * 60_000
/** Changes of one kind kept for all filters; one that has fallen behind further is gone, and its client makes another. */
export const MAX_FILTER_BACKLOG = 65_536
/** Addresses and topics of one log filter. */
export const MAX_LOG_ADDRESSES = 1_000
export const MAX_LOG_TOPICS = 1_000

/**
 * Characters of a message that cost a client one unit of its allowance. The worst of them take half a millisecond to parse,
 * so that a client elsewhere gets a quarter of a core for them.
 */
export const UNIT_CHARS = 1024
/**
 * What else costs a unit, beside what a call costs: characters of an answer, transactions and headers that are read for a short
 * one. A unit is half a millisecond of the thread here too, on a slow core.
 */
export const CHARS_PER_UNIT = 8_192
export const TRANSACTIONS_PER_UNIT = 32
export const HEADERS_PER_UNIT = 32
/** Units of calls that read much or make others work; all others cost one. */
export const METHOD_UNITS: ReadonlyMap<string, number> = new Map([
  ['eth_sendRawTransaction', 2],
  ['eth_getBlockByNumber', 2],
  ['eth_getBlockByHash', 2],
  ['eth_getBlockTransactionCountByNumber', 2],
  ['eth_getBlockTransactionCountByHash', 2],
  ['debug_getRawBlock', 2],
  ['debug_getRawReceipts', 5],
  ['ots_getBlockDetails', 5],
  ['ots_getBlockDetailsByHash', 5],
  ['ots_getBlockTransactions', 5],
  ['eth_getProof', 5],
  ['eth_getBlockReceipts', 5],
  ['eth_feeHistory', 5],
  ['eth_getLogs', 10],
  ['eth_getFilterLogs', 10],
  ['txpool_content', 20],
  ['txpool_inspect', 20],
  ['ots_searchTransactionsBefore', 10],
  ['ots_searchTransactionsAfter', 10],
  ['ots_getTransactionBySenderAndNonce', 10],
  ['idobata_propagationStats', 50],
])
/** Units of a look at the metrics, which are a few hundred numbers to be gathered and written. */
export const METRICS_UNITS = 20
/** Units a second of one client elsewhere, and of everything on this machine together. */
export const DEFAULT_UNITS_PER_SEC = 500
export const DEFAULT_LOOPBACK_UNITS_PER_SEC = 100_000
/** Seconds' worth of units that a client may use at once after a rest. */
export const ALLOWANCE_BURST_SEC = 10
/** Clients whose allowances are remembered; the one that has not asked for longest is forgotten first. */
export const MAX_ALLOWANCES = 16_384

/** Transactions of a pool that is told whole; one account's are always told. */
export const MAX_POOL_CONTENT = 10_000
/** Transactions of an address's history to a page; a page ends with a whole block. Erigon's default. */
export const MAX_HISTORY_PAGE = 25
/** Transactions of a block to a page. */
export const MAX_BLOCK_PAGE = 255
/** Transactions looked at in search of one with a certain nonce, where an account has received many between two of its own. */
export const MAX_NONCE_SEARCH = 20_000
/** Blocks of one fee history. */
export const MAX_FEE_HISTORY_BLOCKS = 1_024
/** The same when rewards are asked for: each block's transactions are then read and sorted. */
export const MAX_FEE_REWARD_BLOCKS = 128
export const MAX_FEE_PERCENTILES = 100
/** Different tips of blocks that are remembered for fee histories, each block counted as one more: some 25 MB. */
export const MAX_REMEMBERED_TIPS = 262_144
/** Storage slots of one proof. */
export const MAX_PROOF_KEYS = 1_024
/** Entries and keys of an access list in a call object; the intrinsic gas of more would not fit a block. */
export const MAX_ACCESS_LIST_ITEMS = 65_536

/** Blocks that one call of a development network's user makes: half a minute's work, and a few MiB. */
export const MAX_MINED_BLOCKS = 10_000
/** Milliseconds between two blocks of interval mining: a timer counts to 2^31. */
export const MAX_MINING_INTERVAL_MS = 86_400_000
/** Blocks that a node may be behind the best it knows of and still be ready: what arrives while it answers. */
export const MAX_BLOCKS_BEHIND = 8
/** Milliseconds that a call waits for a node to be synced: well within the time that a call has. */
export const MAX_SYNC_WAIT_MS = 25_000
/** Bytes that must be free on the disk: some minutes' work before writes begin to fail. */
export const MIN_DISK_FREE_BYTES = 512 * 1024 * 1024
