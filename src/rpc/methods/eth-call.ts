import { toHex } from '../../primitives/bytes.ts'
import { encodeForSigning } from '../../primitives/transaction.ts'
import type { Backends } from '../backend.ts'
import { callObject, refuseContract, transferGas } from '../call.ts'
import { type MethodTable, method } from '../dispatch.ts'
import { encodeUnsigned, quantity } from '../encode.ts'
import type { FillTransaction } from '../fill-transaction.ts'
import { blockRef, LATEST, noOverrides, optional, type StateRef } from '../schema.ts'
import { ACCESS_LIST, BYTES, QUANTITY, shape, UNSIGNED_TRANSACTION } from '../shapes.ts'
import { stateHeader } from '../state-header.ts'

/** `eth_`: transactions that are not there yet. */
export function ethCallMethods({ chain }: Backends, fill: FillTransaction): MethodTable {
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
        const filled = await fill(transaction)
        return { raw: toHex(encodeForSigning(filled)), tx: encodeUnsigned(filled, transaction.from!) }
      },
    }),
  }
}
