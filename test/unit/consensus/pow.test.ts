import { describe, expect, it } from 'vitest'
import type { Engine } from '../../../src/consensus/engine.ts'
import { createPow, type PowParams, powHash, sealHash } from '../../../src/consensus/pow.ts'
import { keccak256 } from '../../../src/crypto/keccak.ts'
import { bytesToBigint, concatBytes, uint64ToBytes } from '../../../src/primitives/bytes.ts'
import { COIN, MAX_UINT256 } from '../../../src/primitives/limits.ts'
import { encodeRlp } from '../../../src/primitives/rlp.ts'
import { GENESIS_TIMESTAMP, HeaderChain, headerWith } from '../../support/header-chain.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { refusalOf } from '../../support/refusal-of.ts'
import { sequentialNonceSearch } from '../../support/sequential-nonce-search.ts'
import { describeEngine } from './engine-compliance.ts'

const params: PowParams = {
  genesisDifficulty: 40n,
  spacingSec: 10n,
  halfLifeSec: 2_880n,
  rewardWei: 2n * COIN,
  safeDepth: 12,
  finalizedDepth: 64,
}
const genesis = headerWith({ difficulty: 40n, extraData: Uint8Array.of(1, 2, 3) })
const engine = (): Engine => createPow(params, { nonceSearch: sequentialNonceSearch })
const flipped = (bytes: Uint8Array) => bytes.map((byte, at) => (at === bytes.length - 1 ? byte ^ 1 : byte))

describeEngine('pow', () => ({
  genesis,
  clock: new ManualClock(2_000_000_000_000),
  sealer: engine,
  verifier: engine,
  sealCoversHeader: true,
  unsealable: (prepared) => ({ ...prepared, difficulty: MAX_UINT256 }),
  tampered: [
    { what: '31 bytes of extraData', code: 'bad-extra-data', tamper: (h) => ({ ...h, extraData: new Uint8Array(31) }) },
    { what: '33 bytes of extraData', code: 'bad-extra-data', tamper: (h) => ({ ...h, extraData: new Uint8Array(33) }) },
    { what: 'difficulty + 1', code: 'bad-difficulty', tamper: (h) => ({ ...h, difficulty: h.difficulty + 1n }) },
    { what: 'difficulty - 1', code: 'bad-difficulty', tamper: (h) => ({ ...h, difficulty: h.difficulty - 1n }) },
    { what: 'difficulty 0', code: 'bad-difficulty', tamper: (h) => ({ ...h, difficulty: 0n }) },
    { what: 'nonce', code: 'bad-seal', tamper: (h) => ({ ...h, nonce: flipped(h.nonce) }) },
    { what: 'mixHash', code: 'bad-seal', tamper: (h) => ({ ...h, mixHash: flipped(h.mixHash) }) },
    {
      what: 'history root without new work',
      code: 'bad-seal',
      tamper: (h) => ({ ...h, extraData: flipped(h.extraData) }),
    },
  ],
}))

describe('pow', () => {
  it('hashes the header without mixHash and nonce, then that with the nonce', () => {
    const header = headerWith({ number: 7, nonce: uint64ToBytes(0x01020304) })
    const { parentHash, ommersHash, miner, stateRoot, transactionsRoot, receiptsRoot, logsBloom, ...rest } = header
    const { difficulty, number, gasLimit, gasUsed, timestamp, extraData, baseFeePerGas } = rest
    const unsealed = keccak256(
      encodeRlp([
        ...[parentHash, ommersHash, miner, stateRoot, transactionsRoot, receiptsRoot, logsBloom],
        ...[difficulty, number, gasLimit, gasUsed, timestamp, extraData, baseFeePerGas],
      ]),
    )
    expect(sealHash(header)).toEqual(unsealed)
    expect(powHash(unsealed, header.nonce)).toEqual(keccak256(concatBytes(unsealed, header.nonce)))
  })

  it('accepts a hash up to the target and none above it', async () => {
    // Difficulty 1: every hash passes. Difficulty 2: about every second, exactly those in the lower half.
    const chain = new HeaderChain({ ...genesis, difficulty: 2n })
    const judge = createPow({ ...params, genesisDifficulty: 2n }, {})
    const prepared = chain.prepare(judge, chain.genesis, GENESIS_TIMESTAMP + 10)
    const hash = sealHash(prepared)
    const verdicts = Array.from({ length: 64 }, (_, counter) => {
      const nonce = uint64ToBytes(counter)
      const mixHash = powHash(hash, nonce)
      const passes = bytesToBigint(mixHash) < 2n ** 255n
      const refusal = refusalOf(() => chain.verify(judge, { ...prepared, nonce, mixHash }))
      expect(refusal).toBe(passes ? undefined : 'bad-seal')
      return passes
    })
    expect(new Set(verdicts).size).toBe(2)
  })

  it('gives blocks 1 and 2 the genesis difficulty, however old genesis is', async () => {
    const chain = new HeaderChain(genesis)
    const one = await chain.extend(engine(), chain.genesis, GENESIS_TIMESTAMP + 10 ** 8)
    const two = await chain.extend(engine(), one, one.header.timestamp + 1)
    expect([one, two].map(({ header }) => header.difficulty)).toEqual([40n, 40n])
  })

  it('takes the interval between parent and grandparent, not the header’s own', () => {
    const slowStart = { ...genesis, difficulty: 10_000n }
    const judge = createPow({ ...params, genesisDifficulty: 10_000n }, {})
    const chain = new HeaderChain(slowStart)
    const one = chain.add(chain.prepare(judge, chain.genesis, GENESIS_TIMESTAMP + 10))
    const two = chain.add(chain.prepare(judge, one, GENESIS_TIMESTAMP + 11))
    const [soon, late] = [1, 10_000].map((seconds) => chain.prepare(judge, two, GENESIS_TIMESTAMP + 11 + seconds))
    // Nine seconds early: 2^(9/2880) of 10,000.
    expect(soon!.difficulty).toBe(10_021n)
    expect(late!.difficulty).toBe(soon!.difficulty)
  })

  it('does not seal without a search', async () => {
    const idle = createPow(params, {})
    const chain = new HeaderChain(genesis)
    await expect(chain.seal(idle, chain.genesis, GENESIS_TIMESTAMP + 10)).rejects.toThrow('did not seal')
  })

  it('pays two coins, and calls blocks safe and final by their depth', () => {
    expect(engine().reward(genesis)).toBe(2_000_000_000_000_000_000n)
    const chain = new HeaderChain(genesis)
    const at = (number: number) => engine().finality({ ...genesis, number }, chain.ancestry(chain.genesis.hash))
    expect(at(11)).toEqual({ safe: 0, finalized: 0 })
    expect(at(13)).toEqual({ safe: 1, finalized: 0 })
    expect(at(64)).toEqual({ safe: 52, finalized: 0 })
    expect(at(65)).toEqual({ safe: 53, finalized: 1 })
  })

  it('cannot be made with a difficulty of zero or finality above safety', () => {
    expect(() => createPow({ ...params, genesisDifficulty: 0n }, {})).toThrow('at least 1')
    expect(() => createPow({ ...params, safeDepth: 65 }, {})).toThrow('as deep')
  })
})
