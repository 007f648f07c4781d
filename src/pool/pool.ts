import type { ExecutedBlock } from '../chain/executed-block.ts'
import { nextBaseFee } from '../chain/header-rules.ts'
import type { HeadEvent } from '../chain/types.ts'
import { keccak256Key } from '../crypto/keccak.ts'
import { type Account, EMPTY_ACCOUNT } from '../primitives/account.ts'
import { type Key, toKey } from '../primitives/bytes.ts'
import { StoreError, TxError } from '../primitives/errors.ts'
import type { RecoveredTransaction, Transaction } from '../primitives/transaction.ts'
import { checkPolicy } from './admission.ts'
import { detached, type PoolEntry } from './entry.ts'
import { touched } from './head-event.ts'
import type { JournalEntry } from './journal.ts'
import {
  JOURNAL_LOAD_BATCH,
  MAX_TOGETHER,
  MAX_WAITING,
  PACED_RETURNING,
  type PoolOptions,
  SWEEP_INTERVAL_MS,
} from './limits.ts'
import { type BestTransactions, bestTransactions } from './ordering.ts'
import { type AccountLookup, PoolState } from './pool-state.ts'
import type { SenderQueue } from './sender-queue.ts'
import { Serial } from './serial.ts'
import type { AddResult, Origin, PoolChanges, PoolComponents, SenderContent } from './types.ts'

interface Candidate {
  readonly recovered: RecoveredTransaction
  readonly hashKey: Key
  /** By the checks without state. */
  readonly refused: TxError | undefined
}

interface Submission {
  readonly transactions: readonly RecoveredTransaction[]
  readonly origin: Origin
  readonly resolve: (results: AddResult[]) => void
  readonly reject: (error: unknown) => void
}

/**
 * Transactions that wait to be mined. Operations that change the pool run one after the other, in the order in which
 * they were asked for, since each has to read accounts at the head first; reading the pool is synchronous.
 */
export class TransactionPool {
  readonly #options: PoolOptions
  readonly #parts: PoolComponents
  readonly #state: PoolState
  readonly #listeners = new Set<(changes: PoolChanges) => void>()
  /** Senders whose accounts have changed and could not be read yet, as keccak256 of the address. */
  readonly #stale = new Set<Key>()
  /** Blocks that reorgs have disconnected and that have not been looked at yet, by hash; how to read each. */
  readonly #left = new Map<Key, () => ExecutedBlock>()
  /** What those that have been bring back: no more than may be pending. */
  #returning: RecoveredTransaction[] = []
  #returningBytes = 0
  readonly #serial: Serial<Submission>
  #waiting = 0
  #unsubscribe: (() => void) | undefined
  #cancelSweep: (() => void) | undefined

