import { describe, expect, it } from 'vitest'
import type { Candidate, Engine } from '../../../src/consensus/engine.ts'
import {
  type BlockSigner,
  createPoa,
  IN_TURN_DIFFICULTY,
  OUT_OF_TURN_DIFFICULTY,
  OUT_OF_TURN_STEP_MS,
  poaSealHash,
} from '../../../src/consensus/poa.ts'
import { hashHeader, headerHash } from '../../../src/crypto/hashes.ts'
import type { SignedHash } from '../../../src/crypto/signers-question.ts'
import { bigintToBytes, bytesToBigint, concatBytes } from '../../../src/primitives/bytes.ts'
import type { Header } from '../../../src/primitives/header.ts'
import { recoverTestSigner, testSigner } from '../../support/block-signers.ts'
import { GENESIS_TIMESTAMP, HeaderChain, headerWith } from '../../support/header-chain.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { refusalOf } from '../../support/refusal-of.ts'
import { describeEngine, type EngineFixture } from './engine-compliance.ts'

const GROUP_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
const PERIOD_SEC = 5
const keys = [1, 2, 3, 4, 5, 6].map(testSigner)
const genesis = headerWith({ extraData: Uint8Array.of(1, 2, 3) })
/** Long after every timestamp in these tests: whoever is first in line seals at once. */
const lateClock = () => new ManualClock(2_000_000_000_000)

interface Setting {
  readonly count: number
  readonly clock: ManualClock
  readonly periodSec?: number
  readonly maxFutureSeconds?: number | undefined
}

/** Engine of the signer at `place`; without one, of a node that only verifies. */
function engineOf(setting: Setting, place?: number): Engine {
  const { count, clock, periodSec = PERIOD_SEC } = setting
  const signers = keys.slice(0, count).map(({ address }) => address)
  const maxFutureSeconds = 'maxFutureSeconds' in setting ? setting.maxFutureSeconds : 15
  const signer = place === undefined ? {} : { signer: keys[place]! }
  return createPoa(
    { signers, periodSec, maxFutureSeconds },
    { clock, recoverSigner: recoverTestSigner, recoverSigners: recoverTestSigners, ...signer },
  )
}

const recoverTestSigners = async (signed: readonly SignedHash[]) =>
  signed.map(({ hash, signature }) => recoverTestSigner(hash, signature))

const withSignature = (header: Header, change: (signature: Uint8Array) => Uint8Array): Header => ({
  ...header,
  extraData: concatBytes(header.extraData.subarray(0, 32), change(header.extraData.slice(32))),
})

function mirrored(signature: Uint8Array): Uint8Array {
  const s = bytesToBigint(signature.subarray(32, 64))
  return concatBytes(signature.subarray(0, 32), bigintToBytes(GROUP_ORDER - s, 32), Uint8Array.of(signature[64]! ^ 1))
}

for (const count of [1, 2, 3, 5]) {
  describeEngine(`poa with ${count} signers`, () => poaFixture({ count, clock: lateClock() }))
}

describeEngine('poa as --dev', () => {
  const setting = { count: 1, clock: new ManualClock(0), periodSec: 0, maxFutureSeconds: undefined }
  const { unsealable, ...immediate } = poaFixture(setting)
  return immediate
})

