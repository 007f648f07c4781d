import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAX_QUEUED_PER_ACCOUNT, SLOT_BYTES } from '../../src/pool/limits.ts'
import { toKey } from '../../src/primitives/bytes.ts'
import { effectiveTip, type RecoveredTransaction } from '../../src/primitives/transaction.ts'
import { fundedChain, PoolFixture } from '../support/pool-fixture.ts'
import { address, COIN, GWEI, transfer } from '../support/pool-transfers.ts'

const SENDERS = 6
const OPTIONS = { pendingSlots: 24, queuedSlots: 8, lifetimeMs: 600_000 }

interface Wish {
  readonly from: number
  /** Relative to the account's nonce. */
  readonly offset: number
  readonly tip: number
  readonly cap: number
  readonly coins: number
  readonly slots: number
}

type Operation =
  | { readonly kind: 'add'; readonly local: boolean; readonly wishes: readonly Wish[] }
  /** A block of the best `count`, of which some are left out. */
  | { readonly kind: 'mine'; readonly count: number; readonly foreign: number }
  | { readonly kind: 'reorg'; readonly depth: number; readonly keep: number }
  | { readonly kind: 'baseFee'; readonly gwei: number }
  | { readonly kind: 'wait'; readonly minutes: number }
  | { readonly kind: 'kill' }

const wish: fc.Arbitrary<Wish> = fc.record({
  from: fc.nat(SENDERS - 1),
  offset: fc.oneof({ weight: 6, arbitrary: fc.nat(5) }, fc.integer({ min: -1, max: 80 })),
  tip: fc.integer({ min: 1, max: 12 }),
  cap: fc.nat(10),
  coins: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.nat(5)),
  slots: fc.oneof({ weight: 6, arbitrary: fc.constant(1) }, fc.integer({ min: 1, max: 4 })),
})

const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('add' as const),
      local: fc.boolean(),
      wishes: fc.array(wish, { minLength: 1, maxLength: 12 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('mine' as const), count: fc.nat(10), foreign: fc.nat(SENDERS) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('reorg' as const), depth: fc.nat(4), keep: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('baseFee' as const), gwei: fc.nat(8) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), minutes: fc.nat(8) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('kill' as const) }) },
)

function toTransfer({ from, offset, tip, cap, coins, slots }: Wish, nonce: bigint): RecoveredTransaction {
  return transfer({
    from,
    nonce: nonce + BigInt(offset) < 0n ? 0n : nonce + BigInt(offset),
    maxPriorityFeePerGas: BigInt(tip) * GWEI,
    maxFeePerGas: BigInt(tip + cap) * GWEI,
    value: BigInt(coins) * COIN,
    data: new Uint8Array((slots - 1) * SLOT_BYTES),
    gasLimit: 600_000n,
  })
}

const costOf = ({ tx }: RecoveredTransaction) => tx.value + tx.gasLimit * tx.maxFeePerGas
const slotsOf = (all: readonly RecoveredTransaction[]) =>
  all.reduce((sum, { tx }) => sum + Math.ceil(tx.raw.length / SLOT_BYTES), 0)

function contentsOf(fixture: PoolFixture) {
  const content = [...fixture.pool.content()]
  return {
    content,
    pending: content.flatMap(({ pending }) => pending),
    queued: content.flatMap(({ queued }) => queued),
  }
}

function checkInvariants(fixture: PoolFixture): void {
  const { chain, pool } = fixture
  const { content, pending, queued } = contentsOf(fixture)
  for (const { sender, pending, queued } of content) {
    const { nonce, balance } = chain.account(sender)
    expect(pending.map(({ tx }) => tx.nonce)).toEqual(pending.map((_, i) => nonce + BigInt(i)))
    const next = nonce + BigInt(pending.length)
    expect(pool.pendingNonce(sender, nonce)).toBe(next)
    let before = next
    for (const { tx } of queued) {
      expect(tx.nonce > before).toBe(true)
      before = tx.nonce
    }
    expect(queued.length).toBeLessThanOrEqual(MAX_QUEUED_PER_ACCOUNT)
    expect([...pending, ...queued].reduce((sum, tx) => sum + costOf(tx), 0n) <= balance).toBe(true)
    for (const recovered of [...pending, ...queued]) {
      expect(recovered.sender).toEqual(sender)
      expect(pool.lookup(toKey(recovered.hash))).toBe(recovered)
    }
  }
  expect(pool.status()).toEqual({ pending: pending.length, queued: queued.length })
  expect(slotsOf(pending)).toBeLessThanOrEqual(OPTIONS.pendingSlots)
  expect(slotsOf(queued)).toBeLessThanOrEqual(OPTIONS.queuedSlots)
  checkOrder(fixture, pending)
}

