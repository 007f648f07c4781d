import { describe, expect, it } from 'vitest'
import {
  BACKOFF_MAX_MS,
  BACKOFF_START_MS,
  MAX_TEMPLATE_AGE_MS,
  REFRESH_BUILD_RATIO,
  REFRESH_MS,
} from '../../../src/miner/limits.ts'
import { createMinerFixture, ModelMinerChain, START_SEC, settle } from '../../support/model-miner.ts'
import { address, transfer } from '../../support/pool-transfers.ts'

describe('a miner', () => {
  it('seals block after block, each on the head, with the best of the pool', async () => {
    const { miner, chain, engine, pool } = await createMinerFixture()
    const [cheap, dear] = [transfer({ from: 0, gwei: 2 }), transfer({ from: 1, gwei: 9 })]
    await pool.add(cheap, dear)
    miner.start()
    await settle()
    engine.finish()
    await settle()
    engine.finish()
    await settle()
    expect(chain.imported.map(({ header }) => header.number)).toEqual([1, 2])
    expect(chain.imported[0]!.transactions).toEqual([dear.tx, cheap.tx])
    expect(chain.imported[1]!.transactions).toEqual([])
    expect(chain.imported[0]!.header).toMatchObject({ miner: address(7), timestamp: START_SEC })
    expect(miner.status()).toMatchObject({ mining: true, sealed: 2, coinbase: address(7) })
    await miner.stop()
    expect(miner.status().mining).toBe(false)
  })

  it('that is started while it stops goes on; stopped once more, it does not', async () => {
    const { miner, engine } = await createMinerFixture()
    miner.start()
    await settle()
    const stopped = miner.stop()
    miner.start()
    await stopped
    await settle()
    expect(miner.status().mining).toBe(true)
    expect(engine.asked).toHaveLength(2)
    const [, again] = [miner.stop(), miner.start(), miner.stop()]
    await again
    await settle()
    expect(miner.status().mining).toBe(false)
    await miner.stop()
  })

  it('begins anew at once when another block becomes the head', async () => {
    const { miner, chain, engine, pool } = await createMinerFixture()
    const taken = transfer({ from: 0 })
    await pool.add(taken)
    miner.start()
    await settle()
    chain.mine([taken])
    await settle()
    expect(engine.aborted).toBe(1)
    expect(engine.asked.map(({ number }) => number)).toEqual([1, 2])
    engine.finish()
    await settle()
    expect(chain.imported.map(({ header, transactions }) => [header.number, transactions.length])).toEqual([[2, 0]])
    await miner.stop()
  })

  it('begins anew when the head changes while the block is being built', async () => {
    const { miner, chain, engine } = await createMinerFixture()
    const build = chain.build.bind(chain)
    chain.build = async (header, offers) => {
      const built = await build(header, offers)
      if (header.number === 1) chain.mine([])
      return built
    }
    miner.start()
    await settle()
    expect(engine.asked.map(({ number }) => number)).toEqual([2])
    await miner.stop()
  })

  it('takes up better transactions now and then, not with each of them', async () => {
    const { miner, engine, clock, pool, chain } = await createMinerFixture()
    miner.start()
    await settle()
    for (let from = 0; from < 5; from++) await pool.add(transfer({ from }))
    clock.advance(REFRESH_MS - 1)
    await settle()
    expect(chain.builds).toBe(1)
    clock.advance(1)
    await settle()
    expect([chain.builds, engine.aborted]).toEqual([2, 1])
    clock.advance(REFRESH_MS)
    await settle()
    expect(chain.builds).toBe(2)
    engine.finish()
    await settle()
    expect(chain.imported[0]!.transactions.length).toBe(5)
    await miner.stop()
  })

  it('refreshes the more rarely, the longer building takes', async () => {
    const { miner, clock, pool, chain } = await createMinerFixture()
    const build = chain.build.bind(chain)
    chain.build = (header, offers) => {
      clock.advance(500)
      return build(header, offers)
    }
    miner.start()
    await settle()
    await pool.add(transfer({ from: 0 }))
    clock.advance(500 * REFRESH_BUILD_RATIO - 1)
    await settle()
    expect(chain.builds).toBe(1)
    clock.advance(1)
    await settle()
    expect(chain.builds).toBe(2)
    await miner.stop()
  })

  it('asks the pool only once that knows the head', async () => {
    const { miner, chain, pool } = await createMinerFixture()
    let known = () => {}
    pool.pool.settled = () =>
      new Promise((resolve) => {
        known = resolve
      })
    miner.start()
    await settle()
    expect(chain.builds).toBe(0)
    known()
    await settle()
    expect(chain.builds).toBe(1)
    await miner.stop()
  })

  it('leaves a template alone to which nothing would be added, until its timestamp is old', async () => {
    const { miner, engine, clock, chain } = await createMinerFixture()
    miner.start()
    await settle()
    clock.advance(MAX_TEMPLATE_AGE_MS - 1)
    await settle()
    expect(chain.builds).toBe(1)
    clock.advance(REFRESH_MS)
    await settle()
    expect(chain.builds).toBe(2)
    expect(engine.asked[1]!.timestamp).toBeGreaterThan(engine.asked[0]!.timestamp)
    await miner.stop()
  })

  it('stops in the middle of a search and leaves nothing behind', async () => {
    const { miner, chain, engine, clock, pool } = await createMinerFixture()
    miner.start()
    await settle()
    await miner.stop()
    expect(engine.aborted).toBe(1)
    await pool.pool.stop()
    expect(chain.listenerCount).toBe(0)
    expect(clock.pending).toBe(0)
    miner.start()
    await settle()
    engine.finish()
    await settle()
    expect(chain.imported.length).toBe(1)
    await miner.stop()
  })

  it('puts the address that the engine requires into the header', async () => {
    const { miner, engine } = await createMinerFixture()
    engine.requiredMiner = address(3)
    miner.start()
    await settle()
    expect(engine.asked[0]!.miner).toEqual(address(3))
    expect(miner.status().coinbase).toEqual(address(3))
    await miner.stop()
  })

  it('moves the gas limit towards the target, as far as one block may', async () => {
    const chain = new ModelMinerChain(
      { timestamp: START_SEC - 10 },
      { gasLimitTarget: 60_000_000n, maxGasLimit: 90_000_000n },
    )
    const { miner, engine } = await createMinerFixture({}, chain)
    miner.start()
    await settle()
    expect(engine.asked[0]!.gasLimit).toBe(30_000_000n + 30_000_000n / 1024n - 1n)
    await miner.stop()
  })

  it('waits for another head when it may not seal on this one', async () => {
    const { miner, engine, chain, clock, pool } = await createMinerFixture()
    engine.mode = 'never'
    miner.start()
    await settle()
    clock.advance(60_000)
    await pool.add(transfer({ from: 0 }))
    await settle()
    expect([chain.builds, engine.asked.length]).toEqual([1, 1])
    chain.mine([])
    await settle()
    expect(engine.asked.length).toBe(2)
    await miner.stop()
  })
})

