import {
  BlockError,
  type BlockErrorCode,
  DecodeError,
  type Facts,
  StateUnavailableError,
  TxError,
  type TxErrorCode,
  type UnprovenCode,
  UnprovenError,
} from '../primitives/errors.ts'
import type { Json } from './json.ts'

export const PARSE_ERROR = -32700
export const INVALID_REQUEST = -32600
export const METHOD_NOT_FOUND = -32601
export const INVALID_PARAMS = -32602
export const INTERNAL_ERROR = -32603
export const SERVER_ERROR = -32000
/** geth's codes for these two. */
export const NOTIFICATIONS_UNSUPPORTED = -32001
export const REQUEST_TIMED_OUT = -32002
export const LIMIT_EXCEEDED = -32005

/** What a caller is told. `message` is part of the interface: wallets match on its words. */
export class RpcError extends Error {
  override readonly name = 'RpcError'
  readonly code: number
  /** More than words tell, for programs. */
  readonly data: Json | undefined
  constructor(code: number, message: string, data?: Json) {
    super(message)
    this.code = code
    this.data = data
  }
}

/** A bound of this node was passed. `message` says which; `data.limit` is its value, for programs to keep to. */
export function limitExceeded(message: string, limit?: number): RpcError {
  return new RpcError(LIMIT_EXCEEDED, `limit exceeded: ${message}`, limit === undefined ? undefined : { limit })
}

type Wording<Code extends string> = Record<Code, (facts: Facts) => string>

/** geth's wording (core/txpool/errors.go, core/error.go), since wallets match on it; ours where geth has no such rule. */
const TX_MESSAGES = {
  undecodable: () => 'transaction is not decodable',
  oversized: ({ sizeBytes, limitBytes }) => `oversized data: transaction size ${sizeBytes}, limit ${limitBytes}`,
  'type-not-supported': ({ type }) => `transaction type not supported: ${type}`,
  'invalid-signature': () => 'invalid sender',
  unprotected: () => 'only replay-protected (EIP-155) transactions allowed over RPC',
  'wrong-chain-id': ({ chainId, expected }) =>
    `invalid sender: invalid chain id for signer: have ${chainId} want ${expected}`,
  'tip-above-fee-cap': ({ maxPriorityFeePerGas, maxFeePerGas }) =>
    `max priority fee per gas higher than max fee per gas: maxPriorityFeePerGas: ${maxPriorityFeePerGas}, maxFeePerGas: ${maxFeePerGas}`,
  'gas-overflow': () => 'insufficient funds for gas * price + value: gas * price exceeds 256 bits',
  'nonce-max': () => 'nonce has max value',
  'intrinsic-gas': ({ gasLimit, needed }) => `intrinsic gas too low: gas ${gasLimit}, minimum needed ${needed}`,
  'gas-above-block': ({ gasLimit, available }) => `exceeds block gas limit: gas ${gasLimit}, available ${available}`,
  'fee-below-base-fee': ({ maxFeePerGas, baseFeePerGas }) =>
    `max fee per gas less than block base fee: maxFeePerGas: ${maxFeePerGas}, baseFee: ${baseFeePerGas}`,
  'tip-below-floor': ({ tip, floor }) => `transaction underpriced: gas tip cap ${tip}, minimum needed ${floor}`,
  'nonce-too-low': ({ nonce, expected }) => `nonce too low: next nonce ${expected}, tx nonce ${nonce}`,
  'nonce-too-high': ({ nonce, expected }) => `nonce too high: next nonce ${expected}, tx nonce ${nonce}`,
  'insufficient-funds': insufficientFunds,
  'sender-has-code': () => 'sender not an eoa: it has code',
  'contract-creation': () => 'contract creation not supported: this ledger runs no contract code',
  'recipient-has-code': () => 'recipient is a contract: this ledger runs no contract code',
  'recipient-is-precompile': () => 'recipient is a precompiled contract: this ledger runs no contract code',
  'already-known': () => 'already known',
  'replacement-underpriced': () => 'replacement transaction underpriced',
  'account-limit': ({ limit }) => `account limit exceeded: ${limit} transactions`,
  'pool-full': () => 'txpool is full',
} satisfies Wording<TxErrorCode>

