/**
 * Rule violations: expected failures, caused by input. They carry a code and facts, never a judgement of whoever sent
 * the input: `rpc/errors.ts` and `p2p/verdict.ts` decide what each code means to them, exhaustively.
 */

/** The bytes are not a canonical encoding of what they claim to be. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError'
}

export type TxErrorCode =
  | 'undecodable'
  | 'oversized' // facts: sizeBytes, limitBytes
  | 'type-not-supported' // facts: type
  | 'invalid-signature'
  | 'unprotected' // a legacy transaction without EIP-155, refused by pool and RPC only
  | 'wrong-chain-id' // facts: chainId, expected
  | 'tip-above-fee-cap' // facts: maxPriorityFeePerGas, maxFeePerGas
  | 'gas-overflow' // gas limit x price does not fit 256 bits
  | 'nonce-max' // EIP-2681
  | 'intrinsic-gas' // facts: gasLimit, needed
  | 'gas-above-block' // facts: gasLimit, available
  | 'fee-below-base-fee' // facts: maxFeePerGas, baseFeePerGas
  | 'tip-below-floor' // facts: tip, floor
  | 'nonce-too-low' // facts: nonce, expected
  | 'nonce-too-high' // facts: nonce, expected
  | 'insufficient-funds' // facts: balance, cost, overshot; and of the pool queuedCost, replacement
  | 'sender-has-code' // EIP-3607
  | 'contract-creation' // this ledger runs no code
  | 'recipient-has-code'
  | 'recipient-is-precompile'
  | 'already-known'
  | 'replacement-underpriced'
  | 'account-limit' // facts: limit
  | 'pool-full'

export type BlockErrorCode =
  | 'undecodable'
  | 'oversized' // facts: sizeBytes, limitBytes
  | 'unknown-parent'
  | 'known-bad'
  | 'bad-number' // facts: number, expected
  | 'timestamp-not-after-parent' // facts: timestamp, parentTimestamp
  | 'timestamp-in-future' // facts: timestamp, limit (Unix seconds); too far ahead to be held, not invalid
  | 'gas-limit-out-of-bounds' // facts: gasLimit, parentGasLimit
  | 'gas-used-above-limit'
  | 'bad-base-fee' // facts: baseFeePerGas, expected
  | 'bad-extra-data'
  | 'bad-history-root'
  | 'bad-difficulty' // facts: difficulty, expected
  | 'bad-seal'
  | 'unauthorized-signer'
  | 'signed-recently'
  | 'bad-ommers'
  | 'bad-transactions-root'
  | 'bad-transaction' // facts: index, tx (a TxErrorCode) and the transaction's own facts
  | 'bad-gas-used'
  | 'bad-receipts-root'
  | 'bad-logs-bloom'
  | 'bad-state-root'
  | 'below-finalized' // facts: number, finalized

export type Facts = Readonly<Record<string, string | number | bigint | undefined>>

function describe(code: string, facts: Facts): string {
  const details = Object.entries(facts).map(([name, value]) => `${name} ${value}`)
  return details.length === 0 ? code : `${code}: ${details.join(', ')}`
}

/** A transaction breaks a rule. */
export class TxError extends Error {
  override readonly name = 'TxError'
  readonly code: TxErrorCode
  readonly facts: Facts
  constructor(code: TxErrorCode, facts: Facts = {}) {
    super(describe(code, facts))
    this.code = code
    this.facts = facts
  }
}

/** A block or header breaks a rule. */
export class BlockError extends Error {
  override readonly name = 'BlockError'
  readonly code: BlockErrorCode
  readonly facts: Facts
  constructor(code: BlockErrorCode, facts: Facts = {}) {
    super(describe(code, facts))
    this.code = code
    this.facts = facts
  }
}

export type UnprovenCode =
  | 'no-peers' // nobody has shown a chain yet, or all have gone
  | 'no-answer' // nobody who was asked gave an answer that holds
  | 'stale-head' // the newest block that anybody shows is too old
  | 'absence' // that something is nowhere on the chain
  | 'not-answered' // what a light node never answers: it would take the whole chain

/** A light node answers with what it can prove. What it cannot, it refuses: never a guess, and no empty value instead. */
export class UnprovenError extends Error {
  override readonly name: string = 'UnprovenError'
  readonly code: UnprovenCode
  constructor(code: UnprovenCode, detail: string) {
    super(detail)
    this.code = code
  }
}

/** The data directory cannot be read or written as it should. `remedy` says what the operator can do. */
export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly remedy: string
  constructor(message: string, remedy: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause })
    this.remedy = remedy
  }
}

/** State at the asked block is no longer, or not yet, held. Never answered with an empty value instead. */
export class StateUnavailableError extends Error {
  override readonly name = 'StateUnavailableError'
  constructor() {
    super('historical state not available')
  }
}
