import { describe, expect, it } from 'vitest'
import { PoolJournal } from '../../../src/pool/journal.ts'
import { JOURNAL_BURIAL_BLOCKS, SLOT_BYTES } from '../../../src/pool/limits.ts'
import { StoreError } from '../../../src/primitives/errors.ts'
import { encodeRlp } from '../../../src/primitives/rlp.ts'
import { MemoryJournalStore } from '../../support/memory-journal-store.ts'
import { PoolFixture, times } from '../../support/pool-fixture.ts'
import { transfer } from '../../support/pool-transfers.ts'

describe('what a client handed in', () => {
  it('is on disk before it is acknowledged, and back after a loss of power', async () => {
    const fixture = await PoolFixture.create()
    const sent = [transfer({ from: 0 }), transfer({ from: 0, nonce: 2 }), transfer({ from: 1 })]
    expect(await fixture.addAs('local', ...sent)).toEqual(Array(3))
    fixture.store.losePower()
    const restarted = await fixture.restart()
    expect(sent.map((tx) => restarted.has(tx))).toEqual([true, true, true])
    expect(restarted.nonces(0)).toEqual({ pending: [0], queued: [2] })
  })

  it('is not acknowledged while the write is under way, nor when it fails', async () => {
    const fixture = await PoolFixture.create()
    let open = () => {}
    fixture.store.gate = new Promise((resolve) => {
      open = resolve
    })
    let acknowledged = false
    const sending = fixture.addAs('local', transfer({ from: 0 })).then(() => {
      acknowledged = true
    })
    await fixture.pool.settled()
    expect(fixture.pool.status().pending).toBe(1)
    expect(acknowledged).toBe(false)
    open()
    await sending
    expect(acknowledged).toBe(true)
    fixture.store.failure = new Error('disk full')
    await expect(fixture.addAs('local', transfer({ from: 1 }))).rejects.toThrow('disk full')
  })

  it('shares a sync with whatever comes in while the one before it is under way', async () => {
    const fixture = await PoolFixture.create()
    await Promise.all(times(90, (from) => fixture.addAs('local', transfer({ from }))))
    expect(fixture.store.syncs).toBe(1)
    expect(fixture.store.size).toBe(1)
  })
})

describe('what came from peers', () => {
  it('is written without a sync: a kill loses nothing, a loss of power may', async () => {
    const fixture = await PoolFixture.create()
    await fixture.add(transfer({ from: 0 }))
    await fixture.pool.stop()
    expect(fixture.store.syncs).toBe(0)
    const restarted = await fixture.restart()
    expect(restarted.has(transfer({ from: 0 }))).toBe(true)
  })

  it('reports a failed write, which no caller waits for', async () => {
    const fixture = await PoolFixture.create()
    fixture.store.failure = new Error('disk full')
    expect(await fixture.add(transfer({ from: 0 }))).toEqual([undefined])
    await expect(fixture.pool.stop()).resolves.toBeUndefined()
    expect(fixture.errors).toEqual([fixture.store.failure])
  })
})

