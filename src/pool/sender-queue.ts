import type { Key } from '../primitives/bytes.ts'
import type { RecoveredTransaction } from '../primitives/transaction.ts'
import { type PoolEntry, tipAt } from './entry.ts'
import { LeastTip } from './least-tip.ts'

/** What a set of pooled transactions takes up. */
export class Usage {
  count = 0
  slots = 0
  bytes = 0

  add(entry: PoolEntry): void {
    this.count++
    this.slots += entry.slots
    this.bytes += entry.sizeBytes
  }

  remove(entry: PoolEntry): void {
    this.count--
    this.slots -= entry.slots
    this.bytes -= entry.sizeBytes
  }
}

/** Totals over all senders; each `SenderQueue` keeps them up to date. */
export interface Totals {
  readonly pending: Usage
  readonly queued: Usage
}

export type Section = keyof Totals

/**
 * One account's transactions in nonce order, no two with the same nonce. The longest run without a gap from the
 * account's nonce on is *pending*: it can be mined as it stands. The rest is *queued* behind the gap.
 */
export class SenderQueue {
  /** 20 bytes, in memory of its own. */
  readonly sender: Uint8Array
  /** keccak256 of the sender's address. */
  readonly senderKey: Key
  /** Of the account at the head. */
  nonce: bigint
  balance: bigint
  /** Wei: most that all of them together can take. */
  totalCost = 0n
  /** When a queued transaction last became pending, or the first was queued: what the lifetime counts from. */
  beatMs = 0
  /** Changes with every change of the transactions, so that indexes can tell stale entries. */
  version = 0
  readonly #totals: Totals
  /** Pending from `#start` to `#end`, queued after that; before it what has left, until enough has to be worth a copy. */
  #entries: PoolEntry[] = []
  #start = 0
  #end = 0
  readonly #leastTip = new LeastTip()

  constructor(
    { sender, senderKey }: Pick<RecoveredTransaction, 'sender' | 'senderKey'>,
    nonce: bigint,
    balance: bigint,
    totals: Totals,
  ) {
    this.sender = new Uint8Array(sender)
    this.senderKey = senderKey
    this.nonce = nonce
    this.balance = balance
    this.#totals = totals
  }

  get size(): number {
    return this.#entries.length - this.#start
  }

  get pendingCount(): number {
    return this.#end - this.#start
  }

  get queuedCount(): number {
    return this.#entries.length - this.#end
  }

  /** The nonce after the pending transactions. */
  get nextNonce(): bigint {
    return this.nonce + BigInt(this.pendingCount)
  }

  pending(): readonly PoolEntry[] {
    return this.#entries.slice(this.#start, this.#end)
  }

  queued(): readonly PoolEntry[] {
    return this.#entries.slice(this.#end)
  }

  /** Of the pending ones in order, the one at `index`, which is below `pendingCount`. */
  pendingNumber(index: number): PoolEntry {
    return this.#entries[this.#start + index]!
  }

  count(section: Section): number {
    return section === 'pending' ? this.pendingCount : this.queuedCount
  }

  last(section: Section): PoolEntry | undefined {
    return this.count(section) === 0 ? undefined : this.#entries.at(section === 'pending' ? this.#end - 1 : -1)
  }

  /** Wei per gas; infinite among none. Cost: logarithmic in the pending ones, linear in the queued ones, which are few. */
  leastTip(section: Section): number {
    if (section === 'pending') return this.#leastTip.among(this)
    return this.queued().reduce((least, { tip }) => Math.min(least, tip), Number.POSITIVE_INFINITY)
  }

  /** Sets what each brings at `baseFee` (wei per gas). */
  reprice(baseFee: bigint): void {
    this.#leastTip.clear()
    for (let i = this.#start; i < this.#entries.length; i++) {
      const entry = this.#entries[i]!
      entry.tip = tipAt(entry.recovered, baseFee)
    }
  }

  at(nonce: bigint): PoolEntry | undefined {
    const entry = this.#entries[this.#indexOf(nonce)]
    return entry !== undefined && entry.recovered.tx.nonce === nonce ? entry : undefined
  }

  /** The pending transaction with `nonce`. Cost: constant. */
  pendingAt(nonce: bigint): PoolEntry | undefined {
    const offset = nonce - this.nonce
    return offset >= 0n && offset < this.pendingCount ? this.#entries[this.#start + Number(offset)] : undefined
  }

