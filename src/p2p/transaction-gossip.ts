import { transactionHash } from '../crypto/hashes.ts'
import type { AddResult, PoolChanges, SenderContent } from '../pool/types.ts'
import { concatBytes, type Key, toKey } from '../primitives/bytes.ts'
import type { Clock } from '../primitives/clock.ts'
import { DecodeError, TxError } from '../primitives/errors.ts'
import type { RecoveredTransaction, Transaction } from '../primitives/transaction.ts'
import { Bundler } from './bundler.ts'
import type { KnownTransaction } from './compact-matching.ts'
import { BUNDLE_DELAY_MS, PAID_TRANSACTION_BYTES, REANNOUNCE_AFTER_MS, REANNOUNCE_MS } from './limits.ts'
import type { PropagationWatch } from './propagation.ts'
import { RecoveryPayments } from './recovery-payments.ts'
import { type GossipVerdict, TRANSACTION_VERDICTS } from './verdict.ts'
import { countBundle, decodeTransactionBundle } from './wire/transactions.ts'

/** What gossip needs of a pool: `pool/pool.ts` has it. */
export interface GossipPool {
  lookup(hashKey: Key): RecoveredTransaction | undefined
  /** All that it holds, by sender. */
  content(): Iterable<Pick<SenderContent, 'pending'>>
  /** The ledger's rules and the pool's, as far as they need no signature. @throws TxError */
  check(tx: Transaction): void
  addBatch(transactions: readonly RecoveredTransaction[], origin: 'remote'): Promise<readonly AddResult[]>
}

export interface TransactionGossipComponents {
  readonly pool: GossipPool
  readonly recover: (transactions: readonly Transaction[]) => Promise<readonly (RecoveredTransaction | TxError)[]>
  readonly clock: Clock
  readonly watch: PropagationWatch
  /** In [0, 1). */
  readonly random: () => number
  readonly publish: (data: Uint8Array) => void
  /** Whether any peer wants transactions. */
  readonly hasListeners: () => boolean
  /** A peer goes on bringing far more than it is allowed to that is of no use. */
  readonly onFlood: (peer: string) => void
}

interface Fresh extends KnownTransaction {
  readonly key: Key
}

/** When a transaction was announced that nobody has announced yet. */
const NEVER = Number.NEGATIVE_INFINITY

interface Judgement {
  readonly verdict: GossipVerdict
  /** Transactions that the pool has taken. */
  readonly admitted: number
}

/**
 * The `tx` topic: what peers bring goes into the pool, what the pool takes goes out in bundles. Each transaction is passed
 * on once, in the bundle that it came in or in one of ours; and again when it is still there and nobody has spoken of it for a while,
 * for those who came later.
 */
export class TransactionGossip {
  readonly #parts: TransactionGossipComponents
  readonly #bundler = new Bundler()
  /** Of transactions that peers should have: when one was last told of it, by us or to us. In that order; left with the pool. */
  readonly #announcedMs = new Map<Key, number>()
  /** Of bundles being judged. */
  readonly #judged = new Map<Key, Fresh>()
  readonly #payments: RecoveryPayments
  #cancelFlush: (() => void) | undefined
  #cancelAgain = () => {}

  constructor(components: TransactionGossipComponents) {
    this.#parts = components
    this.#payments = new RecoveryPayments(components.clock)
  }

  /** Transactions that have arrived and are not in the pool yet. */
  get underway(): Iterable<KnownTransaction> {
    return this.#judged.values()
  }

  isAnnounced({ hash }: RecoveredTransaction): boolean {
    return this.#wasAnnounced(toKey(hash))
  }

