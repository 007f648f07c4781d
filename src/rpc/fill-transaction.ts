import type { TransactionFields } from '../primitives/transaction.ts'
import type { Backends } from './backend.ts'
import { badCall, type Call, calldata, refuseContract, transferGas } from './call.ts'
import type { TipOracle } from './fees.ts'
import { requireSynced } from './syncing.ts'

/**
 * Completes what a wallet left out: nonce, gas, type and fees.
 * @throws TxError as sending it would; RpcError -32602 if it contradicts itself or does not say from whom.
 */
export type FillTransaction = (call: Call) => Promise<TransactionFields>

export function transactionFiller(
  { chain, pool, node }: Pick<Backends, 'chain' | 'pool' | 'node'>,
  oracle: TipOracle,
): FillTransaction {
  return async (call) => {
    requireSynced(node)
    const { from } = call
    if (!from) throw badCall('from is missing')
    const at = await chain.head()
    const { type, ...price } = await fees(call, chain.nextBaseFee(at.header))
    const priced = { ...call, ...price }
    const gas = await transferGas(chain, priced, at)
    await refuseContract(chain, priced, at)
    return {
      type,
      chainId: chain.chainId,
      nonce: priced.nonce ?? (await pool.nonce(from)),
      maxFeePerGas: priced.maxFeePerGas ?? priced.gasPrice ?? 0n,
      maxPriorityFeePerGas: priced.maxPriorityFeePerGas ?? priced.gasPrice ?? 0n,
      gasLimit: priced.gas ?? gas,
      to: priced.to,
      value: priced.value,
      data: calldata(priced),
      accessList: priced.accessList,
    }
  }

  /** Type and price of a transaction: those asked for, else EIP-1559 with room for the base fee to double, as geth does. */
  async function fees(call: Call, baseFeePerGas: bigint) {
    const { type, accessList, gasPrice } = call
    if (type === 0n && accessList.length > 0) throw badCall('a legacy transaction has no access list')
    if (type === 2n && gasPrice !== undefined) throw badCall('an EIP-1559 transaction has no gasPrice')
    if (gasPrice !== undefined || type === 0n || type === 1n) {
      const legacyType: 0 | 1 = type === 1n || accessList.length > 0 ? 1 : 0
      return { type: legacyType, gasPrice: gasPrice ?? baseFeePerGas + (await oracle.suggest()) }
    }
    const tip = call.maxPriorityFeePerGas ?? (await oracle.suggest())
    const room = 2n * baseFeePerGas + tip
    const maxFeePerGas = call.maxFeePerGas ?? room
    const suggested = call.maxPriorityFeePerGas === undefined && tip > maxFeePerGas ? maxFeePerGas : tip
    return { type: 2 as const, maxFeePerGas, maxPriorityFeePerGas: suggested }
  }
}
