import { rmSync } from 'node:fs'
import { expect, it } from 'vitest'
import { BlockExecutor } from '../../../src/chain/block-executor.ts'
import { BlockIndex } from '../../../src/chain/block-index.ts'
import { ChainStore } from '../../../src/chain/chain-store.ts'
import { createTransferExecution } from '../../../src/chain/execution.ts'
import { StateKeeper } from '../../../src/chain/state-keeper.ts'
import { createPacer } from '../../../src/node/system.ts'
import { toHex } from '../../../src/primitives/bytes.ts'
import { State } from '../../../src/state/state.ts'
import { Database } from '../../../src/store/database.ts'
import { makeBlock } from '../../support/block-maker.ts'
import { londonEngine } from '../../support/london-engine.ts'
import { openTestChain, temporaryDirectory } from '../../support/test-chain.ts'
import { testGenesis } from '../../support/test-genesis.ts'
import { signedTransfer } from '../../support/transactions.ts'

const NARROW = { layers: 4, layerChanges: 1, unflushedChanges: 8, unflushedBytes: 1_000_000, undoBlocks: 1000 }

it('going back waits for a flush that began while it was getting the state back', async () => {
  const genesis = testGenesis()
  const directory = temporaryDirectory()
  // The kill: everything is as it was after the last block.
  const { chain, database: written } = await openTestChain({ genesis, ...NARROW }, londonEngine, { directory })
  for (let nonce = 0n; nonce < 30n; nonce++) {
    const to = new Uint8Array(20).fill(1 + Number(nonce))
    const transactions = [signedTransfer({ nonce, to })]
    await chain.import(await makeBlock(chain, londonEngine, chain.head, { transactions }))
  }
  await chain.close()
  await written.close()

  const database = await Database.open(directory)
  const store = new ChainStore(database)
  const index = new BlockIndex(store, genesis.params.chainId)
  const pacer = createPacer()
  const state = State.open({ cacheBytes: 1_000_000 }, { database, pacer }, (hash) => index.get(hash)?.header.number)
  const executor = new BlockExecutor({ state, engine: londonEngine, createExecution: createTransferExecution, pacer })
  const writeGenesis = () => Promise.reject(new Error('the journals reach so far'))
  const keeper = new StateKeeper(NARROW, { state, store, index, executor, database, writeGenesis })
  const at = (number: number) => index.get(store.canonicalHash(number)!)!
  // Back to block 10, and on to the head by memory alone, as far as a flush is due.
  await keeper.retreat(at(10))
  expect(state.disk.number).toBe(10)
  await keeper.layerOf(at(30))
  const retreat = keeper.retreat(at(5))
  const settled = keeper.settle(at(30))
  await Promise.all([retreat, settled])
  expect(state.disk.number).toBeLessThanOrEqual(5)
  const { blockHash } = await keeper.layerOf(at(5))
  expect(toHex(blockHash)).toBe(toHex(at(5).hash))
  await database.close()
  rmSync(directory, { recursive: true })
})