function poaFixture(setting: Setting): EngineFixture {
  return {
    genesis,
    clock: setting.clock,
    sealer: (number) => engineOf(setting, number % setting.count),
    verifier: () => engineOf(setting),
    sealCoversHeader: true,
    unsealable: (prepared) => ({ ...prepared, timestamp: 3_000_000_000 }),
    tampered: [
      { what: 'no signature', code: 'bad-extra-data', tamper: (h) => ({ ...h, extraData: h.extraData.slice(0, 32) }) },
      { what: '96 bytes', code: 'bad-extra-data', tamper: (h) => ({ ...h, extraData: h.extraData.slice(1) }) },
      {
        what: '98 bytes',
        code: 'bad-extra-data',
        tamper: (h) => ({ ...h, extraData: concatBytes(h.extraData, Uint8Array.of(0)) }),
      },
      { what: 'mixHash', code: 'bad-seal', tamper: (h) => ({ ...h, mixHash: new Uint8Array(32).fill(1) }) },
      { what: 'nonce', code: 'bad-seal', tamper: (h) => ({ ...h, nonce: new Uint8Array(8).fill(255) }) },
      { what: 'early', code: 'timestamp-not-after-parent', tamper: (h) => ({ ...h, timestamp: h.timestamp - 1 }) },
      { what: 'stranger', code: 'unauthorized-signer', tamper: (h) => ({ ...h, miner: keys[5]!.address }) },
      { what: 'out-of-turn difficulty', code: 'bad-difficulty', tamper: (h) => ({ ...h, difficulty: 1n }) },
      { what: 'difficulty 3', code: 'bad-difficulty', tamper: (h) => ({ ...h, difficulty: 3n }) },
      {
        what: 'history root',
        code: 'bad-history-root',
        tamper: (h) => ({ ...h, extraData: h.extraData.map((byte, at) => (at === 31 ? byte ^ 1 : byte)) }),
      },
      {
        what: 'r',
        code: 'bad-seal',
        tamper: (h) => withSignature(h, (bytes) => bytes.map((byte, at) => (at === 31 ? byte ^ 1 : byte))),
      },
      { what: 'high s', code: 'bad-seal', tamper: (h) => withSignature(h, mirrored) },
      {
        what: 'the other parity',
        code: 'bad-seal',
        tamper: (h) => withSignature(h, (bytes) => bytes.with(64, bytes[64]! ^ 1)),
      },
      {
        what: 'parity in the manner of Bitcoin',
        code: 'bad-seal',
        tamper: (h) => withSignature(h, (bytes) => bytes.with(64, bytes[64]! + 27)),
      },
      { what: 'signature of zeros', code: 'bad-seal', tamper: (h) => withSignature(h, () => new Uint8Array(65)) },
    ],
  }
}

/** Seals at `number` on `parent` as the signer at `place`, however long its turn takes to come. */
async function sealAs(chain: HeaderChain, count: number, place: number, parent: Candidate): Promise<Header> {
  const clock = lateClock()
  const engine = engineOf({ count, clock }, place)
  const sealing = chain.seal(engine, parent, engine.earliestTimestamp(parent.header))
  clock.advance(60_000)
  return sealing
}

const extendAs = async (chain: HeaderChain, count: number, place: number, parent: Candidate) =>
  chain.add(await sealAs(chain, count, place, parent))

async function growAs(chain: HeaderChain, count: number, from: Candidate, places: readonly number[]) {
  const branch = [from]
  for (const place of places) branch.push(await extendAs(chain, count, place, branch.at(-1)!))
  return branch.slice(1)
}