const BLOCK_MESSAGES = {
  undecodable: () => 'block is not decodable',
  oversized: ({ sizeBytes, limitBytes }) => `block too large: ${sizeBytes} bytes, limit ${limitBytes}`,
  'unknown-parent': () => 'unknown ancestor',
  'known-bad': () => 'block is known to be invalid',
  'bad-number': ({ number, expected }) => `invalid block number: have ${number}, want ${expected}`,
  'timestamp-not-after-parent': ({ timestamp, parentTimestamp }) =>
    `invalid timestamp: ${timestamp} is not after the parent's ${parentTimestamp}`,
  'timestamp-in-future': ({ timestamp, limit }) => `block in the future: timestamp ${timestamp}, limit ${limit}`,
  'gas-limit-out-of-bounds': ({ gasLimit, parentGasLimit }) =>
    `invalid gas limit: have ${gasLimit}, parent's ${parentGasLimit}`,
  'gas-used-above-limit': () => 'invalid gasUsed: above the gas limit',
  'bad-base-fee': ({ baseFeePerGas, expected }) => `invalid baseFee: have ${baseFeePerGas}, want ${expected}`,
  'bad-extra-data': () => 'invalid extra data',
  'bad-history-root': () => 'invalid history root',
  'bad-difficulty': ({ difficulty, expected }) => `invalid difficulty: have ${difficulty}, want ${expected}`,
  'bad-seal': () => 'invalid seal',
  'unauthorized-signer': () => 'unauthorized signer',
  'signed-recently': () => 'signer signed recently',
  'bad-ommers': () => 'invalid uncles: this ledger has none',
  'bad-transactions-root': () => 'invalid transactions root',
  'bad-transaction': ({ index, tx }) => `invalid transaction ${index}: ${tx}`,
  'bad-gas-used': () => 'invalid gas used',
  'bad-receipts-root': () => 'invalid receipt root hash',
  'bad-logs-bloom': () => 'invalid bloom',
  'bad-state-root': () => 'invalid merkle root',
  'below-finalized': ({ number, finalized }) => `block ${number} conflicts with finalized block ${finalized}`,
} satisfies Wording<BlockErrorCode>

/** What a light node says beside what it tried; clients that ask again get an answer where it says so. */
const UNPROVEN_MESSAGES = {
  'no-peers': (detail) => `no peer to ask: ${detail}`,
  'no-answer': (detail) => `no peer has proven an answer: ${detail}`,
  'stale-head': (detail) => `the newest block that peers show is too old to answer from: ${detail}`,
  absence: (detail) => `a light node cannot prove that there is none: ${detail}`,
  'not-answered': (detail) => `a light node does not answer this: ${detail}`,
} satisfies Record<UnprovenCode, (detail: string) => string>

function insufficientFunds({ balance, cost, queuedCost, replacement, overshot }: Facts): string {
  const others = queuedCost === undefined ? '' : `queued cost ${queuedCost}, `
  const own = replacement === 1 ? 'tx bumped' : 'tx cost'
  return `insufficient funds for gas * price + value: balance ${balance}, ${others}${own} ${cost}, overshot ${overshot}`
}

/**
 * Maps anything a handler threw to what the caller is told; undefined for what is not the caller's doing (a bug, or a
 * store that fails). Never -32603 for a deterministic failure: clients retry that code.
 */
export function toRpcError(error: unknown): RpcError | undefined {
  if (error instanceof RpcError) return error
  if (error instanceof TxError) return new RpcError(SERVER_ERROR, TX_MESSAGES[error.code](error.facts))
  if (error instanceof BlockError) return new RpcError(SERVER_ERROR, BLOCK_MESSAGES[error.code](error.facts))
  if (error instanceof UnprovenError) {
    return new RpcError(SERVER_ERROR, UNPROVEN_MESSAGES[error.code](error.message), { unproven: error.code })
  }
  if (error instanceof StateUnavailableError) return new RpcError(SERVER_ERROR, error.message)
  if (error instanceof DecodeError) return new RpcError(INVALID_PARAMS, `not canonical RLP: ${error.message}`)
  return undefined
}

export type JsonRpcId = string | number | null

/** The response that tells of `error`. */
export function errorText(id: JsonRpcId, { code, message, data }: RpcError): string {
  return JSON.stringify({ jsonrpc: '2.0', id, error: { code, message, ...(data !== undefined && { data }) } })
}
