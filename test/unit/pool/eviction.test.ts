import { describe, expect, it } from 'vitest'
import { createEntry } from '../../../src/pool/entry.ts'
import { EvictionIndex } from '../../../src/pool/eviction.ts'
import { PROTECTED_PER_ACCOUNT, SLOT_BYTES } from '../../../src/pool/limits.ts'
import { SenderQueue, Usage } from '../../../src/pool/sender-queue.ts'
import { toKey } from '../../../src/primitives/bytes.ts'
import type { RecoveredTransaction } from '../../../src/primitives/transaction.ts'
import { PoolFixture, times } from '../../support/pool-fixture.ts'
import { address, COIN, GWEI, transfer } from '../../support/pool-transfers.ts'

/** A transfer whose encoding takes `slots` slots. */
function large(from: number, slots: number, gwei = 2): RecoveredTransaction {
  return transfer({ from, gwei, data: new Uint8Array((slots - 1) * SLOT_BYTES + 100), gasLimit: 600_000n })
}

describe('a full pool', () => {
  it('takes what fits its slots exactly', async () => {
    const fixture = await PoolFixture.create({ pendingSlots: 4 })
    expect(await fixture.add(large(0, 3), transfer({ from: 1 }))).toEqual([undefined, undefined])
    expect(await fixture.add(transfer({ from: 2 }))).toEqual(['tip-below-floor'])
    expect(fixture.pool.status()).toEqual({ pending: 2, queued: 0 })
  })

  it('counts bytes besides slots', async () => {
    const one = transfer({ from: 0 })
    const fixture = await PoolFixture.create({ pendingBytes: 2 * one.tx.raw.length })
    expect(await fixture.add(one, transfer({ from: 1 }), transfer({ from: 2 }))).toEqual([
      undefined,
      undefined,
      'tip-below-floor',
    ])
  })

  it('gives up the cheapest for one that pays more, and says what more is', async () => {
    const fixture = await PoolFixture.create({ pendingSlots: 3 })
    const pool = [4, 2, 3].map((gwei, from) => transfer({ from, gwei }))
    await fixture.add(...pool)
    const tip = 2n * GWEI - fixture.chain.baseFee
    const [equal] = await fixture.addAs('remote', transfer({ from: 5, gwei: 2 }))
    expect(equal).toMatchObject({ code: 'tip-below-floor', facts: { tip, floor: tip + 1n } })
    expect(await fixture.add(transfer({ from: 6, gwei: 2.000000001 }))).toEqual([undefined])
    expect(pool.map((tx) => fixture.dropReason(tx))).toEqual([undefined, 'evicted', undefined])
    expect(fixture.pool.status()).toEqual({ pending: 3, queued: 0 })
  })

  it('knows an account still when the last it had here is pushed out in the batch that brings its next', async () => {
    const fixture = await PoolFixture.create({ pendingSlots: 1 })
    await fixture.add(transfer({ from: 0, gwei: 2 }))
    const next = transfer({ from: 0, gwei: 4 })
    expect(await fixture.add(transfer({ from: 1, gwei: 3 }), next)).toEqual([undefined, undefined])
    expect(fixture.has(next)).toBe(true)
  })

  it('goes by what the miner gets at the base fee, not by the caps', async () => {
    const fixture = await PoolFixture.create({ pendingSlots: 2 })
    fixture.chain.baseFee = 10n * GWEI
    fixture.chain.mine([])
    const capped = transfer({ from: 0, maxPriorityFeePerGas: 9n * GWEI, maxFeePerGas: 11n * GWEI })
    const plain = transfer({ from: 1, maxPriorityFeePerGas: 2n * GWEI, maxFeePerGas: 30n * GWEI })
    await fixture.add(capped, plain)
    await fixture.add(transfer({ from: 2, maxPriorityFeePerGas: 3n * GWEI, maxFeePerGas: 30n * GWEI }))
    expect([fixture.has(capped), fixture.has(plain)]).toEqual([false, true])
  })

  it('prices anew when the base fee changes', async () => {
    const fixture = await PoolFixture.create({ pendingSlots: 2 })
    const capped = transfer({ from: 0, maxPriorityFeePerGas: 5n * GWEI, maxFeePerGas: 12n * GWEI })
    const plain = transfer({ from: 1, maxPriorityFeePerGas: 3n * GWEI, maxFeePerGas: 30n * GWEI })
    await fixture.add(capped, plain)
    expect(await fixture.add(transfer({ from: 2, gwei: 2 }))).toEqual(['tip-below-floor'])
    fixture.chain.baseFee = 10n * GWEI
    fixture.chain.mine([])
    await fixture.add(transfer({ from: 3, maxPriorityFeePerGas: 4n * GWEI, maxFeePerGas: 30n * GWEI }))
    expect([fixture.has(capped), fixture.has(plain)]).toEqual([false, true])
  })

  it('prices what comes out of the queue at the base fee of then, too', async () => {
    const fixture = await PoolFixture.create({ pendingSlots: 3 })
    const behind = transfer({ from: 0, nonce: 1, maxPriorityFeePerGas: 9n * GWEI, maxFeePerGas: 11n * GWEI })
    const others = [1, 2].map((from) => transfer({ from, maxPriorityFeePerGas: 3n * GWEI, maxFeePerGas: 50n * GWEI }))
    await fixture.add(behind, ...others)
    fixture.chain.baseFee = 10n * GWEI
    fixture.chain.mine([])
    // Full, and priced; then the gap closes.
    await fixture.add(
      ...[3, 4].map((from) => transfer({ from, maxPriorityFeePerGas: 2n * GWEI, maxFeePerGas: 50n * GWEI })),
    )
    await fixture.add(transfer({ from: 0, maxPriorityFeePerGas: 8n * GWEI, maxFeePerGas: 50n * GWEI }))
    expect(fixture.nonces(0).pending).toEqual([0])
    expect(others.map((tx) => fixture.has(tx))).toEqual([true, true])
  })

  it('gives up the latest of equals', async () => {
    const fixture = await PoolFixture.create({ pendingSlots: 3 })
    const equals = [0, 1, 2].map((from) => transfer({ from }))
    await fixture.add(...equals)
    await fixture.add(transfer({ from: 3, gwei: 3 }))
    expect(equals.map((tx) => fixture.has(tx))).toEqual([true, true, false])
  })

  it('gives up nothing for a large one that still does not fit', async () => {
    const fixture = await PoolFixture.create({ pendingSlots: 4 })
    const cheap = [0, 1, 2].map((from) => transfer({ from, gwei: 2 }))
    const dear = transfer({ from: 3, gwei: 50 })
    await fixture.add(...cheap, dear)
    expect(await fixture.add(large(4, 4, 10))).toEqual(['tip-below-floor'])
    expect([...cheap, dear].map((tx) => fixture.has(tx))).toEqual([true, true, true, true])
    expect(fixture.pool.status()).toEqual({ pending: 4, queued: 0 })
    expect(fixture.changes.flatMap(({ dropped }) => dropped)).toEqual([])
    expect(await fixture.add(large(4, 3, 10))).toEqual([undefined])
    expect([...cheap, dear].map((tx) => fixture.has(tx))).toEqual([false, false, false, true])
  })

  it('stays as it was when a replacement of more slots finds no room', async () => {
    const fixture = await PoolFixture.create({ pendingSlots: 3 })
    const small = transfer({ from: 0, gwei: 2 })
    const child = transfer({ from: 0, nonce: 1, gwei: 9 })
    const other = transfer({ from: 1, gwei: 50 })
    await fixture.add(small, child, other)
    expect(await fixture.add(large(0, 4, 3))).toEqual(['tip-below-floor'])
    expect([small, child, other].map((tx) => fixture.has(tx))).toEqual([true, true, true])
    expect(fixture.nonces(0)).toEqual({ pending: [0, 1], queued: [] })
  })

  it('refuses what alone is larger than the pool', async () => {
    const fixture = await PoolFixture.create({ pendingSlots: 3 })
    expect(await fixture.add(large(0, 4))).toEqual(['pool-full'])
    expect(fixture.pool.status()).toEqual({ pending: 0, queued: 0 })
    expect(fixture.nonces(0)).toEqual({ pending: [], queued: [] })
  })

  it('takes the last of an account, so that none behind it is stranded', async () => {
    const fixture = await PoolFixture.create({ pendingSlots: 3 })
    await fixture.add(...[0, 1, 2].map((nonce) => transfer({ from: 0, nonce, gwei: 5 - nonce })))
    await fixture.add(transfer({ from: 1, gwei: 9 }), transfer({ from: 2, gwei: 9 }))
    expect(fixture.nonces(0)).toEqual({ pending: [0], queued: [] })
  })

  it('admits again once there is room', async () => {
    const fixture = await PoolFixture.create({ pendingSlots: 2 })
    const held = [0, 1].map((from) => transfer({ from, gwei: 9 }))
    await fixture.add(...held)
    expect(await fixture.add(transfer({ from: 2 }))).toEqual(['tip-below-floor'])
    fixture.chain.mine([held[0]!])
    expect(await fixture.add(transfer({ from: 2 }))).toEqual([undefined])
  })
})

