import { describe, expect, it } from 'vitest'
import { createPow } from '../../../src/consensus/pow.ts'
import { LightChain } from '../../../src/light/light-chain.ts'
import { MAX_SIDE_HEADERS, WINDOW_HEADERS } from '../../../src/light/limits.ts'
import { MAX_GAS_LIMIT } from '../../../src/primitives/limits.ts'
import { MINED_CHAIN_ID, MINED_PARAMS, MinedChain } from '../../support/mined-chain.ts'

const engine = createPow(MINED_PARAMS, {})
const params = {
  chainId: MINED_CHAIN_ID,
  maxGasLimit: MAX_GAS_LIMIT,
  gasLimitTarget: 30_000_000n,
  maxBlockBytes: undefined,
}
const mined = new MinedChain()
for (let i = 0; i < 700; i++) mined.mine(10)

function lightChain(upTo: number): LightChain {
  const chain = new LightChain({ params, engine, genesis: mined.genesis, lookBack: 2 })
  for (const header of mined.headers.slice(1, upTo + 1)) chain.add(header)
  return chain
}

/** A chain of headers that leaves the mined one at `upTo`. */
function fork(upTo: number, blocks: number): MinedChain {
  const forked = new MinedChain({ chain: mined, upTo })
  for (let i = 0; i < blocks; i++) forked.mine(11)
  return forked
}

describe('a light chain', () => {
  it('grows header by header and counts their work', () => {
    const chain = lightChain(40)
    expect(chain.tip).toMatchObject(mined.header(40))
    expect(chain.tip.totalDifficulty).toBe(new MinedChain({ chain: mined, upTo: 40 }).totalDifficulty)
  })

  it('keeps the last headers and forgets those below', () => {
    const chain = lightChain(700)
    expect(chain.base.header.number).toBe(700 - WINDOW_HEADERS + 1)
    expect(chain.at(chain.base.header.number - 1)).toBeUndefined()
    expect(chain.get(mined.header(100).hash)).toBeUndefined()
    expect(chain.committed.commitment).toEqual(mined.header(chain.committed.number).header.extraData)
  })

  it('refuses a header that breaks a rule, or stands below all it holds', () => {
    const chain = lightChain(600)
    const forged = fork(600, 0)
    forged.mine(10, { difficulty: 9n })
    expect(() => chain.add(forged.tip)).toThrow('bad-difficulty')
    expect(() => chain.add(fork(20, 1).tip)).toThrow('unknown-parent')
    // The engine would look below the window to judge it.
    expect(() => chain.add(fork(chain.base.header.number + 1, 1).tip)).toThrow('unknown-parent')
  })

  it('cannot judge what stands on a side branch of which it has forgotten the beginning', () => {
    const chain = lightChain(40)
    const side = fork(5, 4)
    for (const header of side.headers.slice(6, -1)) chain.add(header)
    for (let i = 0; i < MAX_SIDE_HEADERS - 1; i++) {
      const heavier = fork(30, 0)
      heavier.mine(100 + i)
      chain.add(heavier.tip)
    }
    expect(chain.get(side.header(8).hash)).toBeDefined()
    expect(chain.get(side.header(7).hash)).toBeUndefined()
    expect(() => chain.add(side.tip)).toThrow('unknown-parent')
  })

  it('stays on the branch it saw first until another has more work', () => {
    const chain = lightChain(40)
    const other = fork(38, 3)
    const [same, equal, heavier] = other.headers.slice(-3) as [never, never, never]
    expect([chain.add(same), chain.add(equal), chain.add(heavier)]).toEqual([false, false, true])
    expect(chain.tip.hash).toEqual(other.tip.hash)
    expect(chain.forkNumber(mined.header(40).hash)).toBe(38)
    const before = { ...mined.header(40), totalDifficulty: 0n }
    const { connected, disconnected } = chain.route(before, chain.tip)
    expect(disconnected.map(({ header }) => header.number)).toEqual([40, 39])
    expect(connected.map(({ hash }) => hash)).toEqual(other.headers.slice(-3).map(({ hash }) => hash))
  })

  it('goes on from a segment that was proven, where it has more work', () => {
    const long = lightChain(300)
    const chain = lightChain(40)
    const segment = long.segment(300, 100)
    expect(chain.adopt(segment)).toBe(true)
    expect(chain.adopt(lightChain(299).segment(299, 100))).toBe(false)
    expect(chain.base.header.number).toBe(201)
    expect(chain.tip.totalDifficulty).toBe(long.tip.totalDifficulty)
    expect(chain.add(mined.header(301))).toBe(true)
    expect(chain.at(301)).toEqual({ ...lightChain(301).at(301) })
  })

  it('gives no segment whose beginning it cannot vouch for', () => {
    const chain = lightChain(40)
    chain.adopt(lightChain(300).segment(300, 100))
    expect(chain.segment(300, 500).headers[0]!.header.number).toBe(202)
    expect(chain.segment(250, 10).headers.map(({ header }) => header.number)).toEqual(
      Array.from({ length: 10 }, (_, i) => 241 + i),
    )
  })
})