describe('poa sealing rules', () => {
  it('signs the header without the signature', async () => {
    const chain = new HeaderChain(genesis)
    const header = await sealAs(chain, 3, 1, chain.genesis)
    expect(header.extraData).toHaveLength(97)
    const unsigned = headerHash({ ...header, extraData: header.extraData.slice(0, 32) })
    expect(poaSealHash(header)).toEqual(unsigned)
    expect(recoverTestSigner(unsigned, header.extraData.slice(32))).toEqual(header.miner)
  })

  it('gives difficulty 2 to the signer whose place is the number modulo their count, else 1', async () => {
    const chain = new HeaderChain(genesis)
    const judge = engineOf({ count: 3, clock: lateClock() })
    for (const place of [0, 1, 2]) {
      const header = await sealAs(chain, 3, place, chain.genesis)
      expect(header.difficulty).toBe(place === 1 ? IN_TURN_DIFFICULTY : OUT_OF_TURN_DIFFICULTY)
      expect(judge.weight(header)).toBe(header.difficulty)
      expect(refusalOf(() => chain.verify(judge, header))).toBeUndefined()
    }
  })

  it('refuses a block sealed with the key of another signer than its miner', async () => {
    const chain = new HeaderChain(genesis)
    const header = await sealAs(chain, 3, 1, chain.genesis)
    const forged = withSignature(header, () => keys[2]!.signHash(poaSealHash(header)) as Uint8Array)
    expect(refusalOf(() => chain.verify(engineOf({ count: 3, clock: lateClock() }), forged))).toBe('bad-seal')
  })

  // One of every ⌊n/2⌋+1: the same signer again after `gap` blocks of others.
  it.each([
    [1, 0, undefined],
    [2, 0, 'signed-recently'],
    [2, 1, undefined],
    [3, 0, 'signed-recently'],
    [3, 1, undefined],
    [4, 1, 'signed-recently'],
    [4, 2, undefined],
    [5, 1, 'signed-recently'],
    [5, 2, undefined],
  ])('of %i signers, lets one seal again after %i blocks of others: %s', async (count, gap, refusal) => {
    const chain = new HeaderChain(genesis)
    const others = [1, 2, 3].slice(0, gap)
    const tip = (await growAs(chain, count, chain.genesis, [0, ...others])).at(-1)!
    const again = engineOf({ count, clock: lateClock() }, 0)
    const header = chain.prepare(again, tip, again.earliestTimestamp(tip.header))
    const sealed = withSignature(header, () => keys[0]!.signHash(poaSealHash(header)) as Uint8Array)
    expect(refusalOf(() => chain.verify(again, sealed))).toBe(refusal)
  })

  it('does not seal as a signer that sealed recently, or as none at all', async () => {
    const chain = new HeaderChain(genesis)
    const one = await extendAs(chain, 3, 0, chain.genesis)
    await expect(sealAs(chain, 3, 0, one)).rejects.toThrow('did not seal')
    await expect(sealAs(chain, 3, 5, one)).rejects.toThrow('did not seal')
    const onlooker = engineOf({ count: 3, clock: lateClock() })
    await expect(chain.seal(onlooker, one, one.header.timestamp + 5)).rejects.toThrow('did not seal')
  })

  it('insists that the header names its own signer', async () => {
    const chain = new HeaderChain(genesis)
    const engine = engineOf({ count: 3, clock: lateClock() }, 1)
    expect(engine.requiredMiner).toEqual(keys[1]!.address)
    const sealing = chain.seal(engine, chain.genesis, GENESIS_TIMESTAMP + 5, { miner: keys[0]!.address })
    await expect(sealing).rejects.toThrow('another miner')
  })

  it('pays nothing', () => {
    expect(engineOf({ count: 3, clock: lateClock() }).reward(genesis)).toBe(0n)
  })

  it('cannot be made without signers, or with one twice', () => {
    const components = { clock: lateClock(), recoverSigner: recoverTestSigner }
    const make = (signers: Uint8Array[]) => createPoa({ signers, periodSec: 5, maxFutureSeconds: 15 }, components)
    expect(() => make([])).toThrow('without signers')
    expect(() => make([keys[0]!.address, keys[0]!.address])).toThrow('twice')
  })
})

