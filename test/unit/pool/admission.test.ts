import { describe, expect, it } from 'vitest'
import { MAX_QUEUED_PER_ACCOUNT, MAX_WAITING } from '../../../src/pool/limits.ts'
import { fundedChain, PoolFixture, times } from '../../support/pool-fixture.ts'
import { address, COIN, GWEI, transfer } from '../../support/pool-transfers.ts'

describe('what the pool admits', () => {
  it('answers each transaction of a batch in the order given', async () => {
    const fixture = await PoolFixture.create()
    const good = transfer({ from: 1 })
    expect(await fixture.add(transfer({ from: 0, gwei: 0.5 }), good, good)).toEqual([
      'tip-below-floor',
      undefined,
      'already-known',
    ])
    expect(fixture.pool.status()).toEqual({ pending: 1, queued: 0 })
  })

  it('refuses what it holds already', async () => {
    const fixture = await PoolFixture.create()
    expect(await fixture.add(transfer({ from: 0 }))).toEqual([undefined])
    expect(await fixture.add(transfer({ from: 0 }))).toEqual(['already-known'])
  })

  it('refuses a transaction that could be replayed on another network', async () => {
    const fixture = await PoolFixture.create()
    const unprotected = transfer({ from: 0, type: 0, chainId: undefined })
    expect(await fixture.add(unprotected, transfer({ from: 1, type: 0 }))).toEqual(['unprotected', undefined])
  })

  it('passes on what the ledger has against it', async () => {
    const fixture = await PoolFixture.create()
    const [refused] = await fixture.addAs('remote', transfer({ from: 0, gasLimit: 20_999n }))
    expect(refused).toMatchObject({ code: 'intrinsic-gas', facts: { gasLimit: 20_999n, needed: 21_000n } })
  })

  it('asks for the floor as tip, to the wei, whatever the fee cap', async () => {
    const fixture = await PoolFixture.create()
    const tip = (from: number, maxPriorityFeePerGas: bigint) =>
      transfer({ from, maxPriorityFeePerGas, maxFeePerGas: 50n * GWEI })
    expect(await fixture.add(tip(0, GWEI - 1n), tip(1, GWEI))).toEqual(['tip-below-floor', undefined])
  })

  it('refuses more gas than a block has', async () => {
    const fixture = await PoolFixture.create()
    const { gasLimit } = fixture.chain
    const [within, beyond] = await fixture.addAs(
      'remote',
      transfer({ from: 0, gasLimit }),
      transfer({ from: 1, gasLimit: gasLimit + 1n }),
    )
    expect(within).toBeUndefined()
    expect(beyond).toMatchObject({ code: 'gas-above-block', facts: { gasLimit: gasLimit + 1n, available: gasLimit } })
  })

  it('refuses a nonce below the account’s', async () => {
    const fixture = await PoolFixture.create()
    fixture.chain.set(address(0), { nonce: 7n })
    const [low, next] = await fixture.addAs('remote', transfer({ from: 0, nonce: 6 }), transfer({ from: 0, nonce: 7 }))
    expect(low).toMatchObject({ code: 'nonce-too-low', facts: { nonce: 6n, expected: 7n } })
    expect(next).toBeUndefined()
  })

  it('takes a balance that covers value and gas at the fee cap, and not one wei less', async () => {
    const fixture = await PoolFixture.create()
    const cost = COIN + 21_000n * 2n * GWEI
    fixture.chain.set(address(0), { balance: cost })
    fixture.chain.set(address(1), { balance: cost - 1n })
    const [exact, short] = await fixture.addAs(
      'remote',
      transfer({ from: 0, value: COIN }),
      transfer({ from: 1, value: COIN }),
    )
    expect(exact).toBeUndefined()
    expect(short).toMatchObject({
      code: 'insufficient-funds',
      facts: { balance: cost - 1n, cost, overshot: 1n },
    })
  })

  it('treats an account that does not exist as one without funds', async () => {
    const fixture = await PoolFixture.create()
    expect(await fixture.add(transfer({ from: 12_345 }))).toEqual(['insufficient-funds'])
  })

  it('counts all of a sender’s transactions against the balance, queued ones too', async () => {
    const fixture = await PoolFixture.create()
    const gas = 21_000n * 2n * GWEI
    fixture.chain.set(address(0), { balance: 3n * COIN })
    expect(await fixture.add(transfer({ from: 0, value: COIN }), transfer({ from: 0, nonce: 5, value: COIN }))).toEqual(
      [undefined, undefined],
    )
    const left = COIN - 3n * gas
    const [over] = await fixture.addAs('remote', transfer({ from: 0, nonce: 1, value: left + 1n }))
    expect(over).toMatchObject({
      code: 'insufficient-funds',
      facts: { balance: 3n * COIN, cost: left + 1n + gas, overshot: 1n, queuedCost: 2n * COIN + 2n * gas },
    })
    expect(await fixture.add(transfer({ from: 0, nonce: 1, value: left }))).toEqual([undefined])
  })

  it('counts only what a replacement adds', async () => {
    const fixture = await PoolFixture.create()
    const gas = 21_000n * 2n * GWEI
    fixture.chain.set(address(0), { balance: 2n * COIN })
    await fixture.add(transfer({ from: 0, value: COIN }), transfer({ from: 0, nonce: 1, value: COIN - 3n * gas }))
    // Left: one time the gas. A replacement at double the fee takes exactly that.
    const [over] = await fixture.addAs('remote', transfer({ from: 0, value: COIN + 1n, gwei: 4 }))
    expect(over).toMatchObject({ code: 'insufficient-funds', facts: { cost: gas + 1n, overshot: 1n, replacement: 1 } })
    expect(await fixture.add(transfer({ from: 0, value: COIN, gwei: 4 }))).toEqual([undefined])
  })

  it('refuses a sender with code (EIP-3607) and a recipient with code', async () => {
    const fixture = await PoolFixture.create()
    const codeHash = new Uint8Array(32).fill(1)
    fixture.chain.set(address(0), { codeHash })
    expect(
      await fixture.add(transfer({ from: 0 }), transfer({ from: 1, to: address(0) }), transfer({ from: 2 })),
    ).toEqual(['sender-has-code', 'recipient-has-code', undefined])
  })

  it('reads all accounts of a batch at once, and shares the read among callers of the same turn', async () => {
    const fixture = await PoolFixture.create()
    await Promise.all(times(50, (from) => fixture.add(transfer({ from }))))
    expect(fixture.chain.reads).toBe(1)
    expect(fixture.pool.status().pending).toBe(50)
  })

  it('tells the callers when accounts cannot be read, and goes on afterwards', async () => {
    const fixture = await PoolFixture.create()
    fixture.chain.failure = new Error('disk gone')
    await expect(fixture.add(transfer({ from: 0 }))).rejects.toThrow('disk gone')
    fixture.chain.failure = undefined
    expect(await fixture.add(transfer({ from: 0 }))).toEqual([undefined])
  })

  it('refuses more than can wait for their turn', async () => {
    const fixture = await PoolFixture.create()
    const flood = fixture.pool.addBatch(Array(MAX_WAITING).fill(transfer({ from: 0 })), 'remote')
    expect(await fixture.add(transfer({ from: 1 }))).toEqual(['pool-full'])
    await flood
    expect(await fixture.add(transfer({ from: 1 }))).toEqual([undefined])
  })

  it('keeps a transaction without the block or bundle that it came in', async () => {
    const fixture = await PoolFixture.create()
    const original = transfer({ from: 0 })
    const bundle = new Uint8Array(65_536)
    bundle.set(original.tx.raw, 100)
    const view = { ...original, tx: { ...original.tx, raw: bundle.subarray(100, 100 + original.tx.raw.length) } }
    await fixture.add(view)
    const held = fixture.pool.get(original.hash)!
    expect(held.tx.raw).toEqual(original.tx.raw)
    expect(held.tx.raw.buffer.byteLength).toBe(original.tx.raw.length)
    expect(held.tx.to!.buffer.byteLength).toBe(original.tx.raw.length)
  })
})

