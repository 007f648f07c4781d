import { describe, expect, it } from 'vitest'
import { toKey } from '../../../src/primitives/bytes.ts'
import { fundedChain, PoolFixture, times } from '../../support/pool-fixture.ts'
import { address, COIN, GWEI, transfer } from '../../support/pool-transfers.ts'

describe('a new head', () => {
  it('takes out what was mined and keeps what comes after it pending', async () => {
    const fixture = await PoolFixture.create()
    const own = times(4, (nonce) => transfer({ from: 0, nonce }))
    const other = transfer({ from: 1 })
    await fixture.add(...own, other)
    fixture.chain.mine([own[0]!, own[1]!])
    await fixture.pool.settled()
    expect(fixture.nonces(0)).toEqual({ pending: [2, 3], queued: [] })
    expect(own.map((tx) => fixture.dropReason(tx))).toEqual(['mined', 'mined', undefined, undefined])
    expect(fixture.has(other)).toBe(true)
    expect(fixture.pool.pendingNonce(address(0), 2n)).toBe(4n)
    // Nothing is announced a second time.
    fixture.changes.length = 0
    fixture.chain.mine([])
    await fixture.pool.settled()
    expect(fixture.changes).toEqual([])
  })

  it('takes out what lost its nonce to another transaction', async () => {
    const fixture = await PoolFixture.create()
    const mine = times(2, (nonce) => transfer({ from: 0, nonce }))
    await fixture.add(...mine)
    fixture.chain.mine([transfer({ from: 0, value: 9n, gwei: 5 })])
    await fixture.pool.settled()
    expect(mine.map((tx) => fixture.dropReason(tx))).toEqual(['stale', undefined])
    expect(fixture.nonces(0)).toEqual({ pending: [1], queued: [] })
  })

  it('makes queued ones pending when a block closes the gap', async () => {
    const fixture = await PoolFixture.create()
    const queued = [1, 2].map((nonce) => transfer({ from: 0, nonce }))
    await fixture.add(...queued)
    fixture.chain.mine([transfer({ from: 0 })])
    await fixture.pool.settled()
    expect(fixture.nonces(0)).toEqual({ pending: [1, 2], queued: [] })
    expect(fixture.changes.flatMap(({ pending }) => pending)).toEqual(queued)
  })

  it('takes out what the account can no longer pay, from the first that does not fit', async () => {
    const fixture = await PoolFixture.create()
    const gas = 21_000n * 2n * GWEI
    fixture.chain.set(address(0), { balance: 10n * COIN })
    await fixture.add(...times(4, (nonce) => transfer({ from: 0, nonce, value: nonce === 2 ? 5n * COIN : COIN })))
    // A transaction of the same account that the pool has never seen takes seven coins.
    fixture.chain.mine([transfer({ from: 0, value: 7n * COIN, gwei: 3 })])
    await fixture.pool.settled()
    expect(fixture.nonces(0)).toEqual({ pending: [1], queued: [3] })
    expect(fixture.dropReason(transfer({ from: 0, nonce: 2, value: 5n * COIN }))).toBe('unpayable')
    const left = fixture.chain.account(address(0)).balance - 2n * (COIN + gas)
    expect(await fixture.add(transfer({ from: 0, nonce: 2, value: left - gas + 1n }))).toEqual(['insufficient-funds'])
    expect(await fixture.add(transfer({ from: 0, nonce: 2, value: left - gas }))).toEqual([undefined])
    expect(fixture.nonces(0)).toEqual({ pending: [1, 2, 3], queued: [] })
  })

  it('lets an account spend what it has received, as recipient or as miner', async () => {
    const fixture = await PoolFixture.create()
    fixture.chain.set(address(200), { balance: COIN })
    fixture.chain.set(address(201), { balance: COIN })
    await fixture.add(transfer({ from: 200 }), transfer({ from: 201 }))
    const rich = transfer({ from: 200, nonce: 1, value: 2n * COIN })
    expect(await fixture.add(rich)).toEqual(['insufficient-funds'])
    fixture.chain.mine([transfer({ from: 0, to: address(200), value: 5n * COIN })])
    expect(await fixture.add(rich)).toEqual([undefined])
    fixture.chain.mine([], address(201))
    fixture.chain.set(address(201), { balance: 3n * COIN })
    expect(await fixture.add(transfer({ from: 201, nonce: 1, value: 2n * COIN }))).toEqual([undefined])
  })

  it('is worked off before what is asked for after it', async () => {
    const fixture = await PoolFixture.create()
    const first = transfer({ from: 0 })
    await fixture.add(first)
    const adding = fixture.add(transfer({ from: 0, nonce: 1 }))
    fixture.chain.mine([first])
    expect(await adding).toEqual([undefined])
    expect(await fixture.add(first)).toEqual(['nonce-too-low'])
    expect(fixture.nonces(0)).toEqual({ pending: [1], queued: [] })
  })

  it('takes out what asks for more gas than blocks have by now', async () => {
    const fixture = await PoolFixture.create()
    const large = transfer({ from: 0, gasLimit: fixture.chain.gasLimit })
    await fixture.add(large, transfer({ from: 0, nonce: 1 }))
    fixture.chain.gasLimit -= 1n
    fixture.chain.mine([])
    fixture.clock.advance(60_000)
    await fixture.pool.settled()
    expect(fixture.dropReason(large)).toBe('gas-above-block')
    expect(fixture.nonces(0)).toEqual({ pending: [], queued: [1] })
  })

  it('reads changed accounts with the next head if it could not with this one', async () => {
    const fixture = await PoolFixture.create()
    const held = transfer({ from: 0, nonce: 1, value: 60n * COIN })
    await fixture.add(transfer({ from: 0 }), held)
    fixture.chain.failure = new Error('unreadable')
    fixture.chain.mine([transfer({ from: 0, value: 70n * COIN, gwei: 3 })])
    await fixture.pool.settled()
    expect(fixture.errors).toEqual([fixture.chain.failure])
    expect(fixture.has(held)).toBe(true)
    fixture.chain.failure = undefined
    fixture.chain.mine([])
    await fixture.pool.settled()
    expect(fixture.dropReason(held)).toBe('unpayable')
  })

  it('that could not be read is caught up with for accounts still here, even if they had left in between', async () => {
    const fixture = await PoolFixture.create()
    const [first, second] = [transfer({ from: 0 }), transfer({ from: 0, nonce: 1 })]
    await fixture.add(first, second)
    fixture.chain.failure = new Error('unreadable')
    fixture.chain.mine([first])
    await fixture.pool.settled()
    fixture.chain.mine([second])
    await fixture.pool.settled()
    fixture.chain.failure = undefined
    const third = transfer({ from: 0, nonce: 2 })
    expect(await fixture.add(third)).toEqual([undefined])
    fixture.chain.mine([])
    await fixture.pool.settled()
    expect(fixture.nonces(0)).toEqual({ pending: [2], queued: [] })
  })

  it('is not followed after stop', async () => {
    const fixture = await PoolFixture.create()
    await fixture.pool.stop()
    expect(fixture.chain.listenerCount).toBe(0)
    expect(fixture.clock.pending).toBe(0)
  })
})