describe('poa seals that are recovered ahead', () => {
  /** Counts recoveries here and elsewhere; the latter answer with `found`. */
  function countingEngine(found: Uint8Array | undefined) {
    const counts = { here: 0, ahead: 0 }
    const engine = createPoa(
      { signers: [keys[0]!.address], periodSec: PERIOD_SEC, maxFutureSeconds: 15 },
      {
        clock: lateClock(),
        recoverSigner: (hash, signature) => {
          counts.here++
          return recoverTestSigner(hash, signature)
        },
        recoverSigners: async (signed) => {
          counts.ahead += signed.length
          return signed.map(() => found)
        },
      },
    )
    return { engine, counts }
  }
  const recoverAhead = (engine: Engine, headers: readonly Header[]) => engine.recoverSeals!(headers.map(hashHeader))

  it('are not recovered again', async () => {
    const chain = new HeaderChain(genesis)
    const header = await sealAs(chain, 1, 0, chain.genesis)
    const { engine, counts } = countingEngine(header.miner)
    await recoverAhead(engine, [header])
    await recoverAhead(engine, [header])
    expect(refusalOf(() => chain.verify(engine, header))).toBeUndefined()
    await recoverAhead(engine, [header])
    expect(counts).toEqual({ here: 0, ahead: 1 })
  })

  it.each([
    ['another signer', keys[1]!.address],
    ['nobody', undefined],
  ])('are refused where %s has signed', async (_, found) => {
    const chain = new HeaderChain(genesis)
    const header = await sealAs(chain, 1, 0, chain.genesis)
    const { engine } = countingEngine(found)
    await recoverAhead(engine, [header])
    expect(refusalOf(() => chain.verify(engine, header))).toBe('bad-seal')
  })

  it('cost nothing where the header is refused whoever signed', async () => {
    const chain = new HeaderChain(genesis)
    const header = await sealAs(chain, 1, 0, chain.genesis)
    const { engine, counts } = countingEngine(header.miner)
    await recoverAhead(engine, [
      { ...header, miner: keys[1]!.address },
      { ...header, extraData: header.extraData.slice(1) },
      { ...header, extraData: new Uint8Array(0) },
      withSignature(header, mirrored),
      withSignature(header, () => new Uint8Array(65)),
      withSignature(header, (bytes) => bytes.with(64, bytes[64]! + 27)),
    ])
    expect(counts.ahead).toBe(0)
  })

  it('are forgotten when many others came after them', async () => {
    const chain = new HeaderChain(genesis)
    const header = await sealAs(chain, 1, 0, chain.genesis)
    const { engine, counts } = countingEngine(header.miner)
    await recoverAhead(engine, [header])
    const others = Array.from({ length: 5_000 }, (_, gas) => ({ ...header, gasUsed: BigInt(gas + 1) }))
    await recoverAhead(engine, others)
    expect(refusalOf(() => chain.verify(engine, header))).toBeUndefined()
    expect(counts).toEqual({ here: 1, ahead: 5_001 })
  })
})