  /** Begins with what the pool has kept from an earlier run. */
  start(): void {
    const { pool, clock, random } = this.#parts
    for (const { pending } of pool.content()) {
      for (const transaction of pending) {
        if (!this.#wasAnnounced(toKey(transaction.hash))) this.#enqueue(transaction)
      }
    }
    const again = () => {
      this.#announceAgain()
      this.#cancelAgain = clock.after(REANNOUNCE_MS, again)
    }
    // Not all nodes at once: who hears of a transaction from another has no need to speak.
    this.#cancelAgain = clock.after(REANNOUNCE_MS * random(), again)
  }

  stop(): void {
    this.#cancelFlush?.()
    this.#cancelAgain()
  }

  /** Sends what has been waiting for somebody to listen. */
  peerListens(): void {
    this.#schedule()
  }

  /** Follows the pool. */
  follow({ pending, dropped }: PoolChanges): void {
    for (const { hashKey } of dropped) this.#announcedMs.delete(hashKey)
    for (const transaction of pending) {
      const key = toKey(transaction.hash)
      // What is being judged is passed on by its verdict, or after it.
      if (this.#wasAnnounced(key) || this.#judged.has(key)) continue
      if (this.#parts.pool.lookup(key) !== undefined) this.#enqueue(transaction)
    }
  }

  /** Judges a message of the topic; what is new in it goes into the pool. @throws StoreError from the pool. */
  async handle(
    data: Uint8Array,
    from: string,
    remember: (again: (peer: string) => void) => void,
  ): Promise<GossipVerdict> {
    const count = decoded(countBundle, data)
    if (count === undefined) return 'reject'
    const cost = Math.max(count, data.length / PAID_TRANSACTION_BYTES)
    if (!(await this.#payments.pay(from, cost))) {
      if (this.#payments.leave(from, data.length)) this.#parts.onFlood(from)
      return 'ignore'
    }
    let admitted = 0
    try {
      const judged = await this.#judge(data, from, remember)
      admitted = judged.admitted
      return judged.verdict
    } finally {
      this.#payments.settle(from, (cost * admitted) / count)
    }
  }

  async #judge(data: Uint8Array, from: string, remember: (again: (peer: string) => void) => void): Promise<Judgement> {
    const bundle = decoded(decodeTransactionBundle, data)
    if (bundle === undefined) return { verdict: 'reject', admitted: 0 }
    const transactions = bundle.map((tx) => ({ tx, hash: transactionHash(tx) }))
    this.#note(
      transactions.map(({ hash }) => hash),
      from,
      remember,
    )
    const fresh = this.#pickFresh(transactions)
    if (fresh === undefined) return { verdict: 'reject', admitted: 0 }
    if (fresh.length === 0) return { verdict: 'ignore', admitted: 0 }
    for (const item of fresh) this.#judged.set(item.key, item)
    let verdict: GossipVerdict = 'ignore'
    try {
      const recovered = await this.#parts.recover(fresh.map(({ tx }) => tx))
      const signed = recovered.filter((result): result is RecoveredTransaction => !(result instanceof TxError))
      if (signed.length < recovered.length) return { verdict: 'reject', admitted: 0 }
      const results = await this.#parts.pool.addBatch(signed, 'remote')
      const admitted = results.filter((refused) => refused === undefined).length
      // Otherwise a permutation of what everybody has would be news to everybody.
      if (admitted * 2 >= transactions.length) verdict = 'accept'
      return { verdict, admitted }
    } finally {
      this.#passOn(fresh, verdict)
    }
  }

  /** Keeps no more of the message than the hashes, in one piece. */
  #note(hashes: readonly Uint8Array[], from: string, remember: (again: (peer: string) => void) => void): void {
    const { watch } = this.#parts
    for (const hash of hashes) {
      watch.transactionArrived(hash, from)
      const key = toKey(hash)
      if (this.#wasAnnounced(key)) this.#announced(key)
    }
    const noted = concatBytes(...hashes)
    remember((peer) => {
      for (let at = 0; at < noted.length; at += 32) watch.transactionArrived(noted.slice(at, at + 32), peer)
    })
  }

  #passOn(judged: readonly Fresh[], verdict: GossipVerdict): void {
    for (const { key } of judged) {
      this.#judged.delete(key)
      const kept = this.#parts.pool.lookup(key)
      if (kept === undefined || this.#wasAnnounced(key)) continue
      this.#parts.watch.transactionValid(kept.hash)
      if (verdict === 'accept') this.#announced(key)
      else this.#enqueue(kept)
    }
  }

  /** Those that are neither known nor refused without a look at the signature; undefined: one is wrong by itself. */
  #pickFresh(transactions: readonly KnownTransaction[]): readonly Fresh[] | undefined {
    const { pool } = this.#parts
    const fresh = new Map<Key, Fresh>()
    for (const { tx, hash } of transactions) {
      const key = toKey(hash)
      if (fresh.has(key) || this.#judged.has(key) || pool.lookup(key) !== undefined) continue
      try {
        pool.check(tx)
        fresh.set(key, { key, hash, tx })
      } catch (error) {
        if (!(error instanceof TxError)) throw error
        if (TRANSACTION_VERDICTS[error.code] === 'reject') return undefined
      }
    }
    return [...fresh.values()]
  }

  /** Of a transaction that the pool has, which says when it leaves. */
  #enqueue(transaction: RecoveredTransaction): void {
    this.#parts.watch.transactionMade(transaction.hash)
    const key = toKey(transaction.hash)
    if (this.#bundler.add(transaction)) {
      this.#announced(key)
      this.#schedule()
    } else this.#announcedMs.set(key, NEVER)
  }

  #wasAnnounced(key: Key): boolean {
    return (this.#announcedMs.get(key) ?? NEVER) !== NEVER
  }

  #announced(key: Key): void {
    this.#announcedMs.delete(key)
    this.#announcedMs.set(key, this.#parts.clock.nowMs())
  }

  /** A bundle of those that nobody has announced for longest. To peers who have them it is no news, and goes no further. */
  #announceAgain(): void {
    const { pool, clock, publish, hasListeners } = this.#parts
    if (!hasListeners()) return
    const bundler = new Bundler()
    for (const [key, atMs] of this.#announcedMs) {
      if (bundler.full || atMs > clock.nowMs() - REANNOUNCE_AFTER_MS) break
      const transaction = pool.lookup(key)
      if (transaction !== undefined) bundler.add(transaction)
      this.#announced(key)
    }
    for (const { data } of bundler.take()) publish(data)
  }

  #schedule(): void {
    const { clock, hasListeners } = this.#parts
    if (this.#bundler.empty || !hasListeners()) return
    if (this.#bundler.full) this.#flush()
    else this.#cancelFlush ??= clock.after(BUNDLE_DELAY_MS, () => this.#flush())
  }

  #flush(): void {
    this.#cancelFlush?.()
    this.#cancelFlush = undefined
    if (!this.#parts.hasListeners()) return
    for (const { data } of this.#bundler.take()) this.#parts.publish(data)
  }
}

function decoded<T>(decode: (data: Uint8Array) => T, data: Uint8Array): T | undefined {
  try {
    return decode(data)
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}