describe('a reorg', () => {
  it('that empties an account and brings other transactions of it back leaves one line of them', async () => {
    const fixture = await PoolFixture.create()
    const returning = transfer({ from: 0, value: COIN })
    fixture.chain.mine([returning, transfer({ from: 1, to: address(0), value: 50n * COIN })])
    await fixture.pool.settled()
    const unaffordable = transfer({ from: 0, nonce: 1, value: 120n * COIN })
    await fixture.add(unaffordable)
    fixture.chain.reorg(1, [[], []])
    await fixture.pool.settled()
    expect([fixture.has(returning), fixture.has(unaffordable)]).toEqual([true, false])
    expect(fixture.nonces(0)).toEqual({ pending: [0], queued: [] })
    expect(fixture.pool.best(0n).next()).toBeDefined()
  })

  it('brings back what only the old branch had', async () => {
    const fixture = await PoolFixture.create()
    const both = transfer({ from: 0 })
    const onlyOld = transfer({ from: 1 })
    const onlyNew = transfer({ from: 2 })
    await fixture.add(both, onlyOld, onlyNew)
    fixture.chain.mine([both, onlyOld])
    await fixture.pool.settled()
    expect(fixture.pool.status()).toEqual({ pending: 1, queued: 0 })
    fixture.chain.reorg(1, [[both], [onlyNew]])
    await fixture.pool.settled()
    expect([both, onlyOld, onlyNew].map((tx) => fixture.has(tx))).toEqual([false, true, false])
    expect(fixture.changes.at(-1)!.pending).toEqual([onlyOld])
  })

  it('brings it back with the next head if the accounts could not be read with this one', async () => {
    const fixture = await PoolFixture.create()
    const [lost, minedSince, again] = [0, 1, 2].map((from) => transfer({ from }))
    await fixture.add(lost!, minedSince!, again!)
    fixture.chain.mine([lost!, minedSince!, again!])
    await fixture.pool.settled()
    fixture.chain.failure = new Error('unreadable')
    fixture.chain.reorg(1, [[], []])
    await fixture.pool.settled()
    expect(fixture.errors).toEqual([fixture.chain.failure])
    fixture.chain.failure = undefined
    expect(await fixture.add(again!)).toEqual([undefined])
    fixture.chain.mine([minedSince!])
    await fixture.pool.settled()
    expect([lost, minedSince, again].map((tx) => fixture.has(tx!))).toEqual([true, false, true])
    const restarted = await fixture.restart()
    expect([lost, minedSince, again].map((tx) => restarted.has(tx!))).toEqual([true, false, true])
  })

  it('puts a long line of one account back in order, with what was pending behind it', async () => {
    const fixture = await PoolFixture.create()
    const line = times(300, (nonce) => transfer({ from: 0, nonce }))
    await fixture.add(...line)
    fixture.chain.mine(line.slice(0, 50))
    fixture.chain.mine(line.slice(50, 100))
    await fixture.pool.settled()
    fixture.chain.reorg(2, [[], [], []])
    await fixture.pool.settled()
    expect(fixture.nonces(0)).toEqual({ pending: times(300, (i) => i), queued: [] })
  })

  it('prefers the lower nonces where not all that comes back can be paid any more', async () => {
    const fixture = await PoolFixture.create()
    const gift = transfer({ from: 1, to: address(300), value: 3n * COIN, maxPriorityFeePerGas: 0n })
    const spent = times(3, (nonce) => transfer({ from: 300, nonce, value: COIN / 2n }))
    fixture.chain.set(address(300), { balance: COIN })
    fixture.chain.mine([gift, spent[0]!])
    fixture.chain.mine([spent[1]!])
    fixture.chain.mine([spent[2]!])
    await fixture.pool.settled()
    fixture.chain.reorg(3, [[], [], [], []])
    await fixture.pool.settled()
    expect(spent.map((tx) => fixture.has(tx))).toEqual([true, false, false])
  })

  it('leaves what now has a gap before it queued, up to the limit of an account', async () => {
    const fixture = await PoolFixture.create()
    const unseen = transfer({ from: 0, maxPriorityFeePerGas: 0n })
    fixture.chain.mine([unseen])
    await fixture.pool.settled()
    await fixture.add(...times(100, (i) => transfer({ from: 0, nonce: 1 + i })))
    fixture.chain.reorg(1, [[], []])
    await fixture.pool.settled()
    // The transaction before them is below the pool's floor and stays out.
    expect(fixture.nonces(0)).toEqual({ pending: [], queued: times(64, (i) => 1 + i) })
  })

  it('takes back what the old branch had paid for', async () => {
    const fixture = await PoolFixture.create()
    const gift = transfer({ from: 0, to: address(300), value: 10n * COIN })
    const spending = transfer({ from: 300, value: 5n * COIN })
    fixture.chain.mine([gift])
    expect(await fixture.add(spending)).toEqual([undefined])
    fixture.chain.reorg(1, [[], []])
    await fixture.pool.settled()
    expect(fixture.has(gift)).toBe(true)
    expect(fixture.dropReason(spending)).toBe('unpayable')
  })

  it('keeps within the limits what comes back', async () => {
    const fixture = await PoolFixture.create({ pendingSlots: 10 }, { chain: fundedChain() })
    const old = times(10, (i) => transfer({ from: i, gwei: 2 + i }))
    await fixture.add(...old)
    fixture.chain.mine(old)
    await fixture.pool.settled()
    const fresh = times(10, (i) => transfer({ from: 20 + i, gwei: 6.5 }))
    await fixture.add(...fresh)
    fixture.chain.reorg(1, [[], []])
    await fixture.pool.settled()
    expect(fixture.pool.status().pending).toBe(10)
    expect(old.map((tx) => fixture.has(tx))).toEqual(times(10, (i) => 2 + i > 6.5))
  })
})

