import { effectiveTip, type RecoveredTransaction } from '../primitives/transaction.ts'
import type { PoolEntry } from './entry.ts'
import { Heap } from './heap.ts'
import type { SenderQueue } from './sender-queue.ts'

/** Transactions in the order in which a miner earns most. */
export interface BestTransactions {
  /** Best by tip per gas, each sender's in nonce order, the earlier of two equal ones first. Cost: logarithmic. */
  next(): RecoveredTransaction | undefined
  /** No more from the sender of the transaction last given: without it, none of its later ones applies. */
  skipSender(): void
}

interface Offer {
  readonly queue: SenderQueue
  readonly entry: PoolEntry
  readonly tip: number
}

/**
 * The pool may change while the iterator is in use: an account's next transaction is looked up when it is due.
 * @param baseFee wei per gas of the block to be filled.
 * @param minTip wei per gas; senders whose next transaction brings less wait.
 * Cost: linear in the senders.
 */
export function bestTransactions(senders: Iterable<SenderQueue>, baseFee: bigint, minTip: bigint): BestTransactions {
  const offer = (queue: SenderQueue, entry: PoolEntry | undefined): Offer | undefined => {
    if (entry === undefined) return undefined
    const tip = effectiveTip(entry.recovered.tx, baseFee)
    return tip < minTip || tip < 0n ? undefined : { queue, entry, tip: Number(tip) }
  }
  const offers: Offer[] = []
  for (const queue of senders) {
    const first = offer(queue, queue.pendingAt(queue.nonce))
    if (first !== undefined) offers.push(first)
  }
  const heap = new Heap(isBetter, offers)
  let last: Offer | undefined
  return {
    next() {
      if (last !== undefined) {
        const { queue, entry } = last
        const following = offer(queue, queue.pendingAt(entry.recovered.tx.nonce + 1n))
        if (following !== undefined) heap.push(following)
      }
      last = heap.pop()
      return last?.entry.recovered
    },
    skipSender() {
      last = undefined
    },
  }
}

function isBetter(a: Offer, b: Offer): boolean {
  return a.tip === b.tip ? a.entry.arrival < b.entry.arrival : a.tip > b.tip
}
