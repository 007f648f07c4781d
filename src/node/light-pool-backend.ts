import type { Recovery } from '../crypto/recovery.ts'
import { recoverTransaction } from '../crypto/sender.ts'
import type { LightClient } from '../light/client.ts'
import { equalBytes, type Key, toKey } from '../primitives/bytes.ts'
import { DEFAULT_MIN_TIP } from '../primitives/limits.ts'
import type { Transaction } from '../primitives/transaction.ts'
import type { PoolBackend, SenderContent, SignedTransaction } from '../rpc/backend.ts'

export interface LightPoolComponents {
  readonly client: Pick<LightClient, 'submit' | 'pendingNonce' | 'sent' | 'sentTransactions'>
  readonly recovery: Recovery
  /** A transaction in the pool of a peer; whoever signed it. */
  readonly pooled: (hash: Uint8Array) => Promise<Transaction | undefined>
}

/** A light node's pool: what was handed in here and is not mined yet. Of others' it knows what peers show when asked by hash. */
export class LightPool implements PoolBackend {
  readonly minTip = DEFAULT_MIN_TIP
  readonly #parts: LightPoolComponents
  readonly #listeners = new Set<(transactions: readonly SignedTransaction[]) => void>()

  constructor(components: LightPoolComponents) {
    this.#parts = components
  }

  /** Calls `listener` with transactions that have been handed in. @returns what ends that. */
  subscribe(listener: (transactions: readonly SignedTransaction[]) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async submit(raw: Uint8Array): Promise<Uint8Array> {
    const { client } = this.#parts
    const hash = await client.submit(raw)
    const sent = client.sent(hash)
    if (sent) for (const listener of this.#listeners) listener([sent])
    return hash
  }

  nonce(address: Uint8Array): Promise<bigint> {
    return this.#parts.client.pendingNonce(address)
  }

  async get(hash: Uint8Array): Promise<SignedTransaction | undefined> {
    const { client, recovery, pooled } = this.#parts
    const sent = client.sent(hash)
    if (sent) return sent
    const found = await pooled(hash)
    return found && recoverTransaction(recovery, found)
  }

  status(): { readonly pending: number; readonly queued: number } {
    return { pending: this.#parts.client.sentTransactions.length, queued: 0 }
  }

  content(): readonly SenderContent[] {
    const senders = new Map<Key, Uint8Array>()
    for (const { sender } of this.#parts.client.sentTransactions) senders.set(toKey(sender), sender)
    return [...senders.values()].map((sender) => this.contentFrom(sender))
  }

  contentFrom(sender: Uint8Array): SenderContent {
    const own = this.#parts.client.sentTransactions.filter((transaction) => equalBytes(transaction.sender, sender))
    return { sender, pending: own.toSorted((a, b) => (a.tx.nonce < b.tx.nonce ? -1 : 1)), queued: [] }
  }
}