describe('nonce gaps', () => {
  it('leave what is behind them queued until they close', async () => {
    const fixture = await PoolFixture.create()
    await fixture.add(...[0, 2, 3, 5].map((nonce) => transfer({ from: 0, nonce })))
    expect(fixture.nonces(0)).toEqual({ pending: [0], queued: [2, 3, 5] })
    expect(fixture.pool.pendingNonce(address(0), 0n)).toBe(1n)
    await fixture.add(transfer({ from: 0, nonce: 1 }))
    expect(fixture.nonces(0)).toEqual({ pending: [0, 1, 2, 3], queued: [5] })
    expect(fixture.pool.pendingNonce(address(0), 0n)).toBe(4n)
    expect(fixture.pool.status()).toEqual({ pending: 4, queued: 1 })
  })

  it('are not offered to the miner or announced', async () => {
    const fixture = await PoolFixture.create()
    const gapped = transfer({ from: 0, nonce: 1 })
    await fixture.add(gapped)
    expect(fixture.pool.best(7n).next()).toBeUndefined()
    expect(fixture.changes.flatMap(({ pending }) => pending)).toEqual([])
    const first = transfer({ from: 0 })
    await fixture.add(first)
    expect(fixture.changes.flatMap(({ pending }) => pending)).toEqual([first, gapped])
  })

  it('close in whatever order a batch comes', async () => {
    const fixture = await PoolFixture.create()
    expect(await fixture.add(...[4, 2, 0, 3, 1].map((nonce) => transfer({ from: 0, nonce })))).toEqual(Array(5))
    expect(fixture.nonces(0)).toEqual({ pending: [0, 1, 2, 3, 4], queued: [] })
  })

  it(`hold at most ${MAX_QUEUED_PER_ACCOUNT} transactions an account`, async () => {
    const fixture = await PoolFixture.create()
    const nonces = times(MAX_QUEUED_PER_ACCOUNT, (i) => 2 + 2 * i)
    expect(await fixture.add(...nonces.map((nonce) => transfer({ from: 0, nonce })))).toEqual(Array(nonces.length))
    const [beyond] = await fixture.addAs('remote', transfer({ from: 0, nonce: 1_000, gwei: 100 }))
    expect(beyond).toMatchObject({ code: 'account-limit', facts: { limit: MAX_QUEUED_PER_ACCOUNT } })
    // One that is nearer to its turn takes the place of the farthest.
    const last = transfer({ from: 0, nonce: nonces.at(-1)! })
    expect(await fixture.add(transfer({ from: 0, nonce: 3 }))).toEqual([undefined])
    expect(fixture.dropReason(last)).toBe('evicted')
    expect(fixture.pool.status()).toEqual({ pending: 0, queued: MAX_QUEUED_PER_ACCOUNT })
    // Pending ones do not count.
    expect(await fixture.add(transfer({ from: 0, nonce: 0 }))).toEqual([undefined])
  })
})

