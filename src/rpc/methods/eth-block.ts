import { transactionHash } from '../../crypto/hashes.ts'
import { toHex } from '../../primitives/bytes.ts'
import type { Backends, BlockRef, ChainBackend, ChainBlock, SignedTransaction } from '../backend.ts'
import { type MethodTable, method } from '../dispatch.ts'
import { encodeBlock, encodeHeader, encodeReceipt, encodeTransaction } from '../encode.ts'
import type { Json } from '../json.ts'
import { blockNumber, blockRef, boolean, hash32, optional } from '../schema.ts'
import { BLOCK, HEADER, listOf, nullable, RECEIPT } from '../shapes.ts'

/** A block's transactions with hash and sender. */
async function signedTransactions(chain: ChainBackend, block: ChainBlock): Promise<SignedTransaction[]> {
  const senders = await chain.senders(block)
  return block.transactions.map((tx, index) => ({ tx, hash: transactionHash(tx), sender: senders[index]! }))
}

/** `eth_`: blocks. */
export function ethBlockMethods({ chain }: Pick<Backends, 'chain'>): MethodTable {
  const fullTransactions = optional(boolean, false)

  const blockJson = async (ref: BlockRef, full: boolean): Promise<Json> => {
    const block = await chain.block(ref)
    if (!block) return null
    if (!full)
      return encodeBlock(
        block,
        block.transactions.map((tx) => toHex(transactionHash(tx))),
      )
    const signed = await signedTransactions(chain, block)
    return encodeBlock(
      block,
      signed.map((tx, index) => encodeTransaction(tx, { block, index })),
    )
  }

  const headerJson = async (ref: BlockRef): Promise<Json> => {
    const header = await chain.header(ref)
    return header ? encodeHeader(header) : null
  }

  return {
    eth_getBlockByNumber: method({
      summary: 'A canonical block, with transaction hashes or whole transactions; null if there is none.',
      params: { block: blockNumber, fullTransactions },
      result: nullable(BLOCK),
      handler: ({ block, fullTransactions }) => blockJson(block, fullTransactions),
    }),
    eth_getBlockByHash: method({
      summary: 'A block, side blocks included, with transaction hashes or whole transactions; null if unknown.',
      params: { hash: hash32, fullTransactions },
      result: nullable(BLOCK),
      handler: ({ hash, fullTransactions }) => blockJson({ hash }, fullTransactions),
    }),
    eth_getHeaderByNumber: method({
      summary: 'The header of a canonical block; null if there is none.',
      params: { block: blockNumber },
      result: nullable(HEADER),
      handler: ({ block }) => headerJson(block),
    }),
    eth_getHeaderByHash: method({
      summary: 'A header by its hash; null if unknown.',
      params: { hash: hash32 },
      result: nullable(HEADER),
      handler: ({ hash }) => headerJson({ hash }),
    }),
    eth_getBlockReceipts: method({
      summary: 'Receipts of all transactions of a block; null if the block is unknown.',
      params: { block: blockRef },
      result: nullable(listOf(RECEIPT)),
      handler: async ({ block: ref }) => {
        const block = await chain.block(ref)
        if (!block) return null
        const [signed, receipts] = await Promise.all([signedTransactions(chain, block), chain.receipts(block)])
        return signed.map((tx, index) => encodeReceipt(tx, { block, index }, receipts))
      },
    }),
  }
}
