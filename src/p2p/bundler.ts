import { rlpHeaderLength } from '../primitives/rlp.ts'
import type { RecoveredTransaction } from '../primitives/transaction.ts'
import { MAX_WAITING_BYTES } from './limits.ts'
import { MAX_BUNDLE_BYTES, MAX_BUNDLE_TRANSACTIONS } from './wire/limits.ts'
import { encodeTransactionList, transactionItemLength } from './wire/transactions.ts'

export interface Bundle {
  readonly transactions: readonly RecoveredTransaction[]
  /** What the `tx` topic carries. */
  readonly data: Uint8Array
}

/**
 * Transactions on their way out, in the order in which they came, so that an account's arrive in the order of their
 * nonces. What finds no room is not announced: it stays in the pool, and is mined here if nowhere else.
 */
export class Bundler {
  #waiting: RecoveredTransaction[] = []
  #waitingBytes = 0

  get empty(): boolean {
    return this.#waiting.length === 0
  }

  /** Whether a bundle could be filled. */
  get full(): boolean {
    return this.#waitingBytes >= MAX_BUNDLE_BYTES || this.#waiting.length >= MAX_BUNDLE_TRANSACTIONS
  }

  /** @returns false if there is no room. */
  add(transaction: RecoveredTransaction): boolean {
    const sizeBytes = transactionItemLength(transaction.tx.raw.length)
    if (this.#waitingBytes + sizeBytes > MAX_WAITING_BYTES) return false
    this.#waiting.push(transaction)
    this.#waitingBytes += sizeBytes
    return true
  }

  /** All that waits, as bundles. */
  take(): Bundle[] {
    const bundles: Bundle[] = []
    let transactions: RecoveredTransaction[] = []
    let payloadBytes = 0
    for (const transaction of this.#waiting) {
      const sizeBytes = transactionItemLength(transaction.tx.raw.length)
      const together = payloadBytes + sizeBytes
      const tooLong = transactions.length > 0 && rlpHeaderLength(together) + together > MAX_BUNDLE_BYTES
      if (tooLong || transactions.length === MAX_BUNDLE_TRANSACTIONS) {
        bundles.push(bundleOf(transactions))
        transactions = []
        payloadBytes = 0
      }
      transactions.push(transaction)
      payloadBytes += sizeBytes
    }
    if (transactions.length > 0) bundles.push(bundleOf(transactions))
    this.#waiting = []
    this.#waitingBytes = 0
    return bundles
  }
}

function bundleOf(transactions: readonly RecoveredTransaction[]): Bundle {
  return { transactions, data: encodeTransactionList(transactions.map(({ tx }) => tx.raw)) }
}