describe('poa waiting', () => {
  /** Milliseconds after the earliest timestamp at which the signer at `place` seals block `parent` + 1. */
  async function delayOf(chain: HeaderChain, count: number, place: number, parent: Candidate): Promise<number> {
    const clock = new ManualClock(parent.header.timestamp * 1_000)
    const engine = engineOf({ count, clock }, place)
    let sealed = false
    const sealing = chain.seal(engine, parent, engine.earliestTimestamp(parent.header)).then(() => {
      sealed = true
    })
    const startMs = engine.earliestTimestamp(parent.header) * 1_000
    while (!sealed && clock.nowMs() < startMs + 60_000) {
      clock.advance(100)
      for (let turn = 0; turn < 10; turn++) await Promise.resolve()
    }
    await sealing
    return clock.nowMs() - startMs
  }

  it('lets the signer in turn seal at the block’s own time, then one after the other', async () => {
    const chain = new HeaderChain(genesis)
    const delays = []
    for (const place of [1, 0, 4, 3, 2]) delays.push(await delayOf(chain, 5, place, chain.genesis))
    expect(delays).toEqual([0, 1, 2, 3, 4].map((turns) => turns * OUT_OF_TURN_STEP_MS))
  })

  it('leaves out of the line those who may not seal', async () => {
    const chain = new HeaderChain(genesis)
    // Signer 1 sealed block 1: of 0 and 2, block 2 is the turn of 2.
    const one = await extendAs(chain, 3, 1, chain.genesis)
    expect(await delayOf(chain, 3, 2, one)).toBe(0)
    expect(await delayOf(chain, 3, 0, one)).toBe(OUT_OF_TURN_STEP_MS)
    // Signer 2 sealed block 1 and may not take its turn: nobody waits for it.
    const other = await extendAs(chain, 3, 2, chain.genesis)
    expect(await delayOf(chain, 3, 1, other)).toBe(0)
    expect(await delayOf(chain, 3, 0, other)).toBe(OUT_OF_TURN_STEP_MS)
  })

  it('does not begin again with each new template', async () => {
    const chain = new HeaderChain(genesis)
    const clock = new ManualClock((GENESIS_TIMESTAMP + PERIOD_SEC) * 1_000)
    const engine = engineOf({ count: 3, clock }, 0)
    const ancestry = chain.ancestry(chain.genesis.hash)
    for (let elapsedMs = 0; elapsedMs < OUT_OF_TURN_STEP_MS; elapsedMs += 100) {
      const abort = new AbortController()
      const header = chain.prepare(engine, chain.genesis, GENESIS_TIMESTAMP + PERIOD_SEC)
      const sealing = engine.seal(header, chain.genesis.header, ancestry, abort.signal)
      clock.advance(100)
      if (elapsedMs + 100 < OUT_OF_TURN_STEP_MS) abort.abort()
      expect((await sealing) === undefined).toBe(elapsedMs + 100 < OUT_OF_TURN_STEP_MS)
    }
  })

  it('stands back from a second block at a height that this signer has sealed', async () => {
    const chain = new HeaderChain(genesis)
    const clock = lateClock()
    const engine = engineOf({ count: 3, clock }, 1)
    await chain.seal(engine, chain.genesis, GENESIS_TIMESTAMP + 5)
    const again = chain.seal(engine, chain.genesis, GENESIS_TIMESTAMP + 6)
    clock.advance(2 * OUT_OF_TURN_STEP_MS - 1)
    expect(clock.pending).toBe(1)
    clock.advance(1)
    expect((await again).timestamp).toBe(GENESIS_TIMESTAMP + 6)
  })

  it('does so after a restart, too: the height is on disk before the signature is made', async () => {
    const chain = new HeaderChain(genesis)
    const clock = lateClock()
    const signers = keys.slice(0, 3).map(({ address }) => address)
    let saved: number | undefined
    const seen: (number | undefined)[] = []
    const signer: BlockSigner = {
      address: keys[1]!.address,
      signHash: (hash) => {
        seen.push(saved)
        return keys[1]!.signHash(hash)
      },
    }
    const started = () =>
      createPoa(
        { signers, periodSec: PERIOD_SEC, maxFutureSeconds: 15 },
        {
          clock,
          recoverSigner: recoverTestSigner,
          signer,
          highestSealed: {
            load: () => saved,
            save: async (number) => {
              await Promise.resolve()
              saved = number
            },
          },
        },
      )
    await chain.seal(started(), chain.genesis, GENESIS_TIMESTAMP + 5)
    const again = chain.seal(started(), chain.genesis, GENESIS_TIMESTAMP + 6)
    clock.advance(2 * OUT_OF_TURN_STEP_MS - 1)
    expect(clock.pending).toBe(1)
    clock.advance(1)
    await again
    expect(seen).toEqual([1, 1])
  })

  it('does not wait for the clock under --dev, and sets no bound on the future', async () => {
    const chain = new HeaderChain(genesis)
    const clock = new ManualClock(0)
    const dev = engineOf({ count: 1, clock, periodSec: 0, maxFutureSeconds: undefined }, 0)
    expect(dev.maxFutureSeconds).toBeUndefined()
    expect(dev.sealsEmptyBlocks).toBe(false)
    expect(dev.earliestTimestamp(genesis)).toBe(GENESIS_TIMESTAMP + 1)
    const one = await chain.extend(dev, chain.genesis, GENESIS_TIMESTAMP + 10 ** 9)
    expect(refusalOf(() => chain.verify(dev, one.header))).toBeUndefined()
    // After a rewind, the same height again.
    await chain.extend(dev, chain.genesis, GENESIS_TIMESTAMP + 1)
    expect(clock.pending).toBe(0)
  })

  it('waits for the block’s time with a period of 0 that is not --dev', async () => {
    const chain = new HeaderChain(genesis)
    const clock = new ManualClock(GENESIS_TIMESTAMP * 1_000)
    const engine = engineOf({ count: 1, clock, periodSec: 0 }, 0)
    expect(engine.sealsEmptyBlocks).toBe(false)
    const sealing = chain.seal(engine, chain.genesis, GENESIS_TIMESTAMP + 1)
    clock.advance(999)
    expect(clock.pending).toBe(1)
    clock.advance(1)
    expect((await sealing).timestamp).toBe(GENESIS_TIMESTAMP + 1)
  })
})