describe('a miner that waits for transactions (--dev)', () => {
  it('seals as soon as one is pending, and nothing before', async () => {
    const { miner, engine, chain, pool } = await createMinerFixture()
    engine.mode = 'at-once'
    engine.sealsEmptyBlocks = false
    miner.start()
    await settle()
    expect(chain.imported).toEqual([])
    await pool.add(transfer({ from: 0, nonce: 1 }))
    await settle()
    expect(chain.imported).toEqual([])
    await pool.add(transfer({ from: 0 }))
    await settle()
    expect(chain.imported.map(({ transactions }) => transactions.length)).toEqual([2])
    await miner.stop()
  })

  it('goes on until no pending one is left', async () => {
    const chain = new ModelMinerChain({ timestamp: START_SEC - 10, gasLimit: 42_000n })
    const { miner, engine, pool } = await createMinerFixture({}, chain)
    engine.mode = 'at-once'
    engine.sealsEmptyBlocks = false
    for (let nonce = 0; nonce < 5; nonce++) await pool.add(transfer({ from: 0, nonce }))
    miner.start()
    await settle()
    expect(chain.imported.map(({ transactions }) => transactions.length)).toEqual([2, 2, 1])
    await miner.stop()
  })

  it('makes a block for each, if told to; one on demand takes all', async () => {
    const { miner, engine, chain, pool } = await createMinerFixture({ oneByOne: true })
    engine.mode = 'at-once'
    engine.sealsEmptyBlocks = false
    for (let nonce = 0; nonce < 3; nonce++) await pool.add(transfer({ from: 0, nonce }))
    miner.start()
    await miner.idle()
    expect(chain.imported.map(({ transactions }) => transactions.length)).toEqual([1, 1, 1])
    await miner.stop()
    for (let nonce = 3; nonce < 6; nonce++) await pool.add(transfer({ from: 0, nonce }))
    await miner.mineOne()
    expect(chain.imported.at(-1)!.transactions.length).toBe(3)
  })

  it('is idle when nothing can be mined, has failed, or it does not run', async () => {
    const { miner, engine, chain, pool } = await createMinerFixture()
    engine.mode = 'at-once'
    engine.sealsEmptyBlocks = false
    await miner.idle()
    miner.start()
    await miner.idle()
    await miner.idle()
    await pool.add(transfer({ from: 0 }))
    await miner.idle()
    expect(chain.imported.length).toBe(1)
    chain.buildFailure = new Error('broken')
    await pool.add(transfer({ from: 0, nonce: 1 }))
    await miner.idle()
    const stopped = miner.idle()
    await miner.stop()
    await stopped
    expect(chain.imported.length).toBe(1)
  })

  it('does not spin over a pending one that no block can take yet', async () => {
    const { miner, engine, chain, pool } = await createMinerFixture()
    engine.mode = 'at-once'
    engine.sealsEmptyBlocks = false
    chain.baseFee = 5_000_000_000n
    chain.mine([])
    await pool.add(transfer({ from: 0, gwei: 2 }))
    miner.start()
    await settle()
    expect(chain.builds).toBe(1)
    await miner.stop()
  })
})

