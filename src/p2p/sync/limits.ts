/** Bounds of catching up, with unit and reason. */

/** Headers asked for at once: what one request may ask for, some 300 kB. */
export const HEADERS_PER_REQUEST = 512
/**
 * Headers whose chain has not shown enough work yet, kept until it has; some 3 kB each. A longer chain is counted first
 * (presync), and when it is downloaded again as many are held back, so that 32 commitments stand above each that counts.
 */
export const UNPROVEN_HEADERS = 1024
/** One header in so many leaves a bit behind in presync: 4 kB for a million headers. */
export const COMMITMENT_PERIOD = 32
/** Headers beyond the number that a peer claims as its head: its chain grows, and may change for a longer one. */
export const CLAIM_SLACK_HEADERS = 4096
/** Blocks from the next to be imported to the last whose body is asked for. */
export const WINDOW_BLOCKS = 1024
/** Blocks asked of one peer at a time, where they are small: a request costs both sides as much as executing a few of them. */
export const BLOCKS_PER_REQUEST = 64
/** Bytes of bodies that one request should bring: a server stops adding to an answer there. */
export const BYTES_PER_REQUEST = 512 * 1024
/** Bytes of bodies that wait for the ones before them; the next one is asked for all the same. */
export const WAITING_BYTES = 64 * 1024 * 1024
/** Milliseconds without an answer after which a batch goes to another peer; doubled each time, for the slow link may be ours. */
export const STALL_MS = 2_000
export const MAX_STALL_MS = 64_000
/** What an answer leaves of the part above `STALL_MS`. */
export const STALL_DECAY = 0.85
/** Milliseconds that an answer still has when the time-out is noticed: on a busy machine it may lie in a buffer. */
export const STALL_GRACE_MS = 200
/** Milliseconds after which a peer with nothing else to do is asked as well for what all wait for. */
export const HEDGE_MS = 500
/** Failures in a row after which a peer is not asked for bodies of this chain any more. */
export const MAX_STRIKES = 4
/** Milliseconds of rest after the first failure; doubled with each further one. */
export const REST_MS = 1_000
/** Milliseconds that a peer can have us wait when we have asked it for more than our share. */
export const MAX_RETRY_AFTER_MS = 10_000
/** Such answers in a row after which it is of no use. */
export const MAX_RETRIES = 8
/** Milliseconds between two looks at what has stalled. */
export const TICK_MS = 250

/** Blocks handed to the chain and not through: their senders are recovered while earlier ones execute. */
export const IMPORTING_BLOCKS = 64
/** Bytes of them. */
export const IMPORTING_BYTES = 32 * 1024 * 1024

/** Milliseconds for an answer of headers. */
export const HEADERS_TIMEOUT_MS = 10_000
/** Milliseconds in which it must be found where a peer's chain leaves ours: fifty questions at worst, for ten million blocks. */
export const FIND_BASE_MS = 60_000
/** Milliseconds that presync may take before another peer gets its turn, and what each header claimed adds. */
export const PRESYNC_MS = 60_000
export const PRESYNC_MS_PER_HEADER = 1
/** Milliseconds at most, however long a chain is claimed to be. */
export const MAX_PRESYNC_MS = 1_200_000

/** Peers whose claims are remembered: all that may be connected, and a few that are coming and going. */
export const MAX_CLAIMS = 256
/** Milliseconds that a peer is left alone after it was of no use; doubled each time up to a maximum. */
export const SET_ASIDE_MS = 10_000
export const MAX_SET_ASIDE_MS = 600_000
/** Milliseconds between two questions to one peer about its head. */
export const STATUS_INTERVAL_MS = 15_000
/** Milliseconds at least, whatever the peer announces. */
export const MIN_STATUS_INTERVAL_MS = 1_000
/** Blocks of proven work ahead of us from which a node is far behind: it takes no transactions then. */
export const FAR_BEHIND_BLOCKS = 16n
