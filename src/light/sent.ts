import { type Key, toKey } from '../primitives/bytes.ts'
import type { RecoveredTransaction } from '../primitives/transaction.ts'
import { MAX_SENT } from './limits.ts'

/** Transactions that were sent and are not known to be in a block: what a light node knows of what is pending. */
export class SentTransactions {
  readonly #byHash = new Map<Key, RecoveredTransaction>()

  get all(): readonly RecoveredTransaction[] {
    return [...this.#byHash.values()]
  }

  get(hash: Uint8Array): RecoveredTransaction | undefined {
    return this.#byHash.get(toKey(hash))
  }

  add(sent: RecoveredTransaction): void {
    for (const [key, { sender, tx }] of this.#byHash) {
      if (toKey(sender) === toKey(sent.sender) && tx.nonce === sent.tx.nonce) this.#byHash.delete(key)
    }
    this.#byHash.set(toKey(sent.hash), sent)
    if (this.#byHash.size > MAX_SENT) this.#byHash.delete(this.#byHash.keys().next().value!)
  }

  /** The next nonce of an account that has `nonce` by its proof. */
  nextNonce(address: Uint8Array, nonce: bigint): bigint {
    const sender = toKey(address)
    const own = this.all.filter((sent) => toKey(sent.sender) === sender)
    const taken = new Set(own.map(({ tx }) => tx.nonce))
    let next = nonce
    while (taken.has(next)) next++
    return next
  }

  /** Forgets what an account with `nonce` has behind it: mined, or another one with that nonce was. */
  settle(address: Uint8Array, nonce: bigint): void {
    const sender = toKey(address)
    for (const [key, sent] of this.#byHash) {
      if (toKey(sent.sender) === sender && sent.tx.nonce < nonce) this.#byHash.delete(key)
    }
  }
}
