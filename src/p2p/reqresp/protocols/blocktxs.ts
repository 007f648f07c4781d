import { DecodeError } from '../../../primitives/errors.ts'
import type { Transaction } from '../../../primitives/transaction.ts'
import {
  type BlockTransactionsRequest,
  decodeBlockTransactionsRequest,
  encodeBlockTransactionsRequest,
  MAX_BLOCK_TRANSACTIONS_REQUEST_BYTES,
} from '../../wire/block-transactions.ts'
import { decodeBlockTransactions, encodeTransactionList } from '../../wire/transactions.ts'
import type { BlockBackend } from '../backend.ts'
import type { RequestClient, RequestOptions } from '../client.ts'
import { NOT_YET_RETRY_MS } from '../limits.ts'
import { Refused, type ServedProtocol } from '../served-protocol.ts'

/** Exactly the transactions asked for. Whether they are the block's shows in its transactions root. */
export function requestBlockTransactions(
  client: RequestClient,
  peer: string,
  request: BlockTransactionsRequest,
  options?: RequestOptions,
): Promise<Transaction[]> {
  const decode = (chunk: Uint8Array) => {
    const transactions = decodeBlockTransactions(chunk)
    const { length } = request.indexes
    if (transactions.length !== length) throw new DecodeError(`${transactions.length} transactions, not ${length}`)
    return transactions
  }
  return client.requestOne(peer, 'blocktxs', encodeBlockTransactionsRequest(request), decode, options)
}

export const blocktxsProtocol: ServedProtocol = {
  name: 'blocktxs',
  maxRequestBytes: MAX_BLOCK_TRANSACTIONS_REQUEST_BYTES,
  served: ({ blocks }) => blocks !== undefined,
  answer(_peer, request, { blocks }) {
    return [transactions(decodeBlockTransactionsRequest(request), blocks!)]
  },
}

async function transactions(request: BlockTransactionsRequest, blocks: BlockBackend): Promise<Uint8Array> {
  const found = await blocks.transactions(request)
  if (found === undefined) throw new Refused('unavailable', 'unknown block, or no such transactions in it')
  if (found === 'not-yet') throw new Refused('not-yet', 'the block is not here yet', NOT_YET_RETRY_MS)
  return encodeTransactionList(found)
}
