/** Milliseconds between two templates on the same parent, at least: a better one is worth a new search, not a continuous one. */
export const REFRESH_MS = 2_000
/** A template is not made again before it has been in use for this many times what making it took: 5 % of the thread. */
export const REFRESH_BUILD_RATIO = 20
/** Milliseconds after which a template is made again in any case: its timestamp tells others how long a block took. */
export const MAX_TEMPLATE_AGE_MS = 15_000
/** Transactions in a row that do not fit before a template counts as full. */
export const MAX_MISFITS = 256
/** Transactions offered to execution at once: it reads their accounts together. */
export const OFFERED_TOGETHER = 512
/** Milliseconds after the first failure; doubles with each. */
export const BACKOFF_START_MS = 200
export const BACKOFF_MAX_MS = 30_000
/** Milliseconds after which a miner that waits for the clock looks at it again: it may have been set. */
export const CLOCK_RECHECK_MS = 10_000
/** Seconds by which the head may lag behind the clock before the operator is told that one of them may be wrong. */
export const MAX_HEAD_AGE_SECONDS = 1_800
/** The same for a head ahead of the clock. A few seconds over the rule's bound are normal where blocks come fast. */
export const MAX_HEAD_LEAD_SECONDS = 60