describe('a block on demand', () => {
  it('is sealed even if empty, whether or not the miner runs', async () => {
    const { miner, engine, chain } = await createMinerFixture()
    engine.mode = 'at-once'
    engine.sealsEmptyBlocks = false
    expect((await miner.mineOne()).header.number).toBe(1)
    miner.start()
    await settle()
    expect((await miner.mineOne()).header.number).toBe(2)
    expect(chain.imported.map(({ transactions }) => transactions.length)).toEqual([0, 0])
    await miner.stop()
  })

  it('has the timestamp asked for, but none that the engine forbids', async () => {
    const { miner, engine, chain } = await createMinerFixture()
    engine.mode = 'at-once'
    engine.maxFutureSeconds = undefined
    await miner.mineOne({ timestamp: START_SEC + 1_000 })
    await miner.mineOne({ timestamp: START_SEC })
    expect(chain.imported.map(({ header }) => header.timestamp)).toEqual([START_SEC + 1_000, START_SEC + 1_001])
  })

  it('comes neither before nor during what has to have the miner still', async () => {
    const { miner, engine, chain, pool } = await createMinerFixture()
    engine.mode = 'at-once'
    engine.sealsEmptyBlocks = false
    miner.start()
    const still = Promise.withResolvers<string>()
    const paused = miner.pausing(() => still.promise)
    await pool.add(transfer({ from: 0 }))
    const demanded = miner.mineOne()
    await settle()
    expect(chain.imported).toEqual([])
    still.resolve('done')
    expect(await paused).toBe('done')
    await demanded
    expect(chain.imported.length).toBe(1)
    await miner.stop()
  })

  it('cuts the search under way short, and several come one after the other', async () => {
    const { miner, engine, chain } = await createMinerFixture()
    miner.start()
    await settle()
    const blocks = [miner.mineOne(), miner.mineOne()]
    await settle()
    engine.finish()
    await settle()
    engine.finish()
    await Promise.all(blocks)
    expect(chain.imported.map(({ header }) => header.number)).toEqual([1, 2])
    await settle()
    expect(engine.asked.at(-1)!.number).toBe(3)
    await miner.stop()
  })

  it('does not wait for a search that began while the one before it was made', async () => {
    const { miner, engine, chain } = await createMinerFixture()
    miner.start()
    await settle()
    const first = miner.mineOne()
    await settle()
    const second = miner.mineOne()
    engine.finish()
    await first
    await settle()
    engine.finish()
    await second
    expect(chain.imported.length).toBe(2)
    await miner.stop()
  })

  it('fails when this node may not seal', async () => {
    const { miner, engine } = await createMinerFixture()
    engine.mode = 'never'
    await expect(miner.mineOne()).rejects.toThrow('may not seal')
  })
})

describe('what the operator changes', () => {
  it('counts from the next block on: who is paid, and the gas limit steered to', async () => {
    const { miner, engine, chain } = await createMinerFixture()
    engine.mode = 'at-once'
    const before = (await miner.mineOne()).header
    miner.setCoinbase(address(9))
    miner.setGasLimitTarget(before.gasLimit / 2n)
    expect(miner.status().coinbase).toEqual(address(9))
    await miner.mineOne()
    expect(chain.imported.map(({ header }) => header.miner)).toEqual([address(7), address(9)])
    expect(chain.imported[1]!.header.gasLimit).toBe(before.gasLimit - before.gasLimit / 1024n + 1n)
  })
})