  constructor(options: PoolOptions, components: PoolComponents) {
    this.#options = options
    this.#parts = components
    this.#state = new PoolState(options, nextBaseFee(components.chain.head.header))
    this.#serial = new Serial<Submission>({
      addAll: (submissions) => this.#add(submissions),
      weigh: ({ transactions }) => transactions.length,
      maxWeight: MAX_TOGETHER,
      pause: () => new Promise((resolve) => components.clock.after(0, resolve)),
    })
  }

  /**
   * Follows the chain, and takes back what the journal holds. Usable from the call on; what an earlier run has
   * acknowledged is back when the promise resolves. Cost: one signature recovery per transaction.
   * @throws StoreError
   */
  async start(): Promise<void> {
    this.#unsubscribe = this.#parts.chain.subscribe((event) => {
      if (event.type === 'head') this.#serial.run(() => this.#follow(event)).catch(this.#parts.onError)
    })
    this.#scheduleSweep()
    await this.#loadJournal()
  }

  /** Resolves when all that was asked for is done. @throws StoreError if the journal cannot be written. */
  async stop(): Promise<void> {
    this.#unsubscribe?.()
    this.#cancelSweep?.()
    await this.settled()
    await this.#parts.journal.flush()
  }

  /**
   * What can be judged without sender and state; worth doing before the signature is recovered, which costs a hundred
   * times as much. `addBatch` checks it again.
   * @throws TxError
   */
  check(tx: Transaction): void {
    this.#parts.checkRules(tx)
    checkPolicy(tx, this.#options.minTip, this.#parts.chain.head.header.gasLimit)
  }

  /**
   * Admits transactions in the order given.
   * @returns for each why it was refused, or undefined; in the order given. Once it resolves, those of origin `local` are
   *   on disk.
   * @throws StoreError if accounts cannot be read, or the journal cannot be written.
   * Cost: about 5 µs each on this thread, and one read of its sender's and recipient's accounts where they have nothing here.
   */
  addBatch(transactions: readonly RecoveredTransaction[], origin: Origin): Promise<AddResult[]> {
    if (this.#waiting + transactions.length > MAX_WAITING) {
      return Promise.resolve(transactions.map(() => new TxError('pool-full')))
    }
    return this.#submit(transactions, origin)
  }

  /** Takes out what `doomed` chooses. Cost: linear in the pool. @returns how many. */
  discard(doomed: (hashKey: Key) => boolean): Promise<number> {
    return this.#serial.run(async () => {
      const count = this.#state.discard(doomed, this.#parts.clock.nowMs())
      this.#publish()
      return count
    })
  }

  /** Resolves when everything asked for so far has been done, new heads included. */
  settled(): Promise<void> {
    return this.#serial.run(() => Promise.resolve())
  }

  get(hash: Uint8Array): RecoveredTransaction | undefined {
    return this.lookup(toKey(hash))
  }

  /** By hash; lets others reuse a recovered sender. */
  lookup(hashKey: Key): RecoveredTransaction | undefined {
    return this.#state.lookup(hashKey)?.recovered
  }

  /** The nonce after `sender`'s pending transactions; `accountNonce` is that of its account. */
  pendingNonce(sender: Uint8Array, accountNonce: bigint): bigint {
    const next = this.#state.senders.get(keccak256Key(sender))?.nextNonce ?? 0n
    return next > accountNonce ? next : accountNonce
  }

  /** Everything in no particular order; cost: none but that of what is read. */
  *transactions(): Generator<RecoveredTransaction, void, undefined> {
    for (const { recovered } of this.#state.entries()) yield recovered
  }

  /** Numbers of transactions. */
  status(): { readonly pending: number; readonly queued: number } {
    const { pending, queued } = this.#state.totals
    return { pending: pending.count, queued: queued.count }
  }

  /** Cost: the whole pool, as it is read. */
  *content(): Generator<SenderContent, void, undefined> {
    for (const queue of this.#state.senders.values()) yield contentOf(queue)
  }

  contentFrom(sender: Uint8Array): SenderContent {
    const queue = this.#state.senders.get(keccak256Key(sender))
    return queue === undefined ? { sender, pending: [], queued: [] } : contentOf(queue)
  }

  /** Pending transactions that bring at least the pool's floor at `baseFee` (wei per gas), best first. */
  best(baseFee: bigint): BestTransactions {
    return bestTransactions(this.#state.senders.values(), baseFee, this.#options.minTip)
  }

  /** `listener` is told of changes, many at a time. @returns the unsubscription. */
  subscribe(listener: (changes: PoolChanges) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #submit(transactions: readonly RecoveredTransaction[], origin: Origin): Promise<AddResult[]> {
    this.#waiting += transactions.length
    return new Promise((resolve, reject) => {
      this.#serial.add({ transactions, origin, resolve, reject })
    })
  }

  async #add(submissions: readonly Submission[]): Promise<void> {
    const batches = submissions.map(({ transactions }) => transactions.map((recovered) => this.#candidate(recovered)))
    try {
      const accountAt = await this.#accountsOf(batches)
      for (const [i, submission] of submissions.entries()) this.#admit(submission, batches[i]!, accountAt)
    } catch (error) {
      for (const { reject } of submissions) reject(error)
    }
    for (const { transactions } of submissions) this.#waiting -= transactions.length
    this.#publish()
  }

  /** Of senders and recipients. Who has transactions here has been read before: the pool knows nonce, balance, and that there is no code. */
  async #accountsOf(batches: readonly (readonly Candidate[])[]): Promise<AccountLookup> {
    const { senders } = this.#state
    const keys = new Set<Key>()
    /** The last of an account's transactions may be pushed out before the turn of its next. */
    const held = new Map<Key, SenderQueue>()
    for (const candidates of batches) {
      for (const { recovered, refused } of candidates) {
        if (refused !== undefined) continue
        const { senderKey, recipientKey } = recovered
        const queue = senders.get(senderKey)
        if (queue === undefined) keys.add(senderKey)
        else held.set(senderKey, queue)
        if (!senders.has(recipientKey)) keys.add(recipientKey)
      }
    }
    const accountAt = await this.#read(keys)
    return (key) => {
      const queue = held.get(key)
      return queue === undefined ? accountAt(key) : { ...EMPTY_ACCOUNT, nonce: queue.nonce, balance: queue.balance }
    }
  }

  #candidate(recovered: RecoveredTransaction): Candidate {
    const hashKey = toKey(recovered.hash)
    const refused = this.lookup(hashKey) ? new TxError('already-known') : refusal(() => this.check(recovered.tx))
    return { recovered, hashKey, refused }
  }

  #admit({ origin, resolve, reject }: Submission, candidates: readonly Candidate[], accountAt: AccountLookup): void {
    const nowMs = this.#parts.clock.nowMs()
    const admitted: PoolEntry[] = []
    const results: AddResult[] = []
    for (const { recovered, hashKey, refused } of candidates) {
      results.push(refused ?? refusal(() => admitted.push(this.#state.admit(recovered, hashKey, accountAt, nowMs))))
    }
    const written = this.#record(admitted, origin === 'local')
    if (origin === 'local') written.then(() => resolve(results), reject)
    else {
      written.catch(this.#parts.onError)
      resolve(results)
    }
  }

  /**
   * Follows the chain to a new head, block by block: a reorg may be of any depth. @throws StoreError; what could not be read
   * is tried again with the next head.
   */
  async #follow({ head, connected, disconnected, rewound }: HeadEvent): Promise<void> {
    const { chain, clock, journal, onError, pause } = this.#parts
    const { number } = head.header
    const nowMs = clock.nowMs()
    this.#state.setBaseFee(nextBaseFee(chain.head.header))
    for (const [place, hash] of connected.hashes.entries()) {
      this.#left.delete(toKey(hash))
      const executed = this.#readBlock(() => connected.block(place))
      if (executed === undefined) continue
      this.#state.removeMined(executed.transactions, nowMs)
      this.#publish(executed.block.header.number)
      await pause()
    }
    journal.advance(number, this.#rawOf).catch(onError)
    // Lowest block first: so each sender's come in nonce order.
    for (let place = disconnected.length - 1; place >= 0; place--) {
      if (!rewound) this.#left.set(toKey(disconnected.hashes[place]!), () => disconnected.block(place))
      else {
        const { transactions = [] } = this.#readBlock(() => disconnected.block(place)) ?? {}
        journal.forget(
          transactions.map(({ hash }) => toKey(hash)),
          this.#rawOf,
        )
      }
    }
    await this.#gatherReturning()
    const changed = [...this.#stale].flatMap((senderKey) => this.#state.senders.get(senderKey) ?? [])
    const returning = this.#returning
    const keys = new Set<Key>(changed.map(({ senderKey }) => senderKey))
    for (const { senderKey, recipientKey } of returning) keys.add(senderKey).add(recipientKey)
    const accountAt = await this.#read(keys)
    this.#stale.clear()
    this.#returning = []
    this.#returningBytes = 0
    for (const queue of changed) this.#state.refresh(queue, accountAt(queue.senderKey), nowMs)
    const returned: PoolEntry[] = []
    const unfit: Key[] = []
    for (const [i, transaction] of returning.entries()) {
      if (i % PACED_RETURNING === 0) await pause()
      const { recovered, hashKey, refused } = this.#candidate(transaction)
      const error =
        refused ??
        refusal(() => {
          returned.push(this.#state.admit(recovered, hashKey, accountAt, nowMs, false))
        })
      // Who sent it may have handed it in again meanwhile. What has been mined stays in the journal until it is buried.
      if (error !== undefined && error.code !== 'already-known' && error.code !== 'nonce-too-low') unfit.push(hashKey)
    }
    journal.forget(unfit, this.#rawOf)
    for (const { recovered } of returned) changed.push(this.#state.senders.get(recovered.senderKey)!)
    this.#state.enforceLimits(changed)
    this.#publish(number)
    this.#record(returned, false).catch(onError)
  }

  /** A block that joined or left, and has changed accounts; undefined: it is damaged, and may have changed any. */
  #readBlock(read: () => ExecutedBlock): ExecutedBlock | undefined {
    const { chain, onError } = this.#parts
    const { senders } = this.#state
    try {
      const executed = read()
      for (const key of touched(executed, senders, chain.overridden)) this.#stale.add(key)
      return executed
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      onError(error)
      for (const key of senders.keys()) this.#stale.add(key)
      return undefined
    }
  }

  /** Out of the blocks that reorgs have disconnected, what the new branch has not got. @throws StoreError. */
  async #gatherReturning(): Promise<void> {
    for (const [hashKey, read] of this.#left) {
      const { transactions = [] } = this.#readBlock(read) ?? {}
      const accountAt = await this.#read(new Set(transactions.map(({ senderKey }) => senderKey)))
      for (const recovered of transactions) {
        const nonce = accountAt(recovered.senderKey)?.nonce ?? 0n
        if (recovered.tx.nonce >= nonce) this.#bringBack(recovered)
      }
      this.#left.delete(hashKey)
      await this.#parts.pause()
    }
  }

  #bringBack(recovered: RecoveredTransaction): void {
    const { pendingSlots, pendingBytes } = this.#options
    if (this.#returning.length >= pendingSlots || this.#returningBytes >= pendingBytes) return
    const { sender, senderKey, tx } = recovered
    this.#returning.push(detached(recovered, { sender: new Uint8Array(sender), senderKey }))
    this.#returningBytes += tx.raw.length
  }

  async #read(keys: ReadonlySet<Key>): Promise<AccountLookup> {
    const accounts = new Map<Key, Account>()
    if (keys.size > 0) {
      const list = [...keys]
      const { chain } = this.#parts
      const found = await chain.accounts(list, chain.head.hash)
      for (let i = 0; i < list.length; i++) {
        const account = found[i]
        if (account !== undefined) accounts.set(list[i]!, account)
      }
    }
    return (key) => accounts.get(key)
  }

  /** Into the journal, as far as they are still here. */
  #record(entries: readonly PoolEntry[], sync: boolean): Promise<void> {
    const present: JournalEntry[] = []
    for (const entry of entries) {
      const { hashKey, recovered } = entry
      if (this.#state.lookup(hashKey) === entry) present.push({ hashKey, raw: recovered.tx.raw })
    }
    return present.length === 0 ? Promise.resolve() : this.#parts.journal.record(present, sync)
  }

  /** Tells of the changes since the last call. @param number of the block that `mined` ones are in, or a later one. */
  #publish(number = 0): void {
    const changes = this.#state.takeChanges()
    if (changes.pending.length === 0 && changes.dropped.length === 0) return
    const mined: Key[] = []
    const gone: Key[] = []
    for (const { hashKey, reason } of changes.dropped) {
      if (reason === 'mined') mined.push(hashKey)
      // It may have come back in the same batch.
      else if (this.#state.lookup(hashKey) === undefined) gone.push(hashKey)
    }
    this.#parts.journal.bury(mined, number)
    this.#parts.journal.forget(gone, this.#rawOf)
    for (const listener of this.#listeners) listener(changes)
  }

  readonly #rawOf = (hashKey: Key): Uint8Array | undefined => this.lookup(hashKey)?.tx.raw

  #scheduleSweep(): void {
    const { chain, clock, onError } = this.#parts
    const sweep = async () => {
      this.#state.sweep(clock.nowMs(), chain.head.header.gasLimit)
      this.#publish()
    }
    this.#cancelSweep = clock.after(SWEEP_INTERVAL_MS, () => {
      this.#serial.run(sweep).catch(onError)
      this.#scheduleSweep()
    })
  }

  async #loadJournal(): Promise<void> {
    const { journal, recover, chain } = this.#parts
    const { ids, transactions } = await journal.load()
    const recovered: RecoveredTransaction[] = []
    for (let i = 0; i < transactions.length; i += JOURNAL_LOAD_BATCH) {
      const batch = await recover(transactions.slice(i, i + JOURNAL_LOAD_BATCH))
      for (const result of batch) if (!(result instanceof TxError)) recovered.push(result)
    }
    // Not in the order of arrival any more: a nonce that came before its predecessors would find no room among the queued.
    recovered.sort((a, b) => (a.tx.nonce < b.tx.nonce ? -1 : a.tx.nonce > b.tx.nonce ? 1 : 0))
    for (let i = 0; i < recovered.length; i += JOURNAL_LOAD_BATCH) {
      const batch = recovered.slice(i, i + JOURNAL_LOAD_BATCH)
      const results = await this.#submit(batch, 'journal')
      // Mined, perhaps in a block that a reorg will disconnect.
      const mined = batch.filter((_, at) => results[at]?.code === 'nonce-too-low')
      const entries = mined.map(({ hash, tx }) => ({ hashKey: toKey(hash), raw: tx.raw }))
      await journal.record(entries, false)
      journal.bury(
        entries.map(({ hashKey }) => hashKey),
        chain.head.header.number,
      )
    }
    if (ids.length > 0) await journal.replaceLoaded(ids)
  }
}

function contentOf(queue: SenderQueue): SenderContent {
  const recovered = (entry: PoolEntry) => entry.recovered
  const [pending, queued] = [queue.pending().map(recovered), queue.queued().map(recovered)]
  return { sender: queue.sender, pending, queued }
}

/** The TxError that `check` throws. */
function refusal(check: () => void): TxError | undefined {
  try {
    check()
    return undefined
  } catch (error) {
    if (error instanceof TxError) return error
    throw error
  }
}
