import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createEntry, type PoolEntry, tipAt, transactionCost } from '../../src/pool/entry.ts'
import { EvictionIndex } from '../../src/pool/eviction.ts'
import { PROTECTED_PER_ACCOUNT } from '../../src/pool/limits.ts'
import { type Section, SenderQueue, Usage } from '../../src/pool/sender-queue.ts'
import { toKey } from '../../src/primitives/bytes.ts'
import { GWEI, transfer } from '../support/pool-transfers.ts'

const SENDERS = 3
const SECTIONS: readonly Section[] = ['pending', 'queued']

type Operation =
  | { readonly kind: 'add'; readonly from: number; readonly offset: number; readonly tip: number; readonly cap: number }
  | { readonly kind: 'line'; readonly from: number; readonly count: number; readonly tip: number }
  | { readonly kind: 'evict'; readonly section: Section }
  | { readonly kind: 'advance' | 'retreat' | 'remove'; readonly from: number; readonly by: number }
  | { readonly kind: 'baseFee'; readonly gwei: number }

const from = fc.nat(SENDERS - 1)
const tip = fc.integer({ min: 1, max: 12 })
const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant('add' as const), from, offset: fc.nat(24), tip, cap: fc.nat(8) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('line' as const), from, count: fc.integer({ min: 1, max: 24 }), tip }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('evict' as const), section: fc.constantFrom(...SECTIONS) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom('advance' as const, 'retreat' as const, 'remove' as const),
      from,
      by: fc.integer({ min: 1, max: 4 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('baseFee' as const), gwei: fc.nat(8) }) },
)

class Run {
  readonly #totals = { pending: new Usage(), queued: new Usage() }
  readonly #senders = new Map<string, SenderQueue>()
  readonly #index = {
    pending: new EvictionIndex('pending', this.#senders),
    queued: new EvictionIndex('queued', this.#senders),
  }
  #baseFee = 0n
  #arrivals = 0

  constructor() {
    for (let i = 0; i < SENDERS; i++) {
      const { sender, senderKey } = transfer({ from: i })
      this.#senders.set(senderKey, new SenderQueue({ sender, senderKey }, 8n, 0n, this.#totals))
    }
  }

  apply(operation: Operation): void {
    if (operation.kind === 'baseFee') {
      this.#baseFee = BigInt(operation.gwei) * GWEI
      for (const section of SECTIONS) this.#index[section].clear()
      return
    }
    const queue = this.#take(operation)
    if (queue !== undefined) for (const section of SECTIONS) this.#index[section].update(queue)
  }

  #take(operation: Exclude<Operation, { readonly kind: 'baseFee' }>): SenderQueue | undefined {
    if (operation.kind === 'evict') {
      const queue = this.#index[operation.section].first(this.#baseFee)?.queue
      if (operation.section === 'pending') queue?.popPending()
      else queue?.popQueued()
      return queue
    }
    const queue = [...this.#senders.values()][operation.from]!
    if (operation.kind === 'add') this.#add(queue, operation.offset, operation)
    else if (operation.kind === 'line') {
      for (let i = 0; i < operation.count; i++)
        this.#add(queue, i, { ...operation, tip: operation.tip + (i % 5), cap: 9 })
    } else if (operation.kind === 'advance') queue.advance(queue.nonce + BigInt(operation.by), 0)
    else if (operation.kind === 'retreat') queue.retreat(queue.nonce - BigInt(operation.by), 0)
    else queue.removeWhere(({ recovered }) => Number(recovered.tx.nonce) % 7 === operation.by, 0)
    return queue
  }

  #add(queue: SenderQueue, offset: number, { from, tip, cap }: { from: number; tip: number; cap: number }): void {
    const recovered = transfer({
      from,
      nonce: queue.nonce + BigInt(offset),
      maxPriorityFeePerGas: BigInt(tip) * GWEI,
      maxFeePerGas: BigInt(tip + cap) * GWEI,
    })
    const placing = { hashKey: toKey(recovered.hash), cost: transactionCost(recovered), account: queue }
    queue.insert(createEntry(recovered, { ...placing, arrival: this.#arrivals++ }, this.#baseFee), 0)
  }

  check(): void {
    for (const section of SECTIONS) {
      const found = this.#index[section].first(this.#baseFee)
      const sought = this.#sought(section)
      expect(found?.queue).toBe(sought?.queue)
      expect([found?.protectedShare, found?.score, found?.arrival]).toEqual([
        sought?.protectedShare,
        sought?.score,
        sought?.arrival,
      ])
    }
  }

  /** By looking at everything. */
  #sought(section: Section) {
    const candidates = [...this.#senders.values()].flatMap((queue) => {
      const entries: readonly PoolEntry[] = section === 'pending' ? queue.pending() : queue.queued()
      const tips = entries.map(({ recovered }) => tipAt(recovered, this.#baseFee))
      const protectedShare = entries.length <= PROTECTED_PER_ACCOUNT
      const last = entries.at(-1)
      return last === undefined ? [] : [{ queue, protectedShare, score: Math.min(...tips), arrival: last.arrival }]
    })
    return candidates.sort(
      (a, b) => Number(a.protectedShare) - Number(b.protectedShare) || a.score - b.score || b.arrival - a.arrival,
    )[0]
  }
}

describe('what a full pool gives up first', () => {
  it('is what looking at every transaction finds, whatever has happened to them', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 40 }), (operations) => {
        const run = new Run()
        for (const operation of operations) {
          run.apply(operation)
          run.check()
        }
      }),
      { numRuns: 200 },
    )
  })
})
