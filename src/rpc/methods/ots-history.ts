import { equalBytes, toHex } from '../../primitives/bytes.ts'
import type { Backends, MinedTransaction } from '../backend.ts'
import { type MethodTable, method } from '../dispatch.ts'
import { encodeReceipt, encodeTransaction } from '../encode.ts'
import { limitExceeded } from '../errors.ts'
import type { Json } from '../json.ts'
import { MAX_HISTORY_PAGE } from '../limits.ts'
import { transactionByNonce } from '../nonce-search.ts'
import { address, count } from '../schema.ts'
import { BOOLEAN, HASH, listOf, named, nullable, RECEIPT_MEMBERS, shape, TRANSACTION, UINT } from '../shapes.ts'

const HISTORY = named(
  'HistoryPage',
  shape({
    txs: listOf(TRANSACTION),
    receipts: listOf(shape({ ...RECEIPT_MEMBERS, timestamp: UINT })),
    firstPage: BOOLEAN,
    lastPage: BOOLEAN,
  }),
)

/** `ots_`: an address's history, which Ethereum's own methods lack; as Otterscan pages through it. */
export function otsHistoryMethods({ chain }: Pick<Backends, 'chain'>): MethodTable {
  const params = { address, block: count, pageSize: count }

  /** @param oldestFirst  in the order of the chain. */
  const pageJson = async (
    oldestFirst: readonly MinedTransaction[],
    firstPage: boolean,
    lastPage: boolean,
  ): Promise<Json> => {
    const txs: Json[] = []
    const receipts: Json[] = []
    for (const own of byBlock(oldestFirst)) {
      const { header } = own[0]!
      const placed = await chain.receiptsOf(header, own)
      for (const [i, mined] of own.entries()) {
        txs.push(encodeTransaction(mined, mined))
        receipts.push({ ...encodeReceipt(mined, placed[i]!), timestamp: header.header.timestamp })
      }
    }
    return { txs: txs.reverse(), receipts: receipts.reverse(), firstPage, lastPage }
  }

  return {
    ots_searchTransactionsBefore: method({
      summary:
        "An address's transactions below a block (0: up to the head), newest first; whole blocks, until a page is full.",
      params,
      result: HISTORY,
      heavy: true,
      handler: async ({ address, block, pageSize }) => {
        checkPageSize(pageSize)
        const before = block === 0 ? Number.MAX_SAFE_INTEGER : block
        const { transactions, more } = await chain.history(address, { before }, pageSize)
        return pageJson(transactions.toReversed(), block === 0, !more)
      },
    }),
    ots_searchTransactionsAfter: method({
      summary:
        "An address's transactions above a block (0: from genesis on), newest first; whole blocks, until a page is full.",
      params,
      result: HISTORY,
      heavy: true,
      handler: async ({ address, block, pageSize }) => {
        checkPageSize(pageSize)
        const { transactions, more } = await chain.history(address, { after: block === 0 ? -1 : block }, pageSize)
        return pageJson(transactions, !more, block === 0)
      },
    }),
    ots_getTransactionBySenderAndNonce: method({
      summary: 'Hash of the canonical transaction that an account signed with a nonce; null if there is none.',
      params: { sender: address, nonce: count },
      result: nullable(HASH),
      heavy: true,
      handler: async ({ sender, nonce }, caller) => {
        const found = await transactionByNonce(chain, sender, BigInt(nonce), caller)
        return found ? toHex(found.hash) : null
      },
    }),
  }
}

/** Transactions of the same block together; `transactions` are in the order of the chain. */
function byBlock(transactions: readonly MinedTransaction[]): MinedTransaction[][] {
  const blocks: MinedTransaction[][] = []
  for (const mined of transactions) {
    const last = blocks.at(-1)
    if (last && equalBytes(last[0]!.header.hash, mined.header.hash)) last.push(mined)
    else blocks.push([mined])
  }
  return blocks
}

function checkPageSize(pageSize: number): void {
  if (pageSize > MAX_HISTORY_PAGE) {
    throw limitExceeded(`page of ${pageSize} transactions, limit ${MAX_HISTORY_PAGE}`, MAX_HISTORY_PAGE)
  }
}
