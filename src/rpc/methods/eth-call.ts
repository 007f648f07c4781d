import { toHex } from '../../primitives/bytes.ts'
import { encodeForSigning, type TransactionFields } from '../../primitives/transaction.ts'
import type { Backends } from '../backend.ts'
import { badCall, type Call, calldata, callObject, refuseContract, transferGas } from '../call.ts'
import { type MethodTable, method } from '../dispatch.ts'
import { encodeUnsigned, quantity } from '../encode.ts'
import type { TipOracle } from '../fees.ts'
import { blockRef, LATEST, noOverrides, optional, type StateRef } from '../schema.ts'
import { ACCESS_LIST, BYTES, QUANTITY, shape, UNSIGNED_TRANSACTION } from '../shapes.ts'
import { stateHeader } from '../state-header.ts'
import { requireSynced } from '../syncing.ts'

/** `eth_`: transactions that are not there yet. */
export function ethCallMethods({ chain, pool, node }: Backends, oracle: TipOracle): MethodTable {
  const block = optional<StateRef>(blockRef, LATEST)
  const params = { transaction: callObject, block, stateOverrides: optional(noOverrides) }

  return {
    eth_call: method({
      summary: 'What a call returns: nothing (0x), since no code runs on this ledger. Fails where the transfer would.',
      params: { ...params, blockOverrides: optional(noOverrides) },
      result: BYTES,
      handler: async ({ transaction, block }) => {
        await transferGas(chain, transaction, await stateHeader(chain, block))
        return '0x'
      },
    }),
    eth_estimateGas: method({
      summary: 'Gas that a transfer uses: exact, since no code runs. Fails as sending it would.',
      params,
      result: QUANTITY,
      handler: async ({ transaction, block }) => {
        const at = await stateHeader(chain, block)
        const gas = await transferGas(chain, transaction, at)
        await refuseContract(chain, transaction, at)
        return quantity(gas)
      },
    }),
    eth_createAccessList: method({
      summary: 'The access list that a transfer gains from: an empty one, since no code runs; and the gas with it.',
      params,
      result: shape({ accessList: ACCESS_LIST, gasUsed: QUANTITY }),
      handler: async ({ transaction, block }) => {
        const at = await stateHeader(chain, block)
        const gas = await transferGas(chain, { ...transaction, accessList: [] }, at)
        await refuseContract(chain, transaction, at)
        return { accessList: [], gasUsed: quantity(gas) }
      },
    }),
    eth_fillTransaction: method({
      summary: 'Completes a transaction with nonce, gas and fees; `raw` are the bytes whose keccak256 is to be signed.',
      params: { transaction: callObject },
      result: shape({ raw: BYTES, tx: UNSIGNED_TRANSACTION }),
      handler: async ({ transaction }) => {
        requireSynced(node)
        const { from } = transaction
        if (!from) throw badCall('from is missing')
        const at = await chain.head()
        const { type, ...price } = await fees(transaction, chain.nextBaseFee(at.header))
        const priced = { ...transaction, ...price }
        const gas = await transferGas(chain, priced, at)
        await refuseContract(chain, priced, at)
        const filled: TransactionFields = {
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
        return { raw: toHex(encodeForSigning(filled)), tx: encodeUnsigned(filled, from) }
      },
    }),
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