describe('the clock', () => {
  it('an hour behind the head: mining waits, says so once, and goes on when the clock is right', async () => {
    const chain = new ModelMinerChain({ timestamp: START_SEC + 3_600 })
    const { miner, engine, clock, warnings } = await createMinerFixture({}, chain)
    miner.start()
    for (let i = 0; i < 10; i++) {
      await settle()
      clock.advance(60_000)
    }
    await settle()
    expect(engine.asked).toEqual([])
    expect(warnings).toEqual([expect.stringContaining('3600 s ahead of this machine')])
    clock.advance((3_600 - 600 - 14) * 1000 - 1)
    await settle()
    expect(engine.asked).toEqual([])
    clock.advance(10_000)
    await settle()
    expect(engine.asked[0]!.timestamp).toBe(START_SEC + 3_601)
    await miner.stop()
  })

  it('a few seconds behind: the next second after the parent will do', async () => {
    const chain = new ModelMinerChain({ timestamp: START_SEC + 14 })
    const { miner, engine, warnings } = await createMinerFixture({}, chain)
    miner.start()
    await settle()
    expect(engine.asked[0]!.timestamp).toBe(START_SEC + 15)
    expect(warnings).toEqual([])
    await miner.stop()
  })

  it('one second too far behind: it waits that second', async () => {
    const chain = new ModelMinerChain({ timestamp: START_SEC + 15 })
    const { miner, engine, clock } = await createMinerFixture({}, chain)
    miner.start()
    await settle()
    clock.advance(999)
    await settle()
    expect(engine.asked).toEqual([])
    clock.advance(1)
    await settle()
    expect(engine.asked[0]!.timestamp).toBe(START_SEC + 16)
    await miner.stop()
  })

  it('an hour ahead: mining goes on and says so once', async () => {
    const { miner, engine, clock, chain, warnings } = await createMinerFixture()
    engine.mode = 'wait'
    chain.mine([])
    clock.advance(3_600_000)
    miner.start()
    await settle()
    clock.advance(MAX_TEMPLATE_AGE_MS + REFRESH_MS)
    await settle()
    expect(engine.asked.map(({ timestamp }) => timestamp - START_SEC)).toEqual([3_600, 3_600 + 15 + 2])
    expect(warnings).toEqual([expect.stringMatching(/3609 s old/)])
    await miner.stop()
  })

  it('is not doubted for an old genesis', async () => {
    const chain = new ModelMinerChain({ timestamp: START_SEC - 1_000_000 })
    const { miner, engine, warnings } = await createMinerFixture({}, chain)
    miner.start()
    await settle()
    expect([engine.asked.length, warnings.length]).toEqual([1, 0])
    await miner.stop()
  })

  it('does not matter where timestamps have no upper bound', async () => {
    const chain = new ModelMinerChain({ timestamp: START_SEC + 3_600 })
    const { miner, engine, warnings } = await createMinerFixture({}, chain)
    engine.maxFutureSeconds = undefined
    engine.mode = 'at-once'
    await miner.mineOne()
    expect(chain.imported[0]!.header.timestamp).toBe(START_SEC + 3_601)
    expect(warnings).toEqual([])
  })

  it('decides when the template is made where sealing waits for the timestamp', async () => {
    const chain = new ModelMinerChain({ timestamp: START_SEC })
    const { miner, engine, clock, pool } = await createMinerFixture({ sealsAtTimestamp: true }, chain)
    engine.periodSec = 5
    engine.mode = 'at-once'
    miner.start()
    await settle()
    clock.advance(4_999)
    await pool.add(transfer({ from: 0 }))
    await settle()
    expect(chain.builds).toBe(0)
    clock.advance(1)
    await settle()
    expect(chain.imported.map(({ transactions }) => transactions.length)).toEqual([1])
    expect(chain.imported[0]!.header.timestamp).toBe(START_SEC + 5)
    await miner.stop()
  })
})

describe('a failure', () => {
  it('is told and tried again later, ever later, and forgotten once it is over', async () => {
    const { miner, chain, clock, engine, warnings } = await createMinerFixture()
    chain.buildFailure = new Error('no state')
    miner.start()
    await settle()
    expect([chain.builds, warnings.length]).toEqual([1, 1])
    expect(warnings[0]).toContain('no state')
    let waitMs = BACKOFF_START_MS
    for (let i = 0; i < 12; i++) {
      const builds = chain.builds
      clock.advance(waitMs * 0.75 - 1)
      await settle()
      expect(chain.builds).toBe(builds)
      clock.advance(1)
      await settle()
      expect(chain.builds).toBe(builds + 1)
      waitMs = Math.min(2 * waitMs, BACKOFF_MAX_MS)
    }
    chain.buildFailure = undefined
    clock.advance(BACKOFF_MAX_MS)
    await settle()
    expect(engine.asked.length).toBe(1)
    chain.buildFailure = new Error('again')
    chain.mine([])
    await settle()
    const { builds } = chain
    clock.advance(BACKOFF_START_MS * 0.75)
    await settle()
    expect(chain.builds).toBe(builds + 1)
    await miner.stop()
  })

  it('does not keep it from stopping', async () => {
    const { miner, chain } = await createMinerFixture()
    chain.buildFailure = new Error('no state')
    miner.start()
    await settle()
    await miner.stop()
    expect(miner.status().mining).toBe(false)
  })
})