  /**
   * Puts `entry` in, whose nonce is not below the account's, in place of the one with its nonce.
   * @returns the one it replaced.
   */
  insert(entry: PoolEntry, nowMs: number): PoolEntry | undefined {
    const index = this.#indexOf(entry.recovered.tx.nonce)
    const existing = this.#entries[index]
    this.version++
    this.totalCost += entry.cost
    if (existing !== undefined && existing.recovered.tx.nonce === entry.recovered.tx.nonce) {
      const usage = index < this.#end ? this.#totals.pending : this.#totals.queued
      usage.remove(existing)
      usage.add(entry)
      if (index < this.#end) this.#leastTip.add(entry)
      this.totalCost -= existing.cost
      this.#entries[index] = entry
      return existing
    }
    if (this.queuedCount === 0) this.beatMs = nowMs
    if (index === this.#entries.length) this.#entries.push(entry)
    else this.#entries.splice(index, 0, entry)
    this.#totals.queued.add(entry)
    this.#promote(nowMs)
    return undefined
  }

  /** The last pending one. Nothing becomes queued by it, since nothing follows it without a gap. */
  popPending(): PoolEntry | undefined {
    if (this.pendingCount === 0) return undefined
    this.version++
    this.#end--
    const [entry] = this.#entries.splice(this.#end, 1)
    this.#totals.pending.remove(entry!)
    this.totalCost -= entry!.cost
    return entry
  }

  /** The last queued one. */
  popQueued(): PoolEntry | undefined {
    if (this.queuedCount === 0) return undefined
    this.version++
    const entry = this.#entries.pop()!
    this.#totals.queued.remove(entry)
    this.totalCost -= entry.cost
    return entry
  }

  /** The account's nonce went to `nonce`. @returns what it left behind. Cost: in what leaves, not in what stays. */
  advance(nonce: bigint, nowMs: number): PoolEntry[] {
    if (nonce <= this.nonce) return []
    this.version++
    this.#leastTip.clear()
    const passed: PoolEntry[] = []
    for (;;) {
      const entry = this.#entries[this.#start]
      if (entry === undefined || entry.recovered.tx.nonce >= nonce) break
      passed.push(entry)
      const usage = this.#start < this.#end ? this.#totals.pending : this.#totals.queued
      usage.remove(entry)
      this.totalCost -= entry.cost
      this.#start++
    }
    this.#end = Math.max(this.#start, this.#end)
    this.nonce = nonce
    if (2 * this.#start >= this.#entries.length) this.#trim()
    this.#promote(nowMs)
    return passed
  }

  /** The account's nonce went back, in a reorg: what was pending may have a gap before it now. */
  retreat(nonce: bigint, nowMs: number): void {
    if (nonce >= this.nonce) return
    this.version++
    this.#leastTip.clear()
    this.#demoteFrom(this.#start, nowMs)
    this.nonce = nonce
    this.#promote(nowMs)
  }

  /** Takes out what the balance does not cover, counted from the lowest nonce up. */
  removeUnpayable(nowMs: number): PoolEntry[] {
    if (this.totalCost <= this.balance) return []
    let left = this.balance
    return this.removeWhere((entry) => {
      if (entry.cost > left) return true
      left -= entry.cost
      return false
    }, nowMs)
  }

  /** Takes out all that `doomed` chooses; pending ones after the first of them become queued. Cost: linear. */
  removeWhere(doomed: (entry: PoolEntry, pending: boolean) => boolean, nowMs: number): PoolEntry[] {
    this.#trim()
    const pendingBefore = this.#end
    const removed: PoolEntry[] = []
    const kept: PoolEntry[] = []
    let firstGap = pendingBefore
    for (const [i, entry] of this.#entries.entries()) {
      if (doomed(entry, i < pendingBefore)) {
        if (removed.length === 0) firstGap = Math.min(i, pendingBefore)
        removed.push(entry)
      } else kept.push(entry)
    }
    if (removed.length === 0) return removed
    this.version++
    this.#leastTip.clear()
    this.#demoteFrom(firstGap, nowMs)
    for (const entry of removed) {
      this.#totals.queued.remove(entry)
      this.totalCost -= entry.cost
    }
    this.#entries = kept
    return removed
  }

  /** Index of the first transaction whose nonce is at least `nonce`. Cost: constant within the pending ones. */
  #indexOf(nonce: bigint): number {
    const offset = nonce - this.nonce
    if (offset < 0n) return this.#start
    if (offset < this.pendingCount) return this.#start + Number(offset)
    let low = this.#end
    let high = this.#entries.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#entries[middle]!.recovered.tx.nonce < nonce) low = middle + 1
      else high = middle
    }
    return low
  }

  #promote(nowMs: number): void {
    let nonce = this.nextNonce
    for (;;) {
      const entry = this.#entries[this.#end]
      if (entry === undefined || entry.recovered.tx.nonce !== nonce) return
      this.#totals.queued.remove(entry)
      this.#totals.pending.add(entry)
      this.#leastTip.add(entry)
      this.#end++
      this.beatMs = nowMs
      nonce++
    }
  }

  #demoteFrom(index: number, nowMs: number): void {
    if (index < this.#end && this.queuedCount === 0) this.beatMs = nowMs
    while (this.#end > index) {
      this.#end--
      const entry = this.#entries[this.#end]!
      this.#totals.pending.remove(entry)
      this.#totals.queued.add(entry)
    }
  }

  #trim(): void {
    this.#entries.splice(0, this.#start)
    this.#end -= this.#start
    this.#start = 0
  }
}
