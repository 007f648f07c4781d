import { afterEach, describe, expect, it } from 'vitest'
import type { Engine } from '../../../src/consensus/engine.ts'
import { createPoa } from '../../../src/consensus/poa.ts'
import { createPow } from '../../../src/consensus/pow.ts'
import type { Header } from '../../../src/primitives/header.ts'
import { COIN } from '../../../src/primitives/limits.ts'
import { makeBlock, sealed, verdict, withHeader } from '../../support/block-maker.ts'
import { recoverTestSigner, testSigner } from '../../support/block-signers.ts'
import { compareHistory } from '../../support/block-tree.ts'
import { GENESIS_TIMESTAMP } from '../../support/header-chain.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { sequentialNonceSearch } from '../../support/sequential-nonce-search.ts'
import { openTestChain, type TestChain } from '../../support/test-chain.ts'
import { testGenesis } from '../../support/test-genesis.ts'

const DIFFICULTY = 4n
const clock = new ManualClock((GENESIS_TIMESTAMP + 10_000) * 1000)
const signer = testSigner(1)

const engines: { readonly engine: Engine; readonly extraBytes: number }[] = [
  {
    engine: createPow(
      {
        genesisDifficulty: DIFFICULTY,
        spacingSec: 10n,
        halfLifeSec: 2_880n,
        rewardWei: 2n * COIN,
        safeDepth: 2,
        finalizedDepth: 4,
      },
      { nonceSearch: sequentialNonceSearch },
    ),
    extraBytes: 32,
  },
  {
    engine: createPoa(
      { signers: [signer.address], periodSec: 5, maxFutureSeconds: 15 },
      { clock, signer, recoverSigner: recoverTestSigner },
    ),
    extraBytes: 97,
  },
]

let test: TestChain
afterEach(() => test.remove())

describe.each(engines)('under $engine.name', ({ engine, extraBytes }) => {
  async function openWithBlocks(count: number) {
    const genesis = testGenesis({ header: { difficulty: DIFFICULTY } })
    test = await openTestChain({ genesis }, engine, { clock })
    const { chain } = test
    for (let i = 0; i < count; i++) await chain.import(await makeBlock(chain, engine, chain.head))
    return chain
  }

  it('every block commits to those before it', async () => {
    const chain = await openWithBlocks(6)
    expect(chain.head.header.number).toBe(6)
    const { stored, computed } = compareHistory(chain)
    expect(stored).toEqual(computed)
    const next = await makeBlock(chain, engine, chain.head)
    expect(next.header.extraData).toHaveLength(extraBytes)
    expect(next.header.extraData.subarray(0, 32)).toEqual(chain.ancestry(chain.head.hash)!.historyRoot())
  })

  it('a block that commits to anything else is refused, though sealed', async () => {
    const chain = await openWithBlocks(3)
    const next = await makeBlock(chain, engine, chain.head)
    const judge = async (changes: Partial<Header>) =>
      verdict(chain, await sealed(chain, engine, chain.head, withHeader(next, changes)))
    const { extraData } = next.header
    for (const bit of [0, 100, 255]) {
      const flipped = extraData.slice()
      flipped[bit >> 3] = flipped[bit >> 3]! ^ (1 << (bit & 7))
      expect(await judge({ extraData: flipped })).toBe('bad-history-root')
    }
    expect(await judge({})).toBe('head')
  })

  it('extra data has its one length', async () => {
    const chain = await openWithBlocks(2)
    const next = await makeBlock(chain, engine, chain.head)
    for (const length of [0, extraBytes - 1, extraBytes + 1]) {
      const extraData = new Uint8Array(length)
      extraData.set(next.header.extraData.subarray(0, length))
      expect(await verdict(chain, withHeader(next, { extraData }))).toBe('bad-extra-data')
    }
    expect(await verdict(chain, next)).toBe('head')
  })

  it('a block whose seal is for another one is refused', async () => {
    const chain = await openWithBlocks(2)
    const next = await makeBlock(chain, engine, chain.head)
    const { gasLimit } = next.header
    expect(await verdict(chain, withHeader(next, { gasLimit: gasLimit + 1n }))).toMatch(
      /^(bad-seal|unauthorized-signer)$/,
    )
  })
})
