import { beforeEach, describe, expect, it } from 'vitest'
import type { Candidate, Engine } from '../../../src/consensus/engine.ts'
import { hashHeader } from '../../../src/crypto/hashes.ts'
import type { BlockErrorCode } from '../../../src/primitives/errors.ts'
import { encodeHeader, type Header } from '../../../src/primitives/header.ts'
import { HeaderChain } from '../../support/header-chain.ts'
import type { ManualClock } from '../../support/manual-clock.ts'
import { refusalOf } from '../../support/refusal-of.ts'

/** A sealed header changed in a way that the engine must refuse. */
interface Tampering {
  readonly what: string
  readonly code: BlockErrorCode
  /** Given block 4 of a chain whose blocks stand as close together as they may. */
  tamper(sealed: Header): Header
}

export interface EngineFixture {
  readonly genesis: Header
  /** What all engines of this fixture go by. It stands past every timestamp that the suite uses. */
  readonly clock: ManualClock
  /** A new engine, of one who may seal at height `number` without waiting. */
  sealer(number: number): Engine
  /** A new engine, which has seen nothing yet. */
  verifier(): Engine
  readonly tampered: readonly Tampering[]
  /** Whether a seal covers the fields that an engine does not decide, such as the state root. */
  readonly sealCoversHeader: boolean
  /** An unsealed header that would take for ever to seal; absent where sealing is immediate. */
  unsealable?(prepared: Header): Header
}

/**
 * What the chain, the miner and the pool rely on in any engine. Run by every engine of this package; one written
 * elsewhere should pass it too.
 */