describe('replacement', () => {
  const original = { from: 0, maxPriorityFeePerGas: 2n * GWEI, maxFeePerGas: 10n * GWEI }
  const tip = (2n * GWEI * 110n) / 100n
  const cap = (10n * GWEI * 110n) / 100n

  it.each([
    ['both fees a tenth higher', tip, cap, undefined],
    ['a tip one wei short of a tenth', tip - 1n, cap, 'replacement-underpriced'],
    ['a fee cap one wei short of a tenth', tip, cap - 1n, 'replacement-underpriced'],
    ['only the fee cap raised', 2n * GWEI, 2n * cap, 'replacement-underpriced'],
    ['only the tip raised', 2n * tip, 10n * GWEI, 'replacement-underpriced'],
  ])('with %s', async (_, maxPriorityFeePerGas, maxFeePerGas, expected) => {
    for (const nonce of [0, 3]) {
      const fixture = await PoolFixture.create()
      const old = transfer({ ...original, nonce })
      const next = transfer({ ...original, nonce, maxPriorityFeePerGas, maxFeePerGas })
      expect(await fixture.add(old, next)).toEqual([undefined, expected])
      expect([fixture.has(old), fixture.has(next)]).toEqual(expected === undefined ? [false, true] : [true, false])
      expect(fixture.dropReason(old)).toBe(expected === undefined ? 'replaced' : undefined)
    }
  })

  it('rounds the tenth down, as geth does', async () => {
    const fixture = await PoolFixture.create({ minTip: 0n })
    const priced = (wei: bigint) => transfer({ from: 0, maxPriorityFeePerGas: wei, maxFeePerGas: wei })
    expect(await fixture.add(priced(1_234_567_891n), priced(1_358_024_679n), priced(1_358_024_680n))).toEqual([
      undefined,
      'replacement-underpriced',
      undefined,
    ])
  })

  it('asks for more even where the old fee was nothing', async () => {
    const fixture = await PoolFixture.create({ minTip: 0n })
    const free = (value: bigint, wei: bigint) =>
      transfer({ from: 0, value, maxPriorityFeePerGas: wei, maxFeePerGas: wei })
    expect(await fixture.add(free(1n, 0n), free(2n, 0n), free(3n, 1n))).toEqual([
      undefined,
      'replacement-underpriced',
      undefined,
    ])
  })

  it('keeps those behind it pending and announces the new one', async () => {
    const fixture = await PoolFixture.create()
    await fixture.add(...[0, 1, 2].map((nonce) => transfer({ from: 0, nonce })))
    fixture.changes.length = 0
    const next = transfer({ from: 0, nonce: 1, gwei: 3 })
    await fixture.add(next)
    expect(fixture.nonces(0)).toEqual({ pending: [0, 1, 2], queued: [] })
    expect(fixture.changes.flatMap(({ pending }) => pending)).toEqual([next])
  })
})

describe('lifetime', () => {
  const lifetimeMs = 3 * 60 * 60 * 1000

  it('ends for queued transactions once it is past, not when it is reached', async () => {
    const fixture = await PoolFixture.create({}, { chain: fundedChain() })
    const gapped = transfer({ from: 0, nonce: 1 })
    const pending = transfer({ from: 1 })
    await fixture.add(gapped, pending)
    fixture.clock.advance(lifetimeMs)
    await fixture.pool.settled()
    expect(fixture.has(gapped)).toBe(true)
    fixture.clock.advance(60_000)
    await fixture.pool.settled()
    expect(fixture.has(gapped)).toBe(false)
    expect(fixture.dropReason(gapped)).toBe('expired')
    expect(fixture.has(pending)).toBe(true)
  })

  it('begins anew when one of the account becomes pending', async () => {
    const fixture = await PoolFixture.create()
    const gapped = transfer({ from: 0, nonce: 5 })
    await fixture.add(gapped)
    fixture.clock.advance(lifetimeMs - 1)
    await fixture.pool.settled()
    await fixture.add(transfer({ from: 0 }))
    fixture.clock.advance(lifetimeMs)
    await fixture.pool.settled()
    expect(fixture.has(gapped)).toBe(true)
    fixture.clock.advance(60_000)
    await fixture.pool.settled()
    expect(fixture.has(gapped)).toBe(false)
  })
})