describe('a chain that went back', () => {
  it('takes its transactions with it: they come back neither at once nor after a restart', async () => {
    const fixture = await PoolFixture.create()
    const [mined, waiting] = [transfer({ from: 0 }), transfer({ from: 1 })]
    await fixture.addAs('local', mined, waiting)
    fixture.chain.mine([mined])
    await fixture.pool.settled()
    fixture.chain.rewind(1)
    await fixture.pool.settled()
    expect([fixture.has(mined), fixture.has(waiting)]).toEqual([false, true])
    expect(fixture.pool.pendingNonce(address(0), 0n)).toBe(0n)
    await fixture.pool.stop()
    const restarted = await fixture.restart()
    expect([restarted.has(mined), restarted.has(waiting)]).toEqual([false, true])
    expect(await restarted.add(mined)).toEqual([undefined])
  })

  it('leaves what waits behind a nonce that is missing again', async () => {
    const fixture = await PoolFixture.create()
    const own = times(2, (nonce) => transfer({ from: 0, nonce }))
    await fixture.add(...own)
    fixture.chain.mine([own[0]!])
    await fixture.pool.settled()
    fixture.chain.rewind(1)
    await fixture.pool.settled()
    expect(fixture.nonces(0)).toEqual({ pending: [], queued: [1] })
  })
})