describe('poa fork choice at equal total difficulty', () => {
  const judge = engineOf({ count: 5, clock: lateClock() })
  const candidate = (number: number, place: number, hashByte: number): Candidate => ({
    hash: new Uint8Array(32).fill(hashByte),
    header: headerWith({ number, miner: keys[place]!.address }),
    totalDifficulty: 10n,
  })

  it('prefers the lower block', () => {
    expect(judge.winsTie(candidate(7, 0, 9), candidate(8, 3, 1))).toBe(true)
    expect(judge.winsTie(candidate(8, 3, 1), candidate(7, 0, 9))).toBe(false)
  })

  it('then the one whose signer was in turn more recently', () => {
    // At 8 of 5: in turn 3, before it 2, then 1, 0, 4.
    const order = [3, 2, 1, 0, 4].map((place, rank) => candidate(8, place, 9 - rank))
    for (const [rank, winner] of order.entries()) {
      for (const loser of order.slice(rank + 1)) {
        expect(judge.winsTie(winner, loser)).toBe(true)
        expect(judge.winsTie(loser, winner)).toBe(false)
      }
    }
  })

  it('then the smaller hash', () => {
    expect(judge.winsTie(candidate(8, 3, 1), candidate(8, 3, 2))).toBe(true)
    expect(judge.winsTie(candidate(8, 3, 2), candidate(8, 3, 1))).toBe(false)
    expect(judge.winsTie(candidate(8, 3, 2), candidate(8, 3, 2))).toBe(false)
  })
})

describe('poa finality', () => {
  /** Finalized heights as blocks of the given places come one by one. */
  async function finalized(count: number, places: readonly number[]): Promise<number[]> {
    const chain = new HeaderChain(genesis)
    const judge = engineOf({ count, clock: lateClock() })
    const branch = await growAs(chain, count, chain.genesis, places)
    return branch.map(({ header, hash }) => judge.finality(header, chain.ancestry(hash)).finalized)
  }

  it('takes more than two thirds of the signers', async () => {
    expect(await finalized(1, [0, 0, 0])).toEqual([1, 2, 3])
    expect(await finalized(2, [1, 0, 1, 0])).toEqual([0, 1, 2, 3])
    expect(await finalized(4, [1, 2, 3, 0, 1])).toEqual([0, 0, 1, 2, 3])
    expect(await finalized(5, [1, 2, 3, 4, 0])).toEqual([0, 0, 0, 1, 2])
  })

  it('takes all of three: with one of them gone nothing becomes final', async () => {
    expect(await finalized(3, [1, 2, 0, 1])).toEqual([0, 0, 1, 2])
    expect(await finalized(3, [1, 2, 1, 2, 1, 2, 1, 0, 1])).toEqual([0, 0, 0, 0, 0, 0, 0, 6, 6])
  })

  it('calls safe what more than half of the signers have sealed', async () => {
    const chain = new HeaderChain(genesis)
    const judge = engineOf({ count: 5, clock: lateClock() })
    const branch = await growAs(chain, 5, chain.genesis, [1, 2, 3, 4, 0])
    const safe = branch.map(({ header, hash }) => judge.finality(header, chain.ancestry(hash)).safe)
    expect(safe).toEqual([0, 0, 1, 2, 3])
  })

  it('is the same for an engine that has just started', async () => {
    const chain = new HeaderChain(genesis)
    const branch = await growAs(chain, 3, chain.genesis, [1, 2, 0, 1, 2, 1, 2, 1, 2, 1])
    const veteran = engineOf({ count: 3, clock: lateClock() })
    for (const { header, hash } of branch) {
      const fresh = engineOf({ count: 3, clock: lateClock() })
      const ancestry = chain.ancestry(hash)
      expect(fresh.finality(header, ancestry)).toEqual(veteran.finality(header, ancestry))
    }
  })
})
