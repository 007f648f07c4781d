/**
 * Every bound of the ledger, with unit and reason. Bounds that a genesis may change have their default here and their
 * place in `chain/genesis.ts`.
 */

/** Bytes of one encoded transaction. geth's pool bound, a consensus rule here: it caps what one item can cost a peer. */
export const MAX_TRANSACTION_BYTES = 128 * 1024
/** Seconds a header may be ahead of the local clock before it has to wait. */
export const MAX_FUTURE_SECONDS = 15
/**
 * Seconds beyond these for which it is held until its time comes: clocks that anybody looks after differ by less. A header
 * from further ahead is the cheaper to make the further it is, and would be held for good.
 */
export const MAX_HELD_SECONDS = 60
/** Blocks from the future held until their time comes; a peer could otherwise fill memory with them. */
export const MAX_FUTURE_BLOCKS = 256
/** Bytes of the same: ten of the largest; decoded, a block of small transactions takes about eight times as much. */
export const MAX_FUTURE_BYTES = 16 * 1024 * 1024
/** Hashes of refused blocks remembered, so that the same bad block is not executed again. */
export const MAX_BAD_BLOCKS = 1024
/**
 * Headers without bodies kept of a branch, some 2.5 kB each: an engine looks back at most half the signers (`poa`) or
 * 256 headers (its evidence).
 */
export const MAX_BRANCH_HEADERS = 1024

export const TX_GAS = 21_000n
/** EIP-2, on top of TX_GAS. */
export const TX_CREATE_GAS = 32_000n
/** EIP-2028. */
export const CALLDATA_ZERO_GAS = 4n
export const CALLDATA_NONZERO_GAS = 16n
/** EIP-2930. */
export const ACCESS_LIST_ADDRESS_GAS = 2_400n
export const ACCESS_LIST_KEY_GAS = 1_900n
/** Addresses 1 to 9 are precompiled contracts at London. */
export const LAST_PRECOMPILE = 9

/** EIP-1559. */
export const BASE_FEE_CHANGE_DENOMINATOR = 8n
export const ELASTICITY_MULTIPLIER = 2n
export const INITIAL_BASE_FEE = 1_000_000_000n

/** A block's gas limit moves by less than parent/1024. */
export const GAS_LIMIT_BOUND_DIVISOR = 1024n
export const MIN_GAS_LIMIT = 5_000n
export const DEFAULT_GAS_LIMIT = 120_000_000n
/** Header numbers that clients hold in signed 64 bits. */
export const MAX_GAS_LIMIT = 2n ** 63n - 1n
/** Bytes of an encoded block: gas alone would allow 29 MB of zero bytes. */
export const DEFAULT_MAX_BLOCK_BYTES = 1_572_864

/** Wei per gas that pool and miner ask for: an idle base fee falls to a few wei and would make spam free. */
export const DEFAULT_MIN_TIP = 1_000_000_000n
/** Wei of one coin. */
export const COIN = 10n ** 18n

/** EIP-2681: the last nonce a transaction may carry is one below this. */
export const MAX_NONCE = 2n ** 64n - 1n
export const MAX_UINT256 = 2n ** 256n - 1n

/**
 * Wei, exclusive: what a development network's block may set a balance to. Transfers into an account must not add up to
 * more than 256 bits; below this it would take four thousand million such blocks.
 */
export const MAX_OVERRIDE_BALANCE = 2n ** 224n
/** Exclusive, likewise for a nonce: leaves room to count up. */
export const MAX_OVERRIDE_NONCE = 2n ** 63n
/** Unix seconds that a development network's time may be set to: far from what a header can hold, 2^53. */
export const MAX_DEV_TIMESTAMP = 2 ** 48