describe('a block that sets an account', () => {
  it('is followed: what the account cannot pay any more goes, a nonce it has passed too', async () => {
    const fixture = await PoolFixture.create()
    const [poor, passed] = [transfer({ from: 0 }), transfer({ from: 1 })]
    await fixture.add(poor, passed)
    const setting = (i: number, changes: { balance?: bigint; nonce?: bigint }) => {
      fixture.chain.overridden = () => address(i)
      fixture.chain.set(address(i), changes)
      fixture.chain.mine([])
      return fixture.pool.settled()
    }
    await setting(0, { balance: 1n })
    await setting(1, { nonce: 1n })
    expect([fixture.dropReason(poor), fixture.dropReason(passed)]).toEqual(['unpayable', 'stale'])
  })
})

describe('what the operator discards', () => {
  it('goes, for good, and what came after it waits', async () => {
    const fixture = await PoolFixture.create()
    const own = times(3, (nonce) => transfer({ from: 0, nonce }))
    await fixture.addAs('local', ...own)
    const doomed = toKey(own[1]!.hash)
    expect(await fixture.pool.discard((hashKey) => hashKey === doomed)).toBe(1)
    expect(await fixture.pool.discard((hashKey) => hashKey === doomed)).toBe(0)
    expect(fixture.nonces(0)).toEqual({ pending: [0], queued: [2] })
    expect(fixture.dropReason(own[1]!)).toBe('discarded')
    await fixture.pool.stop()
    const restarted = await fixture.restart()
    expect(own.map((tx) => restarted.has(tx))).toEqual([true, false, true])
    expect(await restarted.pool.discard(() => true)).toBe(2)
    expect(restarted.pool.status()).toEqual({ pending: 0, queued: 0 })
  })
})