describe('the journal', () => {
  const sentAndMined = async (count: number) => {
    const fixture = await PoolFixture.create()
    const sent = times(count, (from) => transfer({ from }))
    await fixture.addAs('local', ...sent)
    fixture.chain.mine(sent)
    await fixture.pool.settled()
    return { fixture, sent }
  }
  const mineEmpty = async (fixture: PoolFixture, count: number) => {
    for (let i = 0; i < count; i++) fixture.chain.mine([])
    await fixture.pool.settled()
    await fixture.pool.stop()
  }

  it('keeps a mined transaction until its block is buried', async () => {
    const { fixture } = await sentAndMined(5)
    for (let i = 1; i < JOURNAL_BURIAL_BLOCKS; i++) fixture.chain.mine([])
    await fixture.pool.settled()
    expect(fixture.store.size).toBe(1)
    await mineEmpty(fixture, 1)
    expect(fixture.store.size).toBe(0)
  })

  it('gives back what a reorg undid, even if the kill came before the pool knew of the reorg', async () => {
    const { fixture, sent } = await sentAndMined(3)
    await fixture.pool.stop()
    fixture.chain.reorg(1, [[], []])
    fixture.store.losePower()
    const restarted = await fixture.restart()
    expect(sent.map((tx) => restarted.has(tx))).toEqual([true, true, true])
  })

  it('still does so after a restart in between', async () => {
    const { fixture, sent } = await sentAndMined(3)
    const between = await fixture.restart()
    expect(between.pool.status()).toEqual({ pending: 0, queued: 0 })
    await between.pool.stop()
    fixture.chain.reorg(1, [[], []])
    const restarted = await between.restart()
    expect(sent.map((tx) => restarted.has(tx))).toEqual([true, true, true])
  })

  it('forgets what a restart found mined once that is buried', async () => {
    const { fixture } = await sentAndMined(3)
    const restarted = await fixture.restart()
    await mineEmpty(restarted, JOURNAL_BURIAL_BLOCKS)
    expect(restarted.store.size).toBe(0)
  })

  it('keeps what came back from a reorg for as long as it is pooled', async () => {
    const { fixture, sent } = await sentAndMined(2)
    fixture.chain.reorg(1, [[], []])
    await fixture.pool.settled()
    for (let i = 0; i < 2 * JOURNAL_BURIAL_BLOCKS; i++) fixture.chain.mine([])
    await fixture.pool.settled()
    const restarted = await fixture.restart()
    expect(sent.map((tx) => restarted.has(tx))).toEqual([true, true])
  })

  it('forgets what was replaced, evicted or has expired', async () => {
    const fixture = await PoolFixture.create({ pendingSlots: 2 })
    await fixture.addAs('local', transfer({ from: 0, gwei: 2 }))
    await fixture.addAs('local', transfer({ from: 0, gwei: 3 }))
    await fixture.addAs('local', transfer({ from: 1, gwei: 4 }))
    await fixture.addAs('local', transfer({ from: 2, gwei: 5 }))
    await fixture.addAs('local', transfer({ from: 3, nonce: 1 }))
    fixture.clock.advance(4 * 60 * 60 * 1000)
    await fixture.pool.settled()
    await fixture.pool.stop()
    const restarted = await fixture.restart()
    expect([...restarted.pool.content()].flatMap(({ pending, queued }) => [...pending, ...queued])).toEqual([
      transfer({ from: 1, gwei: 4 }),
      transfer({ from: 2, gwei: 5 }),
    ])
  })

  it('keeps what was evicted and came back within one batch', async () => {
    const fixture = await PoolFixture.create({ pendingSlots: 2 })
    const back = transfer({ from: 0 })
    const large = transfer({ from: 1, gwei: 10, data: new Uint8Array(SLOT_BYTES), gasLimit: 600_000n })
    const small = transfer({ from: 1, gwei: 11 })
    expect(await fixture.addAs('local', back, large, small, back)).toEqual(Array(4))
    fixture.store.losePower()
    expect((await fixture.restart()).has(back)).toBe(true)
  })

  it('moves the few that are left of a large record, so that it does not stay for their sake', async () => {
    const fixture = await PoolFixture.create()
    const sent = times(100, (from) => transfer({ from }))
    await fixture.addAs('local', ...sent)
    const before = fixture.store.sizeBytes
    fixture.chain.mine(sent.slice(0, 90))
    await fixture.pool.settled()
    await mineEmpty(fixture, JOURNAL_BURIAL_BLOCKS)
    expect(fixture.store.sizeBytes).toBeLessThan(before / 4)
    const restarted = await fixture.restart()
    expect(sent.map((tx) => restarted.has(tx))).toEqual(times(100, (i) => i >= 90))
  })

  it('brings a long line of one account back, whatever order its records have', async () => {
    const fixture = await PoolFixture.create()
    const line = times(500, (nonce) => transfer({ from: 0, nonce }))
    // The first record shrinks and is moved behind the second.
    await fixture.addAs('local', ...times(90, (i) => transfer({ from: 1, nonce: i })), ...line.slice(0, 10))
    await fixture.addAs('local', ...line.slice(10))
    fixture.chain.mine(times(90, (i) => transfer({ from: 1, nonce: i })))
    await fixture.pool.settled()
    await mineEmpty(fixture, JOURNAL_BURIAL_BLOCKS)
    const restarted = await fixture.restart()
    expect(restarted.nonces(0).pending.length).toBe(500)
  })

  it('splits a batch that is too large for one record', async () => {
    const fixture = await PoolFixture.create()
    const sent = times(20, (from) => transfer({ from, data: new Uint8Array(100_000), gasLimit: 500_000n }))
    await fixture.addAs('local', ...sent)
    expect(fixture.store.size).toBe(2)
    const restarted = await fixture.restart()
    expect(sent.every((tx) => restarted.has(tx))).toBe(true)
  })

  it('survives a second kill while it is being read back', async () => {
    const fixture = await PoolFixture.create()
    const sent = times(5, (from) => transfer({ from }))
    await fixture.addAs('local', ...sent)
    const { chain, clock, store, known } = fixture
    store.gate = new Promise(() => {})
    void PoolFixture.create({}, { chain, clock, store, known })
    await new Promise((resolve) => setImmediate(resolve))
    store.gate = undefined
    const restarted = await fixture.restart()
    expect(sent.every((tx) => restarted.has(tx))).toBe(true)
  })

  it('says what to do when a record is damaged', async () => {
    const store = new MemoryJournalStore()
    await store.write([{ id: 0, value: encodeRlp([new Uint8Array([0xc1])]).subarray(1) }], [], true)
    await expect(new PoolJournal({ store }).load()).rejects.toThrow(StoreError)
  })
})
