import type { Clock } from '../primitives/clock.ts'
import { MAX_RECOVERY_DEBT, MAX_UNPAID_BUNDLES, RECOVERY_ALLOWANCE, UNREAD_BYTES } from './limits.ts'
import { PeerBuckets } from './peer-buckets.ts'

interface Line {
  /** Paid for and not settled. */
  underway: number
  readonly waiting: { readonly cost: number; readonly resolve: (paid: boolean) => void }[]
}

/**
 * Peers pay in advance for what their bundles may cost, since what comes next is what costs, and are given back what turned
 * out to be of use. A bundle that is too dear only until others of its sender are settled waits for them, in its turn: so a
 * node that brings a whole pool at once is not cut off in the middle, and one that brings junk gets no further than before.
 */
export class RecoveryPayments {
  readonly #clock: Clock
  readonly #allowances = new PeerBuckets(RECOVERY_ALLOWANCE)
  /** Of peers that have bundles under way. */
  readonly #lines = new Map<string, Line>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @returns whether it is paid for; then `settle` must follow. */
  pay(peer: string, cost: number): Promise<boolean> {
    const line = this.#lines.get(peer) ?? { underway: 0, waiting: [] }
    if (line.waiting.length === MAX_UNPAID_BUNDLES) return Promise.resolve(false)
    this.#lines.set(peer, line)
    return new Promise((resolve) => {
      line.waiting.push({ cost, resolve })
      this.#advance(peer, line)
    })
  }

  settle(peer: string, refund: number): void {
    this.#allowances.of(peer, this.#clock.nowMs()).refund(refund)
    const line = this.#lines.get(peer)!
    line.underway--
    this.#advance(peer, line)
  }

  /** A bundle is let lie for lack of payment. @returns whether its sender owes as much as it may. */
  leave(peer: string, sizeBytes: number): boolean {
    const nowMs = this.#clock.nowMs()
    const allowance = this.#allowances.of(peer, nowMs)
    allowance.charge(sizeBytes / UNREAD_BYTES, MAX_RECOVERY_DEBT, nowMs)
    return allowance.waitMs(nowMs) >= (MAX_RECOVERY_DEBT / RECOVERY_ALLOWANCE.perSecond) * 1000
  }

  #advance(peer: string, line: Line): void {
    const nowMs = this.#clock.nowMs()
    const allowance = this.#allowances.of(peer, nowMs)
    for (let next = line.waiting[0]; next !== undefined; next = line.waiting[0]) {
      const paid = allowance.take(next.cost, nowMs)
      if (!paid && line.underway > 0) return
      line.waiting.shift()
      if (paid) line.underway++
      next.resolve(paid)
    }
    if (line.underway === 0) this.#lines.delete(peer)
  }
}
