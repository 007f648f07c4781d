import type { Chain } from '../../src/chain/chain.ts'
import { makeBlock, withHeader } from './block-maker.ts'
import { londonEngine } from './london-engine.ts'
import { openTestChain } from './test-chain.ts'
import { testGenesis } from './test-genesis.ts'
import { signedTransfer } from './transactions.ts'

/** Children of `count` generations on a block with a wrong state root, and the right block. */
export async function badFamily(chain: Chain, count: number) {
  const right = await makeBlock(chain, londonEngine, chain.head, { transactions: [signedTransfer()] })
  const family = [withHeader(right, { stateRoot: new Uint8Array(32).fill(1) })]
  const maker = await openTestChain({ genesis: testGenesis() }, londonEngine)
  await maker.chain.import(right)
  let parent: typeof right = right
  for (let i = 0; i < count; i++) {
    const child = await makeBlock(maker.chain, londonEngine, parent)
    await maker.chain.import(child)
    family.push(withHeader(child, { parentHash: family.at(-1)!.hash }))
    parent = child
  }
  await maker.remove()
  return { right, family }
}
