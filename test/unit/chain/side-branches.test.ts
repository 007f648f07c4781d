import { afterEach, beforeEach, expect, it } from 'vitest'
import { createPow } from '../../../src/consensus/pow.ts'
import type { Block } from '../../../src/primitives/block.ts'
import { makeBlock, verdict } from '../../support/block-maker.ts'
import { CHEAP_POW } from '../../support/header-maker.ts'
import { sequentialNonceSearch } from '../../support/sequential-nonce-search.ts'
import { openTestChain, type TestChain } from '../../support/test-chain.ts'
import { testGenesis } from '../../support/test-genesis.ts'

const LAYERS = 4
const engine = createPow(CHEAP_POW, { nonceSearch: sequentialNonceSearch })
const genesis = testGenesis({ header: { difficulty: 16n } })
let test: TestChain
let maker: TestChain

beforeEach(async () => {
  test = await openTestChain({ genesis, layers: LAYERS }, engine)
  maker = await openTestChain({ genesis }, engine)
})
afterEach(async () => {
  await test.remove()
  await maker.remove()
})

it('take no more memory while the head stands still, and win all the same when they have more work', async () => {
  const heavier: Block[] = []
  for (let i = 0; i < 3; i++) {
    const block = await makeBlock(maker.chain, engine, maker.chain.head)
    await maker.chain.import(block)
    heavier.push(block)
  }
  // Two blocks are on the head; then come siblings of the first, each valid and each too late.
  const genesisHead = test.chain.head
  const first = await makeBlock(test.chain, engine, genesisHead, { seconds: 1 })
  await test.chain.import(first)
  expect(await verdict(test.chain, await makeBlock(test.chain, engine, test.chain.head))).toBe('head')
  const siblings: Block[] = []
  for (let i = 0; i < 6 * LAYERS; i++) {
    siblings.push(
      await makeBlock(test.chain, engine, genesisHead, { seconds: 10, miner: new Uint8Array(20).fill(i + 1) }),
    )
  }
  for (const block of siblings) expect(await verdict(test.chain, block)).toBe('side')
  const executed = siblings.filter(({ hash }) => test.chain.store.isExecuted(hash))
  expect(executed.length).toBeGreaterThan(0)
  expect(executed.length).toBeLessThan(4 * LAYERS)
  for (const block of heavier) await test.chain.import(block)
  expect(test.chain.head.hash).toEqual(heavier[2]!.hash)
})
