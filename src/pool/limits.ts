import { DEFAULT_MIN_TIP } from '../primitives/limits.ts'

/** Bytes of encoding that count as one slot, geth's unit: a transaction of 128 KiB takes as much room as four small ones. */
export const SLOT_BYTES = 32 * 1024
/** Percent that a replacement must add to both fee fields: each costs the network as much to pass on as a new one. */
export const PRICE_BUMP_PERCENT = 10n
/** Transactions behind a nonce gap kept per account: they cost their sender nothing until the gap closes. */
export const MAX_QUEUED_PER_ACCOUNT = 64
/**
 * Pending transactions that an account keeps as long as others have more (geth's AccountSlots). One cheap transaction
 * mined elsewhere can make all others of its account unpayable, so a single account must not push out many.
 */
export const PROTECTED_PER_ACCOUNT = 16
/** Milliseconds between two looks for queued transactions past their lifetime. */
export const SWEEP_INTERVAL_MS = 60_000
/** Transactions handed in and not yet looked at; more are refused, so that a flood cannot fill memory ahead of the checks. */
export const MAX_WAITING = 131_072
/** Transactions admitted without a break: about 25 ms of the thread that serves everybody. */
export const MAX_TOGETHER = 5_000
/** Transactions taken back from disconnected blocks that are admitted between two looks at the clock: about a millisecond. */
export const PACED_RETURNING = 128
/**
 * Blocks for which the journal keeps a mined transaction. A crash between a reorg's commit and the pool's next write
 * then loses nothing that had been acknowledged.
 */
export const JOURNAL_BURIAL_BLOCKS = 12
/** Bytes of transactions in one record of the journal; a larger batch becomes several. */
export const MAX_JOURNAL_RECORD_BYTES = 1024 * 1024
/** Transactions of the journal that are recovered and admitted at once after a restart, so that others get their turn. */
export const JOURNAL_LOAD_BATCH = 2048

/** What an operator may change about a pool. */
export interface PoolOptions {
  /** Wei per gas: the least `maxPriorityFeePerGas`. */
  readonly minTip: bigint
  /** Slots of transactions that could be mined next, in nonce order. */
  readonly pendingSlots: number
  /** Bytes of the same; slots alone would allow 2 GiB. */
  readonly pendingBytes: number
  /** Slots of transactions behind a nonce gap. */
  readonly queuedSlots: number
  readonly queuedBytes: number
  /** Milliseconds after which an account's queued transactions leave, counted from when one of them last became pending. */
  readonly lifetimeMs: number
}

export const DEFAULT_POOL_OPTIONS: PoolOptions = {
  minTip: DEFAULT_MIN_TIP,
  pendingSlots: 65_536,
  pendingBytes: 192 * 1024 * 1024,
  queuedSlots: 8_192,
  queuedBytes: 32 * 1024 * 1024,
  lifetimeMs: 3 * 60 * 60 * 1000,
}
