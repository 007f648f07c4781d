import { transactionHash } from '../../crypto/hashes.ts'
import { toHex } from '../../primitives/bytes.ts'
import { placeReceipts } from '../../primitives/receipt.ts'
import type { Backends, BlockRef, ChainBackend, ChainBlock, MinedTransaction } from '../backend.ts'
import type { Caller } from '../caller.ts'
import { type MethodTable, method } from '../dispatch.ts'
import { encodeBlock, encodeHeader, encodeReceipt, encodeTransaction, quantity } from '../encode.ts'
import type { Json } from '../json.ts'
import { TRANSACTIONS_PER_UNIT } from '../limits.ts'
import { blockNumber, blockRef, boolean, count, hash32, optional } from '../schema.ts'
import { BLOCK, HEADER, listOf, nullable, QUANTITY, RECEIPT } from '../shapes.ts'

/** A block's transactions with hash, sender and place. */
export async function minedTransactions(chain: ChainBackend, block: ChainBlock): Promise<MinedTransaction[]> {
  const senders = await chain.senders(block)
  return block.transactions.map((tx, index) => ({
    tx,
    hash: transactionHash(tx),
    sender: senders[index]!,
    header: block,
    index,
  }))
}

/** `eth_`: blocks. */
export function ethBlockMethods({ chain }: Pick<Backends, 'chain'>): MethodTable {
  const fullTransactions = optional(boolean, false)

  const blockJson = async (ref: BlockRef, full: boolean): Promise<Json> => {
    const block = await chain.block(ref)
    if (!block) return null
    if (!full) return encodeBlock(block, hashes(block))
    const mined = await minedTransactions(chain, block)
    return encodeBlock(
      block,
      mined.map((transaction) => encodeTransaction(transaction, transaction)),
    )
  }
  const headerJson = async (ref: BlockRef): Promise<Json> => {
    const header = await chain.header(ref)
    return header ? encodeHeader(header) : null
  }
  const transactionCount = async (ref: BlockRef, caller: Caller): Promise<Json> => {
    const block = await chain.block(ref)
    if (!block) return null
    caller.charge?.(block.transactions.length / TRANSACTIONS_PER_UNIT)
    return quantity(block.transactions.length)
  }
  // This ledger has no uncles: their list is empty in every block, and no index has one.
  const uncleCount = async (ref: BlockRef): Promise<Json> => ((await chain.header(ref)) ? quantity(0) : null)

  return {
    eth_getBlockByNumber: method({
      summary: 'A canonical block, with transaction hashes or whole transactions; null if there is none.',
      params: { block: blockNumber, fullTransactions },
      result: nullable(BLOCK),
      heavy: true,
      handler: ({ block, fullTransactions }) => blockJson(block, fullTransactions),
    }),
    eth_getBlockByHash: method({
      summary: 'A block, side blocks included, with transaction hashes or whole transactions; null if unknown.',
      params: { hash: hash32, fullTransactions },
      result: nullable(BLOCK),
      heavy: true,
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
    eth_getBlockTransactionCountByNumber: method({
      summary: 'Number of transactions of a canonical block; null if there is none.',
      params: { block: blockNumber },
      result: nullable(QUANTITY),
      heavy: true,
      handler: ({ block }, caller) => transactionCount(block, caller),
    }),
    eth_getBlockTransactionCountByHash: method({
      summary: 'Number of transactions of a block; null if unknown.',
      params: { hash: hash32 },
      result: nullable(QUANTITY),
      heavy: true,
      handler: ({ hash }, caller) => transactionCount({ hash }, caller),
    }),
    eth_getUncleCountByBlockNumber: method({
      summary:
        'Number of uncles of a canonical block: 0x0, since this ledger has none; null if there is no such block.',
      params: { block: blockNumber },
      result: nullable(QUANTITY),
      handler: ({ block }) => uncleCount(block),
    }),
    eth_getUncleCountByBlockHash: method({
      summary: 'Number of uncles of a block: 0x0, since this ledger has none; null if the block is unknown.',
      params: { hash: hash32 },
      result: nullable(QUANTITY),
      handler: ({ hash }) => uncleCount({ hash }),
    }),
    eth_getUncleByBlockNumberAndIndex: method({
      summary: 'An uncle of a canonical block: null, since this ledger has none.',
      params: { block: blockNumber, index: count },
      result: { type: 'null' },
      handler: () => null,
    }),
    eth_getUncleByBlockHashAndIndex: method({
      summary: 'An uncle of a block: null, since this ledger has none.',
      params: { hash: hash32, index: count },
      result: { type: 'null' },
      handler: () => null,
    }),
    eth_getBlockReceipts: method({
      summary: 'Receipts of all transactions of a block; null if the block is unknown.',
      params: { block: blockRef },
      result: nullable(listOf(RECEIPT)),
      heavy: true,
      handler: async ({ block: ref }) => {
        const block = await chain.block(ref)
        if (!block) return null
        const [mined, receipts] = await Promise.all([minedTransactions(chain, block), chain.receipts(block)])
        const placed = placeReceipts(receipts)
        return mined.map((transaction, index) => encodeReceipt(transaction, placed[index]!))
      },
    }),
  }
}

function hashes(block: ChainBlock): Json[] {
  return block.transactions.map((tx) => toHex(transactionHash(tx)))
}
