import { EMPTY_ACCOUNT, hasCode, isPrecompile } from '../primitives/account.ts'
import { EMPTY_BYTES, equalBytes } from '../primitives/bytes.ts'
import { TxError } from '../primitives/errors.ts'
import { MAX_TRANSACTION_BYTES } from '../primitives/limits.ts'
import { intrinsicGas } from '../primitives/transaction.ts'
import type { ChainBackend, ChainHeader } from './backend.ts'
import { INVALID_PARAMS, RpcError } from './errors.ts'
import { MAX_ACCESS_LIST_ITEMS } from './limits.ts'
import { address, anything, arrayOf, data, hash32, object, optional, type ParamValue, quantity } from './schema.ts'

/** A transaction as wallets send it to be completed or judged; all of it may be missing. */
export const callObject = object({
  type: optional(quantity),
  chainId: optional(quantity),
  from: optional(address),
  to: optional(address),
  nonce: optional(quantity),
  gas: optional(quantity),
  gasPrice: optional(quantity),
  maxFeePerGas: optional(quantity),
  maxPriorityFeePerGas: optional(quantity),
  value: optional(quantity, 0n),
  data: optional(data),
  input: optional(data),
  accessList: optional(
    arrayOf(object({ address, storageKeys: arrayOf(hash32, MAX_ACCESS_LIST_ITEMS) }), MAX_ACCESS_LIST_ITEMS),
    [],
  ),
  // Of transaction types that this ledger does not know; without them the call would be another one.
  authorizationList: optional(anything),
  blobVersionedHashes: optional(anything),
})

export type Call = ParamValue<typeof callObject>

/** Calldata, which has two names. */
export function calldata({ data, input }: Pick<Call, 'data' | 'input'>): Uint8Array {
  if (data && input && !equalBytes(data, input)) throw badCall('both "data" and "input" are set and not equal')
  const payload = input ?? data ?? EMPTY_BYTES
  if (payload.length > MAX_TRANSACTION_BYTES) {
    throw new TxError('oversized', { sizeBytes: payload.length, limitBytes: MAX_TRANSACTION_BYTES })
  }
  return payload
}

/**
 * Gas that a transfer uses: exact, since no code runs.
 * @throws TxError as sending it would, nonce and tip aside; RpcError -32602 if it contradicts itself.
 */
export async function transferGas(chain: ChainBackend, call: Call, at: ChainHeader): Promise<bigint> {
  checkConsistent(chain, call)
  const { from, to, value, accessList } = call
  const needed = intrinsicGas({ to, data: calldata(call), accessList })
  if (!to) throw new TxError('contract-creation')
  if (isPrecompile(to)) throw new TxError('recipient-is-precompile')
  const { gasLimit: available, baseFeePerGas } = at.header
  if (needed > available) throw new TxError('gas-above-block', { gasLimit: needed, available })
  if (call.gas !== undefined && call.gas < needed) throw new TxError('intrinsic-gas', { gasLimit: call.gas, needed })

  const maxFeePerGas = call.maxFeePerGas ?? call.gasPrice ?? 0n
  // Without a price it is a question; with one it is a transaction.
  if (maxFeePerGas > 0n && maxFeePerGas < baseFeePerGas) {
    throw new TxError('fee-below-base-fee', { maxFeePerGas, baseFeePerGas })
  }
  const cost = value + needed * maxFeePerGas
  if (from && cost > 0n) {
    const { balance } = (await chain.account(from, at)) ?? EMPTY_ACCOUNT
    if (cost > balance) throw new TxError('insufficient-funds', { balance, cost, overshot: cost - balance })
  }
  return needed
}

/** @throws TxError `recipient-has-code`: no transaction to a contract is taken. */
export async function refuseContract(chain: ChainBackend, { to }: Call, at: ChainHeader): Promise<void> {
  if (to && hasCode((await chain.account(to, at)) ?? EMPTY_ACCOUNT)) throw new TxError('recipient-has-code')
}

function checkConsistent(chain: ChainBackend, call: Call): void {
  const { type, chainId, gasPrice, maxFeePerGas, maxPriorityFeePerGas } = call
  if (chainId !== undefined && chainId !== chain.chainId) {
    throw badCall(`chainId does not match node's (have=${chainId}, want=${chain.chainId})`)
  }
  const unknownType = call.authorizationList !== undefined ? 4n : call.blobVersionedHashes !== undefined ? 3n : type
  if (unknownType !== undefined && unknownType > 2n) throw new TxError('type-not-supported', { type: unknownType })
  if (gasPrice !== undefined && (maxFeePerGas !== undefined || maxPriorityFeePerGas !== undefined)) {
    throw badCall('both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified')
  }
  if (maxFeePerGas !== undefined && maxPriorityFeePerGas !== undefined && maxPriorityFeePerGas > maxFeePerGas) {
    throw new TxError('tip-above-fee-cap', { maxPriorityFeePerGas, maxFeePerGas })
  }
}

/** @returns the error for a call object that contradicts itself, or the network. */
export function badCall(reason: string): RpcError {
  return new RpcError(INVALID_PARAMS, `invalid argument 0 (transaction): ${reason}`)
}