describe('an account that has filled the pool alone', () => {
  it('is not looked through for each of its transactions that comes or goes', () => {
    const totals = { pending: new Usage(), queued: new Usage() }
    const account = transfer({ from: 0 })
    const queue = new SenderQueue(account, 0n, 0n, totals)
    const index = new EvictionIndex('pending', new Map([[account.senderKey, queue]]))
    let looks = 0
    const add = (nonce: number, gwei: number) => {
      const recovered = transfer({ from: 0, nonce, gwei })
      const placing = { hashKey: toKey(recovered.hash), cost: 1n, account: queue, arrival: nonce }
      const entry = createEntry(recovered, placing, 0n)
      let { tip } = entry
      const counting = {
        get: () => {
          looks++
          return tip
        },
        set: (value: number) => {
          tip = value
        },
      }
      queue.insert(Object.defineProperty(entry, 'tip', counting), 0)
      index.update(queue)
    }
    const count = 3_000
    for (let nonce = 0; nonce < count; nonce++) add(nonce, 2 + (nonce % 9))
    expect(index.first(0n)?.score).toBe(Number(2n * GWEI))
    looks = 0
    const rounds = 1_500
    for (let i = 0; i < rounds; i++) {
      // At the end, as it is given up, and in front by replacements.
      add(count, 5)
      add(i % 7, 20 + i)
      index.first(0n)?.queue.popPending()
      index.update(queue)
    }
    expect(index.first(0n)).toMatchObject({ score: Number(2n * GWEI), arrival: count - 1 })
    expect(looks / rounds).toBeLessThan(150)
  })
})

