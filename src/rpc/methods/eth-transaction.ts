import { toHex } from '../../primitives/bytes.ts'
import type { Backends, BlockRef, MinedTransaction } from '../backend.ts'
import { type MethodTable, method } from '../dispatch.ts'
import { encodeReceipt, encodeTransaction } from '../encode.ts'
import type { Json } from '../json.ts'
import { blockNumber, count, data, hash32 } from '../schema.ts'
import { BYTES, HASH, nullable, RECEIPT, TRANSACTION } from '../shapes.ts'

/** `eth_`: transactions. */
export function ethTransactionMethods({ chain, pool }: Pick<Backends, 'chain' | 'pool'>): MethodTable {
  const json = (mined: MinedTransaction | undefined): Json => (mined ? encodeTransaction(mined, mined) : null)
  const raw = async (ref: BlockRef, index: number): Promise<Json> => {
    const mined = await chain.transactionAt(ref, index)
    return mined ? toHex(mined.tx.raw) : null
  }

  return {
    eth_sendRawTransaction: method({
      summary: 'Admits a signed transaction to the pool and passes it on; its hash.',
      params: { transaction: data },
      result: HASH,
      handler: ({ transaction }) => pool.submit(transaction).then(toHex),
    }),
    eth_getTransactionByHash: method({
      summary: 'A transaction of the canonical chain or the pool; null if unknown.',
      params: { hash: hash32 },
      result: nullable(TRANSACTION),
      handler: async ({ hash }) => {
        const mined = await chain.transaction(hash)
        if (mined) return json(mined)
        const pending = await pool.get(hash)
        return pending ? encodeTransaction(pending) : null
      },
    }),
    eth_getTransactionByBlockNumberAndIndex: method({
      summary: 'A transaction by its place in a canonical block; null if there is none.',
      params: { block: blockNumber, index: count },
      result: nullable(TRANSACTION),
      handler: async ({ block, index }) => json(await chain.transactionAt(block, index)),
    }),
    eth_getTransactionByBlockHashAndIndex: method({
      summary: 'A transaction by its place in a block, side blocks included; null if there is none.',
      params: { hash: hash32, index: count },
      result: nullable(TRANSACTION),
      handler: async ({ hash, index }) => json(await chain.transactionAt({ hash }, index)),
    }),
    eth_getTransactionReceipt: method({
      summary: 'Receipt of a transaction of the canonical chain; null while it is pending or if it is unknown.',
      params: { hash: hash32 },
      result: nullable(RECEIPT),
      handler: async ({ hash }) => {
        const mined = await chain.transaction(hash)
        if (!mined) return null
        const [receipt] = await chain.receiptsOf(mined.header, [mined])
        return encodeReceipt(mined, receipt!)
      },
    }),
    eth_getRawTransactionByHash: method({
      summary: 'EIP-2718 encoding of a transaction of the canonical chain or the pool; null if unknown.',
      params: { hash: hash32 },
      result: nullable(BYTES),
      handler: async ({ hash }) => {
        const found = (await chain.transaction(hash)) ?? (await pool.get(hash))
        return found ? toHex(found.tx.raw) : null
      },
    }),
    eth_getRawTransactionByBlockNumberAndIndex: method({
      summary: 'EIP-2718 encoding of a transaction by its place in a canonical block; null if there is none.',
      params: { block: blockNumber, index: count },
      result: nullable(BYTES),
      handler: ({ block, index }) => raw(block, index),
    }),
    eth_getRawTransactionByBlockHashAndIndex: method({
      summary:
        'EIP-2718 encoding of a transaction by its place in a block, side blocks included; null if there is none.',
      params: { hash: hash32, index: count },
      result: nullable(BYTES),
      handler: ({ hash, index }) => raw({ hash }, index),
    }),
  }
}
