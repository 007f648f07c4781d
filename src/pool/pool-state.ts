import type { Account } from '../primitives/account.ts'
import { equalBytes, type Key } from '../primitives/bytes.ts'
import { TxError } from '../primitives/errors.ts'
import type { RecoveredTransaction } from '../primitives/transaction.ts'
import { checkCode, checkFunds, checkNonce, checkReplacement } from './admission.ts'
import { createEntry, type PoolEntry, transactionCost } from './entry.ts'
import { type EvictionCandidate, EvictionIndex } from './eviction.ts'
import { MAX_QUEUED_PER_ACCOUNT, type PoolOptions, PROTECTED_PER_ACCOUNT } from './limits.ts'
import { type Section, SenderQueue, type Totals, Usage } from './sender-queue.ts'
import type { DropReason, PoolChanges } from './types.ts'

/** The account of a sender not yet in the pool, at the head; undefined: does not exist. */
export type AccountLookup = (key: Key) => Account | undefined

/**
 * The pool's transactions and the rules among them. Everything is synchronous and takes what it needs from outside (time,
 * accounts, base fee) as arguments; `TransactionPool` brings these and orders the operations.
 *
 * Holds after every operation: pending transactions are contiguous from their account's nonce; an account's
 * transactions cost no more than its balance; totals are within the limits of `options`.
 */
export class PoolState {
  readonly #options: PoolOptions
  readonly #byHash = new Map<Key, PoolEntry>()
  /** By `senderKey`. */
  readonly #senders = new Map<Key, SenderQueue>()
  readonly #totals: Totals = { pending: new Usage(), queued: new Usage() }
  readonly #eviction: Readonly<Record<Section, EvictionIndex>>
  #baseFee: bigint
  #arrivals = 0
  #changes: PoolChanges = { pending: [], dropped: [] }

