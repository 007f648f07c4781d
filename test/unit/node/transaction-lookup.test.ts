import { expect, it } from 'vitest'
import type { Chain } from '../../../src/chain/chain.ts'
import { transactionHash } from '../../../src/crypto/hashes.ts'
import { RecentBlocks } from '../../../src/node/recent-blocks.ts'
import { chainBackend } from '../../../src/node/rpc-backends.ts'
import { makeBlock } from '../../support/block-maker.ts'
import { londonEngine } from '../../support/london-engine.ts'
import { openTestChain, recoverHere } from '../../support/test-chain.ts'
import { keyAddress, testGenesis } from '../../support/test-genesis.ts'
import { signedTransfer, testKey } from '../../support/transactions.ts'

it('answers with no other transaction while a reorg is on disk and not announced yet', async () => {
  const { chain, database, remove } = await openTestChain({ genesis: testGenesis() }, londonEngine)
  const [left, right] = [1, 2].map((from) => signedTransfer({ nonce: 0n, to: keyAddress(9), value: 1n }, testKey(from)))
  const genesis = chain.head
  const old = await makeBlock(chain, londonEngine, genesis, { transactions: [left!] })
  await chain.import(old)
  const announced = chain.head
  const next = await makeBlock(chain, londonEngine, genesis, { transactions: [right!], seconds: 9 })
  await chain.import(next)
  await chain.import(await makeBlock(chain, londonEngine, next, { seconds: 9 }))
  const { store, params } = chain
  const backendAt = (head: Chain['head']) =>
    chainBackend({
      chain: Object.create(null, {
        head: { value: head },
        store: { value: store },
        params: { value: params },
      }) as Chain,
      engine: londonEngine,
      database,
      recent: new RecentBlocks(undefined),
      recover: recoverHere,
      pacer: { pause: () => undefined },
    })
  expect(await backendAt(announced).transaction(transactionHash(right!))).toBeUndefined()
  const found = await backendAt(chain.head).transaction(transactionHash(right!))
  expect([found?.header.hash, found?.index]).toEqual([next.hash, 0])
  expect(found?.hash).toEqual(transactionHash(right!))
  await remove()
})