/** The best come with falling tips, but for those that had to wait for a cheaper one of their sender. */
function checkOrder(fixture: PoolFixture, pending: readonly RecoveredTransaction[]): void {
  const { baseFee } = fixture.chain
  const best = fixture.pool.best(baseFee)
  const open = new Map(pending.map((recovered) => [toKey(recovered.hash), recovered]))
  const next = new Map(
    [...fixture.pool.content()].map(({ sender }) => [toKey(sender), fixture.chain.account(sender).nonce]),
  )
  const offered = () => [...open.values()].filter(({ sender, tx }) => next.get(toKey(sender)) === tx.nonce)
  const tip = ({ tx }: RecoveredTransaction) => effectiveTip(tx, baseFee)
  const most = () => offered().reduce((max, recovered) => (tip(recovered) > max ? tip(recovered) : max), -1n)
  for (let recovered = best.next(); recovered !== undefined; recovered = best.next()) {
    expect(next.get(toKey(recovered.sender))).toBe(recovered.tx.nonce)
    expect(tip(recovered)).toBe(most())
    next.set(toKey(recovered.sender), recovered.tx.nonce + 1n)
    open.delete(toKey(recovered.hash))
  }
  expect(most() < GWEI).toBe(true)
}

class Run {
  fixture: PoolFixture
  /** What subscribers can know: pending by the events alone. */
  readonly told = new Map<string, RecoveredTransaction>()
  #blocks: RecoveredTransaction[][] = []

  constructor(fixture: PoolFixture) {
    this.fixture = fixture
    this.#listen()
  }

  async apply(operation: Operation): Promise<void> {
    const { chain, clock, pool } = this.fixture
    if (operation.kind === 'add') {
      const nonces = operation.wishes.map((wish) => chain.account(address(wish.from)).nonce)
      const transactions = operation.wishes.map((wish, i) => toTransfer(wish, nonces[i]!))
      const errors = await this.fixture.addAs(operation.local ? 'local' : 'remote', ...transactions)
      expect(errors.length).toBe(transactions.length)
    } else if (operation.kind === 'mine') {
      const body: RecoveredTransaction[] = []
      const best = pool.best(chain.baseFee)
      for (let next = best.next(); next !== undefined && body.length < operation.count; next = best.next())
        body.push(next)
      // Somebody signs elsewhere what the pool never sees, and spends most of an account by it.
      const from = operation.foreign
      if (from < SENDERS && !body.some(({ sender }) => toKey(sender) === toKey(address(from)))) {
        const { nonce, balance } = chain.account(address(from))
        const gas = 21_000n * 20n * GWEI
        if (balance > 2n * gas) {
          const foreign = transfer({ from, nonce, gwei: 20, value: (balance - gas) / 2n })
          this.fixture.known.set(toKey(foreign.hash), foreign)
          body.push(foreign)
        }
      }
      this.#blocks.push(body)
      chain.mine(body)
    } else if (operation.kind === 'reorg') {
      const depth = Math.min(operation.depth, this.#blocks.length)
      const old = this.#blocks.splice(this.#blocks.length - depth, depth)
      // The new branch has the first blocks of the old one as they were, and an empty one more.
      const bodies = [...old.slice(0, operation.keep), ...Array<RecoveredTransaction[]>(depth + 1).fill([])].slice(
        0,
        depth + 1,
      )
      this.#blocks.push(...bodies)
      chain.reorg(depth, bodies)
    } else if (operation.kind === 'baseFee') {
      chain.baseFee = BigInt(operation.gwei) * GWEI
      this.#blocks.push([])
      chain.mine([])
    } else if (operation.kind === 'wait') {
      clock.advance(operation.minutes * 60_000)
    } else {
      const before = hashes(this.fixture)
      await pool.stop()
      this.fixture = await this.fixture.restart(OPTIONS)
      expect(hashes(this.fixture)).toEqual(before)
      this.told.clear()
      for (const recovered of contentsOf(this.fixture).pending) this.told.set(toKey(recovered.hash), recovered)
      this.#listen()
    }
    await this.fixture.pool.settled()
  }

  checkTold(): void {
    const pending = contentsOf(this.fixture).pending.map(({ hash }) => toKey(hash))
    // What a reorg has put behind a gap is still held, and will be told of again when the gap closes.
    for (const key of pending) expect(this.told.has(key)).toBe(true)
    for (const key of this.told.keys()) expect(this.fixture.pool.lookup(key)).toBeDefined()
  }

  #listen(): void {
    this.fixture.pool.subscribe(({ pending, dropped }) => {
      for (const recovered of pending) this.told.set(toKey(recovered.hash), recovered)
      for (const { hashKey } of dropped) this.told.delete(hashKey)
    })
  }
}

function hashes(fixture: PoolFixture): string[] {
  const { pending, queued } = contentsOf(fixture)
  return [...pending, ...queued].map(({ hash }) => toKey(hash)).sort()
}

describe('whatever happens to it, the pool', () => {
  it('keeps its order, its limits and its word', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 40 }), async (operations) => {
        const run = new Run(await PoolFixture.create(OPTIONS, { chain: fundedChain(SENDERS, 10n * COIN) }))
        for (const operation of operations) {
          await run.apply(operation)
          checkInvariants(run.fixture)
          run.checkTold()
        }
        expect(run.fixture.errors).toEqual([])
      }),
      { numRuns: 300 },
    )
  })
})
