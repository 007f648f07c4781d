import { setImmediate } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { targetOf } from '../../../src/consensus/asert.ts'
import { createPow, powHash } from '../../../src/consensus/pow.ts'
import { NonceSearcher } from '../../../src/miner/nonce-search.ts'
import { bigintToBytes, bytesToBigint, uint64ToBytes } from '../../../src/primitives/bytes.ts'
import { COIN, MAX_UINT256 } from '../../../src/primitives/limits.ts'
import { GENESIS_TIMESTAMP, HeaderChain, headerWith } from '../../support/header-chain.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { sequentialNonceSearch } from '../../support/sequential-nonce-search.ts'

const sealHash = new Uint8Array(32).fill(0x5e)
const NO_HASH_PASSES = 0n
const never = new AbortController().signal

describe('NonceSearcher', () => {
  const clock = new ManualClock(0)
  let searcher: NonceSearcher | undefined
  afterEach(() => searcher?.stop())

  /** Starts at nonce `start`, in place of a random one. */
  function make(threads: number, start = 0n): NonceSearcher {
    searcher = new NonceSearcher({ threads }, { clock, randomBytes: () => bigintToBytes(start, 8) })
    return searcher
  }

  const hashing = async (running: NonceSearcher) => {
    const before = running.hashes
    while (running.hashes === before) await setImmediate()
  }

  it('tries one nonce after the other and counts them', async () => {
    const target = targetOf(5_000n)
    const nonce = await make(1).search(sealHash, target, never)
    expect(nonce).toEqual(await sequentialNonceSearch.search(sealHash, target, never))
    expect(searcher?.hashes).toBe(bytesToBigint(nonce!) + 1n)
  })

  it('takes a hash equal to the target, and none above it', async () => {
    const hash = bytesToBigint(powHash(sealHash, uint64ToBytes(0)))
    const search = make(1)
    expect(await search.search(sealHash, hash, never)).toEqual(uint64ToBytes(0))
    expect(await search.search(sealHash, hash - 1n, never)).not.toEqual(uint64ToBytes(0))
  })

  it.each([
    [2n ** 32n - 1n, 2n ** 32n],
    [2n ** 64n - 1n, 0n],
  ])('goes on from nonce %i to %i', async (start, next) => {
    const hashAt = (seal: Uint8Array, nonce: bigint) => bytesToBigint(powHash(seal, bigintToBytes(nonce, 8)))
    const seals = Array.from({ length: 32 }, (_, byte) => new Uint8Array(32).fill(byte))
    const seal = seals.find((candidate) => hashAt(candidate, start) > hashAt(candidate, next))!
    expect(await make(1, start).search(seal, hashAt(seal, next), never)).toEqual(bigintToBytes(next, 8))
  })

  it('starts its threads a quarter of all nonces apart when they are four', async () => {
    const search = make(4, 7n)
    const starts = [0n, 1n, 2n, 3n].map((quarter) => quarter * 2n ** 62n + 7n)
    for (let round = 0; round < 8; round++) {
      expect(starts).toContain(bytesToBigint((await search.search(sealHash, MAX_UINT256, never))!))
    }
  })

  it('stops at once when aborted, and searches again', async () => {
    const search = make(2)
    const abort = new AbortController()
    const hopeless = search.search(sealHash, NO_HASH_PASSES, abort.signal)
    await hashing(search)
    abort.abort()
    expect(await hopeless).toBeUndefined()
    expect(await search.search(sealHash, MAX_UINT256, never)).toBeDefined()
    expect(await search.search(sealHash, MAX_UINT256, abort.signal)).toBeUndefined()
  })

  it('gives up the search before when a new one begins', async () => {
    const search = make(1)
    const hopeless = search.search(sealHash, NO_HASH_PASSES, never)
    const next = search.search(sealHash, MAX_UINT256, never)
    expect(await hopeless).toBeUndefined()
    expect(await next).toBeDefined()
  })

  it('ends when stopped, and starts anew when asked again', async () => {
    const search = make(1)
    const hopeless = search.search(sealHash, NO_HASH_PASSES, never)
    await hashing(search)
    await search.stop()
    expect(await hopeless).toBeUndefined()
    expect(await search.search(sealHash, MAX_UINT256, never)).toBeDefined()
  })

  it('fails a search whose thread fails, and recovers', async () => {
    const search = make(2)
    await expect(search.search(new Uint8Array(41), MAX_UINT256, never)).rejects.toThrow(RangeError)
    expect(await search.search(sealHash, MAX_UINT256, never)).toBeDefined()
  })

  it('reports a rate while it searches and none while it does not', async () => {
    const search = make(1)
    expect(search.hashRate()).toBe(0)
    const abort = new AbortController()
    const hopeless = search.search(sealHash, NO_HASH_PASSES, abort.signal)
    await hashing(search)
    clock.advance(2_000)
    const least = Number(search.hashes) / 2
    const rate = search.hashRate()
    expect(rate).toBeGreaterThanOrEqual(least)
    expect(rate).toBeLessThanOrEqual(Number(search.hashes) / 2)
    abort.abort()
    await hopeless
    expect(search.hashRate()).toBe(0)
  })

  it('needs a thread', () => {
    expect(() => make(0)).toThrow(RangeError)
  })

  it('mines for the pow engine', async () => {
    const params = { genesisDifficulty: 3_000n, spacingSec: 10n, halfLifeSec: 2_880n, rewardWei: 2n * COIN }
    const engine = createPow({ ...params, safeDepth: 12, finalizedDepth: 64 }, { nonceSearch: make(2) })
    const chain = new HeaderChain(headerWith({ difficulty: 3_000n }))
    const one = await chain.extend(engine, chain.genesis, GENESIS_TIMESTAMP + 10)
    const two = await chain.extend(engine, one, GENESIS_TIMESTAMP + 20)
    for (const { header } of [one, two]) chain.verify(engine, header)
  })
})