describe('a full queue', () => {
  it('gives up the cheapest queued one, or refuses', async () => {
    const fixture = await PoolFixture.create({ queuedSlots: 2 })
    const queued = [3, 4].map((gwei, from) => transfer({ from, nonce: 1, gwei }))
    await fixture.add(...queued)
    expect(await fixture.add(transfer({ from: 2, nonce: 1, gwei: 3 }))).toEqual(['pool-full'])
    expect(await fixture.add(transfer({ from: 2, nonce: 1, gwei: 5 }))).toEqual([undefined])
    expect(queued.map((tx) => fixture.has(tx))).toEqual([false, true])
  })

  it('does not keep out a pending one', async () => {
    const fixture = await PoolFixture.create({ queuedSlots: 1 })
    await fixture.add(transfer({ from: 0, nonce: 1, gwei: 9 }))
    expect(await fixture.add(transfer({ from: 1 }))).toEqual([undefined])
  })
})

describe('attacks known from DETER, MemPurge and mpfuzz', () => {
  const victims = times(8, (i) => transfer({ from: i, gwei: 2 }))
  const full = async () => {
    const fixture = await PoolFixture.create({ pendingSlots: 8, queuedSlots: 4 })
    expect(await fixture.add(...victims)).toEqual(Array(8))
    return fixture
  }
  const survivors = (fixture: PoolFixture) => victims.filter((tx) => fixture.has(tx)).length

  it('DETER-X: dear transactions from the future push out no pending one', async () => {
    const fixture = await full()
    await fixture.add(...times(20, (i) => transfer({ from: 20 + i, nonce: 1 + i, gwei: 1_000 })))
    expect(survivors(fixture)).toBe(8)
    expect(fixture.pool.status()).toEqual({ pending: 8, queued: 4 })
  })

  it('DETER-Z: dear transactions that cannot pay push out nothing', async () => {
    const fixture = await full()
    fixture.chain.set(address(20), { balance: 1_000_000n * GWEI })
    const refused = await fixture.add(...times(20, (nonce) => transfer({ from: 20, nonce, gwei: 1_000 })))
    expect(refused).toEqual(Array(20).fill('insufficient-funds'))
    expect(survivors(fixture)).toBe(8)
  })

  it('latent overdraft: each payable alone, together not, so only what is covered counts', async () => {
    const fixture = await full()
    fixture.chain.set(address(20), { balance: 2n * COIN })
    const greedy = times(8, (nonce) => transfer({ from: 20, nonce, gwei: 100, value: COIN }))
    expect(await fixture.add(...greedy)).toEqual([undefined, ...Array(7).fill('insufficient-funds')])
    expect(survivors(fixture)).toBe(7)
  })

  it('MemPurge: an overdraft prepared behind a gap is not let in, so closing the gap evicts nobody for free', async () => {
    const fixture = await full()
    fixture.chain.set(address(20), { balance: 2n * COIN })
    const prepared = times(4, (i) => transfer({ from: 20, nonce: 1 + i, gwei: 100, value: COIN }))
    expect(await fixture.add(...prepared)).toEqual([undefined, ...Array(3).fill('insufficient-funds')])
    await fixture.add(transfer({ from: 20, gwei: 100 }))
    expect(fixture.nonces(20)).toEqual({ pending: [0, 1], queued: [] })
    expect(survivors(fixture)).toBe(6)
  })

  it('a replacement cannot take away what pays for those behind it', async () => {
    const fixture = await full()
    fixture.chain.set(address(20), { balance: COIN })
    await fixture.add(...times(4, (nonce) => transfer({ from: 20, nonce, gwei: 100 })))
    const drain = transfer({ from: 20, gwei: 200, value: COIN - 21_000n * 200n * GWEI })
    expect(await fixture.add(drain)).toEqual(['insufficient-funds'])
    expect(fixture.nonces(20).pending).toEqual([0, 1, 2, 3])
  })

  it('a dear transaction behind a cheap one is worth no more than the cheap one', async () => {
    const fixture = await full()
    const chain = [
      transfer({ from: 20, gwei: 1.5 }),
      ...times(4, (i) => transfer({ from: 20, nonce: 1 + i, gwei: 1_000 })),
    ]
    await fixture.add(...chain)
    expect(survivors(fixture)).toBe(8)
    expect(fixture.nonces(20).pending).toEqual([])
  })

  it('closing a gap cheaply brings nothing dear in at the expense of others', async () => {
    const fixture = await full()
    await fixture.add(...times(4, (i) => transfer({ from: 20, nonce: 1 + i, gwei: 1_000 })))
    expect(await fixture.add(transfer({ from: 20, gwei: 1.5 }))).toEqual(['tip-below-floor'])
    expect(survivors(fixture)).toBe(8)
    expect(fixture.nonces(20)).toEqual({ pending: [], queued: [1, 2, 3, 4] })
  })

  it('one account cannot push out the many: one drained balance would void all it has', async () => {
    const fixture = await PoolFixture.create({ pendingSlots: 40 })
    const many = times(40, (i) => transfer({ from: i, gwei: 2 }))
    await fixture.add(...many)
    const flood = times(PROTECTED_PER_ACCOUNT + 1, (nonce) => transfer({ from: 50, nonce, gwei: 1_000 }))
    expect(await fixture.add(...flood)).toEqual([...Array(PROTECTED_PER_ACCOUNT), 'account-limit'])
    expect(many.filter((tx) => fixture.has(tx)).length).toBe(40 - PROTECTED_PER_ACCOUNT)
  })

  it('one account that has filled the pool gives way to others', async () => {
    const fixture = await PoolFixture.create({ pendingSlots: 40 })
    await fixture.add(...times(40, (nonce) => transfer({ from: 50, nonce, gwei: 1_000 })))
    expect(await fixture.add(...times(10, (from) => transfer({ from, gwei: 2 })))).toEqual(Array(10))
    expect(fixture.nonces(50).pending).toEqual(times(30, (i) => i))
  })
})
