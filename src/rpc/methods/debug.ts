import { logsBloom } from '../../crypto/hashes.ts'
import { encodeBlock } from '../../primitives/block.ts'
import { toHex } from '../../primitives/bytes.ts'
import { encodeHeader } from '../../primitives/header.ts'
import { encodeReceipt } from '../../primitives/receipt.ts'
import type { Backends } from '../backend.ts'
import { type MethodTable, method } from '../dispatch.ts'
import { blockRef, hash32 } from '../schema.ts'
import { BYTES, listOf, nullable } from '../shapes.ts'

/** `debug_`: records as they are hashed. */
export function debugMethods({ chain, pool }: Pick<Backends, 'chain' | 'pool'>): MethodTable {
  return {
    debug_getRawHeader: method({
      summary: 'RLP of a header; null if the block is unknown.',
      params: { block: blockRef },
      result: nullable(BYTES),
      handler: async ({ block }) => {
        const found = await chain.header(block)
        return found ? toHex(encodeHeader(found.header)) : null
      },
    }),
    debug_getRawBlock: method({
      summary: 'RLP of a block; null if it is unknown.',
      params: { block: blockRef },
      result: nullable(BYTES),
      heavy: true,
      handler: async ({ block }) => {
        const found = await chain.block(block)
        return found ? toHex(encodeBlock(found)) : null
      },
    }),
    debug_getRawReceipts: method({
      summary: 'EIP-2718 encodings of the receipts of a block; null if it is unknown.',
      params: { block: blockRef },
      result: nullable(listOf(BYTES)),
      heavy: true,
      handler: async ({ block }) => {
        const found = await chain.block(block)
        if (!found) return null
        const receipts = await chain.receipts(found)
        return receipts.map((receipt) => toHex(encodeReceipt(receipt, logsBloom(receipt.logs))))
      },
    }),
    debug_getRawTransaction: method({
      summary: 'EIP-2718 encoding of a transaction of the canonical chain or the pool; null if unknown.',
      params: { hash: hash32 },
      result: nullable(BYTES),
      handler: async ({ hash }) => {
        const found = (await chain.transaction(hash)) ?? (await pool.get(hash))
        return found ? toHex(found.tx.raw) : null
      },
    }),
  }
}
