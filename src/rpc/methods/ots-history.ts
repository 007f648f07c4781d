import { toHex } from '../../primitives/bytes.ts'
import type { Backends, HistoryPage } from '../backend.ts'
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

  /** `page` is newest first. */
  const pageJson = async ({ transactions }: HistoryPage, firstPage: boolean, lastPage: boolean): Promise<Json> => {
    const receipts: Json[] = []
    for (const mined of transactions) {
      const receipt = encodeReceipt(mined, await chain.receipt(mined))
      receipts.push({ ...receipt, timestamp: mined.header.header.timestamp })
    }
    return { txs: transactions.map((mined) => encodeTransaction(mined, mined)), receipts, firstPage, lastPage }
  }

  return {
    ots_searchTransactionsBefore: method({
      summary:
        "An address's transactions below a block (0: up to the head), newest first; whole blocks, until a page is full.",
      params,
      result: HISTORY,
      handler: async ({ address, block, pageSize }) => {
        checkPageSize(pageSize)
        const before = block === 0 ? Number.MAX_SAFE_INTEGER : block
        const page = await chain.history(address, { before }, pageSize)
        return pageJson(page, block === 0, !page.more)
      },
    }),
    ots_searchTransactionsAfter: method({
      summary:
        "An address's transactions above a block (0: from genesis on), newest first; whole blocks, until a page is full.",
      params,
      result: HISTORY,
      handler: async ({ address, block, pageSize }) => {
        checkPageSize(pageSize)
        const page = await chain.history(address, { after: block === 0 ? -1 : block }, pageSize)
        const newestFirst = { ...page, transactions: page.transactions.toReversed() }
        return pageJson(newestFirst, !page.more, block === 0)
      },
    }),
    ots_getTransactionBySenderAndNonce: method({
      summary: 'Hash of the canonical transaction that an account signed with a nonce; null if there is none.',
      params: { sender: address, nonce: count },
      result: nullable(HASH),
      handler: async ({ sender, nonce }) => {
        const found = await transactionByNonce(chain, sender, BigInt(nonce))
        return found ? toHex(found.hash) : null
      },
    }),
  }
}

function checkPageSize(pageSize: number): void {
  if (pageSize > MAX_HISTORY_PAGE) {
    throw limitExceeded(`page of ${pageSize} transactions, limit ${MAX_HISTORY_PAGE}`, MAX_HISTORY_PAGE)
  }
}
