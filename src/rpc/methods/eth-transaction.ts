import { EMPTY_ACCOUNT, hasCode, isPrecompile } from '../../primitives/account.ts'
import { EMPTY_BYTES, equalBytes, toHex } from '../../primitives/bytes.ts'
import { TxError } from '../../primitives/errors.ts'
import { MAX_TRANSACTION_BYTES } from '../../primitives/limits.ts'
import { intrinsicGas } from '../../primitives/transaction.ts'
import type { Backends, MinedTransaction, SignedTransaction } from '../backend.ts'
import { type MethodTable, method } from '../dispatch.ts'
import { encodeReceipt, encodeTransaction, quantity } from '../encode.ts'
import { INVALID_PARAMS, RpcError } from '../errors.ts'
import { MAX_ACCESS_LIST_ITEMS } from '../limits.ts'
import {
  address,
  arrayOf,
  blockRef,
  data,
  hash32,
  LATEST,
  object,
  optional,
  quantity as quantityParam,
  type StateRef,
} from '../schema.ts'
import { HASH, nullable, QUANTITY, RECEIPT, TRANSACTION } from '../shapes.ts'
import { stateHeader } from './eth-account.ts'

/** What wallets send to have a transaction completed or judged; all of it may be missing. */
const callObject = object({
  from: optional(address),
  to: optional(address),
  value: optional(quantityParam, 0n),
  gasPrice: optional(quantityParam),
  maxFeePerGas: optional(quantityParam),
  data: optional(data),
  input: optional(data),
  accessList: optional(
    arrayOf(object({ address, storageKeys: arrayOf(hash32, MAX_ACCESS_LIST_ITEMS) }), MAX_ACCESS_LIST_ITEMS),
    [],
  ),
})

/** `eth_`: transactions. */
export function ethTransactionMethods({ chain, pool }: Pick<Backends, 'chain' | 'pool'>): MethodTable {
  const signed = async ({ block, index }: MinedTransaction, hash: Uint8Array): Promise<SignedTransaction> => {
    const senders = await chain.senders(block)
    return { tx: block.transactions[index]!, hash, sender: senders[index]! }
  }

  return {
    eth_sendRawTransaction: method({
      summary: 'Admits a signed transaction to the pool and passes it on; its hash.',
      params: { transaction: data },
      result: HASH,
      handler: async ({ transaction }) => toHex(await pool.submit(transaction)),
    }),
    eth_getTransactionByHash: method({
      summary: 'A transaction of the canonical chain or the pool; null if unknown.',
      params: { hash: hash32 },
      result: nullable(TRANSACTION),
      handler: async ({ hash }) => {
        const mined = await chain.transaction(hash)
        if (mined) return encodeTransaction(await signed(mined, hash), mined)
        const pending = await pool.get(hash)
        return pending ? encodeTransaction(pending, undefined) : null
      },
    }),
    eth_getTransactionReceipt: method({
      summary: 'Receipt of a transaction of the canonical chain; null while it is pending or if it is unknown.',
      params: { hash: hash32 },
      result: nullable(RECEIPT),
      handler: async ({ hash }) => {
        const mined = await chain.transaction(hash)
        if (!mined) return null
        const receipts = await chain.receipts(mined.block)
        return encodeReceipt(await signed(mined, hash), mined, receipts)
      },
    }),
    eth_estimateGas: method({
      summary: 'Gas that a transfer uses: exact, since no code runs. Fails as sending it would.',
      params: {
        transaction: callObject,
        block: optional<StateRef>(blockRef, LATEST),
        // geth's third parameter; there is nothing to override, so only an empty one is right.
        stateOverrides: optional(object({})),
      },
      result: QUANTITY,
      handler: async ({ transaction, block }) => {
        const { from, to, value, accessList } = transaction
        const at = await stateHeader(chain, block)
        const payload = calldata(transaction)
        const gas = intrinsicGas({ to, data: payload, accessList })
        const { gasLimit } = at.header
        if (gas > gasLimit) throw new TxError('gas-above-block', { gasLimit: gas, available: gasLimit })

        if (!to) throw new TxError('contract-creation')
        if (isPrecompile(to)) throw new TxError('recipient-is-precompile')
        if (hasCode((await chain.account(to, at)) ?? EMPTY_ACCOUNT)) throw new TxError('recipient-has-code')

        if (from) {
          const price = transaction.maxFeePerGas ?? transaction.gasPrice ?? 0n
          const cost = value + gas * price
          const { balance } = (await chain.account(from, at)) ?? EMPTY_ACCOUNT
          if (cost > balance) throw new TxError('insufficient-funds', { balance, cost })
        }
        return quantity(gas)
      },
    }),
  }
}

function calldata({
  data,
  input,
}: {
  readonly data?: Uint8Array | undefined
  readonly input?: Uint8Array | undefined
}) {
  if (data && input && !equalBytes(data, input)) {
    throw new RpcError(INVALID_PARAMS, 'both "data" and "input" are set and not equal')
  }
  const payload = input ?? data ?? EMPTY_BYTES
  if (payload.length > MAX_TRANSACTION_BYTES) {
    throw new TxError('oversized', { sizeBytes: payload.length, limitBytes: MAX_TRANSACTION_BYTES })
  }
  return payload
}
