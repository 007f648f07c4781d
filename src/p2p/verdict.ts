import type { BlockErrorCode, TxErrorCode } from '../primitives/errors.ts'

/** What a message deserves: passed on; let lie; or held against whoever sent it. */
export type GossipVerdict = 'accept' | 'ignore' | 'reject'

type Refused = Exclude<GossipVerdict, 'accept'>

/**
 * What a compact block deserves for the rule that its block breaks. Rejected is what its header alone proves wrong. What only
 * execution shows is no fault of those who forward before they execute, as everybody does.
 */
export const BLOCK_VERDICTS = {
  undecodable: 'reject',
  oversized: 'reject',
  'bad-number': 'reject',
  'timestamp-not-after-parent': 'reject',
  'gas-limit-out-of-bounds': 'reject',
  'gas-used-above-limit': 'reject',
  'bad-base-fee': 'reject',
  'bad-extra-data': 'reject',
  'bad-history-root': 'reject',
  'bad-difficulty': 'reject',
  'bad-seal': 'reject',
  'unauthorized-signer': 'reject',
  'signed-recently': 'reject',
  'bad-ommers': 'reject',
  // Not to be judged here and now.
  'unknown-parent': 'ignore',
  'timestamp-in-future': 'ignore',
  'below-finalized': 'ignore',
  // For its body or execution, perhaps: its header was good enough for others to pass it on.
  'known-bad': 'ignore',
  'bad-transactions-root': 'ignore',
  'bad-transaction': 'ignore',
  'bad-gas-used': 'ignore',
  'bad-receipts-root': 'ignore',
  'bad-logs-bloom': 'ignore',
  'bad-state-root': 'ignore',
} as const satisfies Record<BlockErrorCode, Refused>

/**
 * What a bundle deserves for a transaction in it. Rejected is what no honest node passes on whatever its state: the faults
 * that a transaction has by itself. All others depend on accounts, fees and what a pool holds.
 */
export const TRANSACTION_VERDICTS = {
  undecodable: 'reject',
  oversized: 'reject',
  'type-not-supported': 'reject',
  'invalid-signature': 'reject',
  'wrong-chain-id': 'reject',
  'tip-above-fee-cap': 'reject',
  'gas-overflow': 'reject',
  'nonce-max': 'reject',
  'intrinsic-gas': 'reject',
  'contract-creation': 'reject',
  'recipient-is-precompile': 'reject',
  // Each node's own policy.
  unprotected: 'ignore',
  'tip-below-floor': 'ignore',
  'replacement-underpriced': 'ignore',
  'account-limit': 'ignore',
  'pool-full': 'ignore',
  // State, which differs from node to node for a moment.
  'gas-above-block': 'ignore',
  'fee-below-base-fee': 'ignore',
  'nonce-too-low': 'ignore',
  'nonce-too-high': 'ignore',
  'insufficient-funds': 'ignore',
  'sender-has-code': 'ignore',
  'recipient-has-code': 'ignore',
  'already-known': 'ignore',
} as const satisfies Record<TxErrorCode, Refused>
