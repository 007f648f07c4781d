import type { Backends, SenderContent, SignedTransaction } from '../backend.ts'
import { type MethodTable, method } from '../dispatch.ts'
import { checksumAddress, encodeTransaction, quantity } from '../encode.ts'
import { limitExceeded } from '../errors.ts'
import type { Json, JsonObject } from '../json.ts'
import { MAX_POOL_CONTENT } from '../limits.ts'
import { address } from '../schema.ts'
import { mapOf, QUANTITY, shape, TEXT, TRANSACTION } from '../shapes.ts'

const BY_NONCE = mapOf(TRANSACTION)

/** `txpool_`: transactions that wait, in geth's shapes: by sender, then by nonce in decimal. */
export function txpoolMethods({ pool }: Pick<Backends, 'pool'>): MethodTable {
  const content = (show: (transaction: SignedTransaction) => Json): Json => {
    const { pending, queued } = pool.status()
    if (pending + queued > MAX_POOL_CONTENT) {
      throw limitExceeded(`${pending + queued} transactions in the pool, limit ${MAX_POOL_CONTENT}`, MAX_POOL_CONTENT)
    }
    const senders = pool.content()
    return { pending: bySender(senders, 'pending', show), queued: bySender(senders, 'queued', show) }
  }

  return {
    txpool_status: method({
      summary: 'Numbers of transactions that can be mined now, and that wait for one before them.',
      params: {},
      result: shape({ pending: QUANTITY, queued: QUANTITY }),
      handler: () => {
        const { pending, queued } = pool.status()
        return { pending: quantity(pending), queued: quantity(queued) }
      },
    }),
    txpool_content: method({
      summary: 'All transactions of the pool, by sender and nonce.',
      params: {},
      result: shape({ pending: mapOf(BY_NONCE), queued: mapOf(BY_NONCE) }),
      handler: () => content((transaction) => encodeTransaction(transaction)),
    }),
    txpool_contentFrom: method({
      summary: "An account's transactions in the pool, by nonce.",
      params: { address },
      result: shape({ pending: BY_NONCE, queued: BY_NONCE }),
      handler: ({ address }) => {
        const { pending, queued } = pool.contentFrom(address)
        return { pending: byNonce(pending, encodeTransaction), queued: byNonce(queued, encodeTransaction) }
      },
    }),
    txpool_inspect: method({
      summary: 'All transactions of the pool in a line each, by sender and nonce.',
      params: {},
      result: shape({ pending: mapOf(mapOf(TEXT)), queued: mapOf(mapOf(TEXT)) }),
      handler: () =>
        content(({ tx: { to, value, gasLimit, maxFeePerGas } }) => {
          const recipient = to ? checksumAddress(to) : 'contract creation'
          return `${recipient}: ${value} wei + ${gasLimit} gas × ${maxFeePerGas} wei`
        }),
    }),
  }
}

function bySender(
  senders: readonly SenderContent[],
  section: 'pending' | 'queued',
  show: (transaction: SignedTransaction) => Json,
): JsonObject {
  const filled = senders.filter((content) => content[section].length > 0)
  return Object.fromEntries(filled.map((content) => [checksumAddress(content.sender), byNonce(content[section], show)]))
}

function byNonce(
  transactions: readonly SignedTransaction[],
  show: (transaction: SignedTransaction) => Json,
): JsonObject {
  return Object.fromEntries(transactions.map((transaction) => [transaction.tx.nonce.toString(), show(transaction)]))
}
