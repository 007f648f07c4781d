import { rmSync } from 'node:fs'
import { expect, it } from 'vitest'
import { BlockIndex, type IndexEntry } from '../../../src/chain/block-index.ts'
import { ChainStore } from '../../../src/chain/chain-store.ts'
import { hashHeader } from '../../../src/crypto/hashes.ts'
import { encodeTransactions } from '../../../src/primitives/block.ts'
import { toHex } from '../../../src/primitives/bytes.ts'
import type { HashedHeader } from '../../../src/primitives/header.ts'
import { Database } from '../../../src/store/database.ts'
import { headerWith } from '../../support/header-chain.ts'
import { temporaryDirectory } from '../../support/test-chain.ts'

class CountingStore extends ChainStore {
  reads = 0

  override header(hash: Uint8Array) {
    this.reads++
    return super.header(hash)
  }
}

it('reads each header of a long waiting branch once, when its tip is asked for and then its ancestors', async () => {
  const directory = temporaryDirectory()
  const database = await Database.open(directory)
  const store = new CountingStore(database)
  const batch = database.batch()
  let tip: HashedHeader = hashHeader(headerWith({}))
  const put = (block: HashedHeader) => {
    const body = encodeTransactions([])
    store.putBlock(batch, { ...block, body, transactions: [], sizeBytes: 600 }, BigInt(block.header.number + 1))
  }
  put(tip)
  for (let number = 1; number <= 300; number++) {
    tip = hashHeader(headerWith({ number, parentHash: tip.hash }))
    put(tip)
  }
  await batch.write({ sync: false })
  const index = new BlockIndex(store, 1n)
  const walked: IndexEntry[] = []
  let at = index.get(tip.hash)
  for (; at !== undefined && at.header.number > 0; at = index.get(at.header.parentHash)) walked.push(at)
  expect(walked).toHaveLength(300)
  expect(store.reads).toBeLessThanOrEqual(302)
  // And each has the range of its own place.
  expect(walked.map(({ peaks }) => peaks.leafCount)).toEqual(walked.map(({ header }) => header.number + 1))
  expect(toHex(walked[0]!.hash)).toBe(toHex(tip.hash))
  await database.close()
  rmSync(directory, { recursive: true })
})