export function describeEngine(name: string, makeFixture: () => EngineFixture): void {
  describe(`${name} as an engine`, () => {
    let fixture: EngineFixture
    let chain: HeaderChain
    let engine: Engine

    beforeEach(() => {
      fixture = makeFixture()
      chain = new HeaderChain(fixture.genesis)
      engine = fixture.verifier()
    })

    const grow = async (from: Candidate, count: number, secondsLate = 0): Promise<Candidate[]> => {
      const branch: Candidate[] = []
      for (let parent = from; branch.length < count; parent = branch.at(-1)!) {
        const sealer = fixture.sealer(parent.header.number + 1)
        branch.push(await chain.extend(sealer, parent, sealer.earliestTimestamp(parent.header) + secondsLate))
      }
      return branch
    }
    const codeOf = (header: Header) => refusalOf(() => chain.verify(engine, header))

    it('accepts what it prepared and sealed', async () => {
      for (const { header } of await grow(chain.genesis, 8, 3)) {
        expect(codeOf(header)).toBeUndefined()
        expect(refusalOf(() => chain.verify(fixture.verifier(), header))).toBeUndefined()
      }
    })

    it('changes nothing but the seal when it seals, and leaves the prepared header as it was', async () => {
      const sealer = fixture.sealer(1)
      const prepared = chain.prepare(sealer, chain.genesis, sealer.earliestTimestamp(chain.genesis.header))
      const before = encodeHeader(prepared)
      const { signal } = new AbortController()
      const sealed = await sealer.seal(prepared, chain.genesis.header, chain.ancestry(chain.genesis.hash), signal)
      const { extraData, mixHash, nonce, ...rest } = prepared
      expect(sealed).toMatchObject(rest)
      expect(encodeHeader(prepared)).toEqual(before)
      expect(encodeHeader(sealed!)).toHaveLength(before.length)
    })

    it('prepares the same fields whenever it is asked', () => {
      const ask = () => chain.prepare(fixture.sealer(1), chain.genesis, chain.genesis.header.timestamp + 60)
      expect(ask()).toEqual(ask())
    })

    it('refuses each tampered field with its own code, however often it is asked', async () => {
      const [, , , block] = await grow(chain.genesis, 4)
      const verdicts = (judge: Engine) =>
        fixture.tampered.map(({ what, tamper }) => {
          const header = tamper(block!.header)
          return [what, refusalOf(() => chain.verify(judge, header))]
        })
      const expected = fixture.tampered.map(({ what, code }) => [what, code])
      expect(verdicts(engine)).toEqual(expected)
      expect(codeOf(block!.header)).toBeUndefined()
      expect(verdicts(engine)).toEqual(expected)
      expect(verdicts(fixture.verifier())).toEqual(expected)
    })

    it('judges headers that it has begun on as it judges others', async () => {
      const blocks = await grow(chain.genesis, 4)
      const sealed = blocks.map(({ header }) => header)
      const tampered = fixture.tampered.map(({ tamper }) => tamper(sealed.at(-1)!))
      await engine.recoverSeals?.([...tampered, ...sealed].map(hashHeader))
      await engine.recoverSeals?.([])
      for (const header of [...tampered, ...sealed, ...tampered]) {
        expect(codeOf(header)).toBe(refusalOf(() => chain.verify(fixture.verifier(), header)))
      }
    })

    it('seals the whole header, if it seals at all', async () => {
      const [block] = await grow(chain.genesis, 1)
      const other = new Uint8Array(32).fill(9)
      const changes: Partial<Header>[] = [
        { stateRoot: other },
        { transactionsRoot: other },
        { receiptsRoot: other },
        { logsBloom: new Uint8Array(256).fill(1) },
        { gasLimit: 1n },
        { gasUsed: 1n },
        { baseFeePerGas: 1n },
        { timestamp: block!.header.timestamp + 1 },
      ]
      for (const change of changes) {
        const code = codeOf({ ...block!.header, ...change })
        expect(code).toBe(fixture.sealCoversHeader ? 'bad-seal' : undefined)
      }
    })

    it('allows its earliest timestamp, which is after the parent’s, and nothing before it', async () => {
      const [parent] = await grow(chain.genesis, 1)
      const earliest = engine.earliestTimestamp(parent!.header)
      expect(earliest).toBeGreaterThan(parent!.header.timestamp)
      expect(codeOf(await chain.seal(fixture.sealer(2), parent!, earliest))).toBeUndefined()
      // The rule of a second at least is the chain's; an engine answers for what it asks beyond that.
      if (earliest > parent!.header.timestamp + 1) {
        expect(codeOf(await chain.seal(fixture.sealer(2), parent!, earliest - 1))).toBe('timestamp-not-after-parent')
      }
    })

    it('commits to the history of its own branch, if it says so', async () => {
      if (!engine.commitsToHistory) return
      const trunk = await grow(chain.genesis, 2)
      const [other] = await grow(trunk[0]!, 1, 7)
      const sealer = fixture.sealer(3)
      const timestamp = sealer.earliestTimestamp(trunk[1]!.header) + 10
      const own = await chain.seal(sealer, trunk[1]!, timestamp)
      expect(own.extraData.subarray(0, 32)).toEqual(chain.ancestry(trunk[1]!.hash).historyRoot())
      expect(codeOf(own)).toBeUndefined()
      const { extraData } = chain.prepare(sealer, other!, timestamp)
      expect(codeOf(await chain.seal(fixture.sealer(3), trunk[1]!, timestamp, { extraData }))).toBe('bad-history-root')
    })

    it('weighs every header above zero, and pays no negative reward', async () => {
      for (const { header } of await grow(chain.genesis, 5)) {
        expect(engine.weight(header)).toBeGreaterThan(0n)
        expect(engine.reward(header)).toBeGreaterThanOrEqual(0n)
      }
    })

    it('breaks ties without contradicting itself', async () => {
      const blocks = [
        ...(await grow(chain.genesis, 3)),
        ...(await grow(chain.genesis, 3, 5)),
        ...(await grow(chain.genesis, 2, 9)),
      ]
      for (const a of blocks) {
        expect(engine.winsTie(a, a)).toBe(false)
        for (const b of blocks) {
          expect(engine.winsTie(a, b) && engine.winsTie(b, a)).toBe(false)
          expect(fixture.verifier().winsTie(a, b)).toBe(engine.winsTie(a, b))
          for (const c of blocks) {
            if (engine.winsTie(a, b) && engine.winsTie(b, c)) expect(engine.winsTie(a, c)).toBe(true)
          }
        }
      }
    })

    it('never takes back what it called safe or final, on one branch', async () => {
      const blocks = await grow(chain.genesis, 80)
      let before = { safe: 0, finalized: 0 }
      for (const { header, hash } of blocks) {
        const { safe, finalized } = engine.finality(header, chain.ancestry(hash))
        expect(finalized).toBeLessThanOrEqual(safe)
        expect(safe).toBeLessThanOrEqual(header.number)
        expect(finalized).toBeGreaterThanOrEqual(before.finalized)
        expect(safe).toBeGreaterThanOrEqual(before.safe)
        expect(fixture.verifier().finality(header, chain.ancestry(hash))).toEqual({ safe, finalized })
        before = { safe, finalized }
      }
      expect(before.finalized).toBeGreaterThan(0)
      expect(engine.finality(fixture.genesis, chain.ancestry(chain.genesis.hash))).toEqual({ safe: 0, finalized: 0 })
    })

    it('does not begin to seal once aborted', async () => {
      const sealer = fixture.sealer(1)
      const prepared = chain.prepare(sealer, chain.genesis, sealer.earliestTimestamp(chain.genesis.header))
      const ancestry = chain.ancestry(chain.genesis.hash)
      expect(await sealer.seal(prepared, chain.genesis.header, ancestry, AbortSignal.abort())).toBeUndefined()
    })

    it('stops sealing when aborted, and can seal again', async () => {
      const { unsealable } = fixture
      if (unsealable === undefined) return
      const sealer = fixture.sealer(1)
      const timestamp = sealer.earliestTimestamp(chain.genesis.header)
      const prepared = chain.prepare(sealer, chain.genesis, timestamp)
      const ancestry = chain.ancestry(chain.genesis.hash)
      const abort = new AbortController()
      const sealing = sealer.seal(unsealable(prepared), chain.genesis.header, ancestry, abort.signal)
      abort.abort()
      expect(await sealing).toBeUndefined()
      expect(fixture.clock.pending).toBe(0)
      expect(codeOf(await chain.seal(sealer, chain.genesis, timestamp))).toBeUndefined()
    })
  })
}