  constructor(options: PoolOptions, baseFee: bigint) {
    this.#options = options
    this.#baseFee = baseFee
    this.#eviction = {
      pending: new EvictionIndex('pending', this.#senders),
      queued: new EvictionIndex('queued', this.#senders),
    }
  }

  get senders(): ReadonlyMap<Key, SenderQueue> {
    return this.#senders
  }

  get totals(): Totals {
    return this.#totals
  }

  entries(): Iterable<PoolEntry> {
    return this.#byHash.values()
  }

  lookup(hashKey: Key): PoolEntry | undefined {
    return this.#byHash.get(hashKey)
  }

  /** What has changed since the last call. */
  takeChanges(): PoolChanges {
    const changes = this.#changes
    this.#changes = { pending: [], dropped: [] }
    return changes
  }

  /** Wei per gas of the next block; decides what a full pool gives up. */
  setBaseFee(baseFee: bigint): void {
    this.#baseFee = baseFee
    this.#eviction.pending.clear()
    this.#eviction.queued.clear()
  }

  /**
   * Admits one transaction that has passed all checks without state. `hashKey` is its hash.
   * @param within whether to hold the limits at once; false for many that belong together, `enforceLimits` after them.
   * @throws TxError; the pool is then as before.
   * Cost: logarithmic in the pool.
   */
  admit(
    recovered: RecoveredTransaction,
    hashKey: Key,
    accountAt: AccountLookup,
    nowMs: number,
    within = true,
  ): PoolEntry {
    if (this.#byHash.has(hashKey)) throw new TxError('already-known')
    const { tx, senderKey, recipientKey } = recovered
    let queue = this.#senders.get(senderKey)
    if (queue === undefined) {
      const account = accountAt(senderKey)
      checkCode(account, undefined)
      queue = new SenderQueue(recovered, account?.nonce ?? 0n, account?.balance ?? 0n, this.#totals)
    }
    checkCode(undefined, accountAt(recipientKey))
    checkNonce(tx, queue)
    const replaced = queue.size === 0 ? undefined : queue.at(tx.nonce)
    const cost = transactionCost(recovered)
    checkFunds(cost, queue, replaced)
    if (replaced !== undefined) checkReplacement(tx, replaced)

    const entry = createEntry(recovered, { hashKey, cost, account: queue, arrival: this.#arrivals++ }, this.#baseFee)
    if (queue.size === 0) this.#senders.set(senderKey, queue)
    const pendingBefore = queue.pendingCount
    queue.insert(entry, nowMs)
    this.#update(queue)
    const evicted = within && this.#lacksRoom(queue) ? this.#makeRoom(entry, queue, replaced, nowMs) : []

    this.#byHash.set(hashKey, entry)
    if (replaced !== undefined) this.#drop(replaced, 'replaced')
    for (const victim of evicted) this.#drop(victim, 'evicted')
    if (replaced !== undefined && queue.pendingAt(tx.nonce) === entry) this.#changes.pending.push(entry.recovered)
    this.#tellPending(queue, pendingBefore)
    return entry
  }

  /** The blocks of `mined` are on the chain: their transactions leave, with whatever else had their nonces. */
  removeMined(mined: Iterable<RecoveredTransaction>, nowMs: number): void {
    if (this.#byHash.size === 0) return
    for (const recovered of mined) {
      const queue = this.#senders.get(recovered.senderKey)
      if (queue === undefined) continue
      const nonce = recovered.tx.nonce + 1n
      const before = queue.nextNonce
      for (const entry of queue.advance(nonce, nowMs)) {
        const same = entry.recovered === recovered || equalBytes(entry.recovered.hash, recovered.hash)
        this.#drop(entry, same ? 'mined' : 'stale')
      }
      if (queue.size > 0) this.#tellPromoted(queue, before > nonce ? before : nonce)
      this.#update(queue)
    }
  }

  /** What the account of `queue` is at the new head. Limits are to be enforced afterwards. */
  refresh(queue: SenderQueue, account: Account | undefined, nowMs: number): void {
    const nonce = account?.nonce ?? 0n
    queue.balance = account?.balance ?? 0n
    const before = queue.nextNonce
    queue.retreat(nonce, nowMs)
    for (const entry of queue.advance(nonce, nowMs)) this.#drop(entry, 'stale')
    for (const entry of queue.removeUnpayable(nowMs)) this.#drop(entry, 'unpayable')
    this.#tellPromoted(queue, before > nonce ? before : nonce)
    this.#update(queue)
  }

  /** Takes out queued transactions past their lifetime, and what a block has no gas for. Cost: linear in the pool. */
  sweep(nowMs: number, blockGasLimit: bigint): void {
    for (const queue of this.#senders.values()) {
      if (queue.queuedCount > 0 && nowMs - queue.beatMs > this.#options.lifetimeMs) {
        for (const entry of queue.removeWhere((_, pending) => !pending, nowMs)) this.#drop(entry, 'expired')
        this.#update(queue)
      }
      const tooLarge = queue.removeWhere(({ recovered }) => recovered.tx.gasLimit > blockGasLimit, nowMs)
      for (const entry of tooLarge) this.#drop(entry, 'gas-above-block')
      if (tooLarge.length > 0) this.enforceLimits([queue])
    }
  }

  /** Takes out what `doomed` chooses, by hash; what came after it in an account is queued then. @returns how many. */
  discard(doomed: (hashKey: Key) => boolean, nowMs: number): number {
    let count = 0
    for (const queue of this.#senders.values()) {
      const removed = queue.removeWhere(({ hashKey }) => doomed(hashKey), nowMs)
      for (const entry of removed) this.#drop(entry, 'discarded')
      if (removed.length > 0) this.enforceLimits([queue])
      count += removed.length
    }
    return count
  }

  /** Brings `queues` and the whole pool back within the limits. */
  enforceLimits(queues: Iterable<SenderQueue>): void {
    for (const queue of queues) {
      while (queue.queuedCount > MAX_QUEUED_PER_ACCOUNT) this.#drop(queue.popQueued()!, 'evicted')
      this.#update(queue)
    }
    for (const section of ['pending', 'queued'] as const) {
      while (this.#isOver(section)) this.#drop(this.#evictFirst(section).entry, 'evicted')
    }
  }

  /**
   * Gives up what earns least until the pool is within its limits again. If the newcomer is what earns least, all is
   * undone: what has been given up for it by then comes back.
   * @throws TxError `account-limit`, `tip-below-floor`, `pool-full`
   */
  #makeRoom(
    newcomer: PoolEntry,
    queue: SenderQueue,
    replaced: PoolEntry | undefined,
    nowMs: number,
  ): readonly PoolEntry[] {
    const evicted: { readonly entry: PoolEntry; readonly queue: SenderQueue }[] = []
    const refuse = (error: TxError): never => {
      if (replaced !== undefined) this.#putBack(replaced, queue, nowMs)
      for (const { entry, queue } of evicted) this.#putBack(entry, queue, nowMs)
      throw error
    }
    if (queue.queuedCount > MAX_QUEUED_PER_ACCOUNT) {
      const last = queue.popQueued()!
      this.#update(queue)
      if (last === newcomer) refuse(new TxError('account-limit', { limit: MAX_QUEUED_PER_ACCOUNT }))
      evicted.push({ entry: last, queue })
    }
    for (const section of ['pending', 'queued'] as const) {
      while (this.#isOver(section)) {
        const { entry, candidate } = this.#evictFirst(section)
        if (entry === newcomer) refuse(this.#refusal(section, candidate))
        evicted.push({ entry, queue: candidate.queue })
      }
    }
    return evicted.map(({ entry }) => entry)
  }

  #refusal(section: Section, newcomer: EvictionCandidate): TxError {
    const next = section === 'pending' ? this.#eviction.pending.first(this.#baseFee) : undefined
    if (next === undefined) return new TxError('pool-full')
    if (!newcomer.protectedShare && next.protectedShare) {
      return new TxError('account-limit', { limit: PROTECTED_PER_ACCOUNT })
    }
    return new TxError('tip-below-floor', { tip: BigInt(newcomer.score), floor: BigInt(next.score) + 1n })
  }

  #lacksRoom({ queuedCount }: SenderQueue): boolean {
    return queuedCount > MAX_QUEUED_PER_ACCOUNT || this.#isOver('pending') || this.#isOver('queued')
  }

  #isOver(section: Section): boolean {
    const { slots, bytes } = this.#totals[section]
    return section === 'pending'
      ? slots > this.#options.pendingSlots || bytes > this.#options.pendingBytes
      : slots > this.#options.queuedSlots || bytes > this.#options.queuedBytes
  }

  #evictFirst(section: Section): { readonly entry: PoolEntry; readonly candidate: EvictionCandidate } {
    const candidate = this.#eviction[section].first(this.#baseFee)
    const entry = section === 'pending' ? candidate?.queue.popPending() : candidate?.queue.popQueued()
    if (candidate === undefined || entry === undefined) throw new Error(`${section} is over its limits and empty`)
    this.#update(candidate.queue)
    return { entry, candidate }
  }

  /** Into the account it was taken from, which may have left since. */
  #putBack(entry: PoolEntry, queue: SenderQueue, nowMs: number): void {
    queue.insert(entry, nowMs)
    this.#senders.set(queue.senderKey, queue)
    this.#update(queue)
  }

  #update(queue: SenderQueue): void {
    // The account may have come back meanwhile, with another queue.
    if (queue.size === 0 && this.#senders.get(queue.senderKey) === queue) this.#senders.delete(queue.senderKey)
    this.#eviction.pending.update(queue)
    this.#eviction.queued.update(queue)
  }

  #drop(entry: PoolEntry, reason: DropReason): void {
    this.#byHash.delete(entry.hashKey)
    this.#changes.dropped.push({ hashKey: entry.hashKey, recovered: entry.recovered, reason })
  }

  #tellPromoted(queue: SenderQueue, fromNonce: bigint): void {
    this.#tellPending(queue, Number(fromNonce - queue.nonce))
  }

  /** All but the first `known` of the pending ones. */
  #tellPending(queue: SenderQueue, known: number): void {
    for (let i = known; i < queue.pendingCount; i++) this.#changes.pending.push(queue.pendingNumber(i).recovered)
  }
}
