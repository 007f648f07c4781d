import { ConfigError } from '../node/config.ts'
import type { TransactionFields } from '../primitives/transaction.ts'
import { toChecksumAddress } from '../wallet/address.ts'
import { formatAmount } from '../wallet/amount.ts'
import { members, quantity } from './answers.ts'
import { MAX_UNASKED_FEE } from './limits.ts'
import type { RpcClient } from './rpc-client.ts'

/** What shall be sent; the node is asked for what is left open. Amounts are wei. */
export interface TransferOrder {
  readonly chainId: bigint
  readonly from: Uint8Array
  readonly to: Uint8Array
  readonly value: bigint
  readonly data: string
  readonly nonce: bigint | undefined
  readonly gasLimit: bigint | undefined
  readonly maxFeePerGas: bigint | undefined
  readonly maxPriorityFeePerGas: bigint | undefined
}

/**
 * A transaction that can be signed, type 2.
 * @throws ConfigError if the node is on another chain; Error if the account cannot pay, or the node names absurd fees.
 */
export async function prepareTransfer(rpc: RpcClient, order: TransferOrder): Promise<Omit<TransactionFields, 'data'>> {
  const chainId = quantity(await rpc.call('eth_chainId'), 'chain id')
  if (chainId !== order.chainId) {
    throw new ConfigError(
      `${rpc.url} is on chain ${chainId}, not ${order.chainId}; if that is meant, give --chain-id ${chainId}`,
    )
  }
  const from = toChecksumAddress(order.from)
  const nonce =
    order.nonce ?? quantity(await rpc.call('eth_getTransactionCount', [from, 'pending']), 'transaction count')
  const balance = quantity(await rpc.call('eth_getBalance', [from, 'latest']), 'balance')
  if (balance < order.value) throw tooPoor(from, balance, order.value)
  const { maxFeePerGas, maxPriorityFeePerGas } = await chooseFees(rpc, order)
  const call = { from, to: toChecksumAddress(order.to), value: `0x${order.value.toString(16)}`, data: order.data }
  const gasLimit = order.gasLimit ?? quantity(await rpc.call('eth_estimateGas', [call]), 'gas estimate')
  const fee = gasLimit * maxFeePerGas
  if (balance < order.value + fee) throw tooPoor(from, balance, order.value + fee)
  // Either factor alone leaves the other to the node.
  if (fee > MAX_UNASKED_FEE && (order.maxFeePerGas === undefined || order.gasLimit === undefined)) {
    throw new Error(`the fee would be up to ${formatAmount(fee)} coins; if that is meant, give --max-fee and --gas`)
  }
  return {
    type: 2,
    chainId,
    nonce,
    maxPriorityFeePerGas,
    maxFeePerGas,
    gasLimit,
    to: order.to,
    value: order.value,
    accessList: [],
  }
}

/** The tip that the node suggests, and a fee cap that holds while the base fee doubles: six full blocks. */
async function chooseFees(
  rpc: RpcClient,
  { maxFeePerGas: cap, maxPriorityFeePerGas: wished }: TransferOrder,
): Promise<{ readonly maxFeePerGas: bigint; readonly maxPriorityFeePerGas: bigint }> {
  const tip = wished ?? quantity(await rpc.call('eth_maxPriorityFeePerGas'), 'priority fee')
  if (cap !== undefined) {
    if (wished !== undefined && wished > cap) throw new ConfigError('--priority-fee: is above --max-fee')
    return { maxFeePerGas: cap, maxPriorityFeePerGas: tip < cap ? tip : cap }
  }
  const history = members(await rpc.call('eth_feeHistory', ['0x1', 'latest', []]), 'fee history')
  const baseFees = Array.isArray(history.baseFeePerGas) ? history.baseFeePerGas : []
  // One more than blocks asked for: the last is the next block's.
  const baseFee = quantity(baseFees.at(-1), 'base fee')
  return { maxFeePerGas: 2n * baseFee + tip, maxPriorityFeePerGas: tip }
}

function tooPoor(address: string, balance: bigint, needed: bigint): Error {
  return new Error(`${address} has ${formatAmount(balance)} coins and needs ${formatAmount(needed)}, fee included`)
}
