import { keccak256 } from '../../../crypto/keccak.ts'
import { equalBytes } from '../../../primitives/bytes.ts'
import { DecodeError } from '../../../primitives/errors.ts'
import type { Transaction } from '../../../primitives/transaction.ts'
import { decodeTransactionHashes, encodeHashes, MAX_TRANSACTION_HASHES_BYTES } from '../../wire/hashes.ts'
import { FULL_RESPONSE_BYTES } from '../../wire/limits.ts'
import { decodePooledTransactions, encodeTransactionList } from '../../wire/transactions.ts'
import type { RequestClient, RequestOptions } from '../client.ts'
import type { ServedProtocol } from '../served-protocol.ts'

/** A pooled transaction under the hash that it was asked for by. Its signature is for the caller to check. */
export interface PooledTransaction {
  readonly hash: Uint8Array
  readonly transaction: Transaction
}

/** Those of the transactions that the peer still holds, in the order asked for. @param hashes  1 to MAX_TRANSACTIONS_ASKED. */
export function requestTransactions(
  client: RequestClient,
  peer: string,
  hashes: readonly Uint8Array[],
  options?: RequestOptions,
): Promise<PooledTransaction[]> {
  const decode = (chunk: Uint8Array) => {
    let asked = 0
    return decodePooledTransactions(chunk).map((transaction) => {
      const hash = keccak256(transaction.raw)
      while (asked < hashes.length && !equalBytes(hashes[asked]!, hash)) asked++
      if (asked++ === hashes.length) throw new DecodeError('a transaction that was not asked for, or out of order')
      return { hash, transaction }
    })
  }
  return client.requestOne(peer, 'txs', encodeHashes(hashes), decode, options)
}

export const txsProtocol: ServedProtocol = {
  name: 'txs',
  maxRequestBytes: MAX_TRANSACTION_HASHES_BYTES,
  served: ({ pool }) => pool !== undefined,
  answer(_peer, request, { pool }) {
    const raws: Uint8Array[] = []
    let bytes = 0
    for (const hash of decodeTransactionHashes(request)) {
      const raw = pool!.transaction(hash)
      if (raw === undefined) continue
      raws.push(raw)
      bytes += raw.length
      if (bytes >= FULL_RESPONSE_BYTES) break
    }
    return [encodeTransactionList(raws)]
  },
}
