import { rmSync } from 'node:fs'
import { expect, it } from 'vitest'
import { BlockIndex, entryOn, type IndexEntry } from '../../../src/chain/block-index.ts'
import { ChainStore } from '../../../src/chain/chain-store.ts'
import { historyLeaf } from '../../../src/chain/history.ts'
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

/** Becomes another branch's between two reads: a batch of the committer's lands whole, but not between calls alone. */
class TurningStore extends ChainStore {
  turnAfter = Number.POSITIVE_INFINITY
  readonly others = new Map<number, Uint8Array>()

  override canonicalHash(number: number) {
    return this.turnAfter > 0 ? super.canonicalHash(number) : this.others.get(number)
  }

  override historyNode(height: number, index: number) {
    if (this.turnAfter-- > 0) return super.historyNode(height, index)
    return historyLeaf(new Uint8Array(32).fill(0xee), headerWith({ number: index }))
  }
}

it('mixes no range nodes of two branches when a reorg is written in between', async () => {
  const directory = temporaryDirectory()
  const database = await Database.open(directory)
  const store = new TurningStore(database)
  const batch = database.batch()
  const body = encodeTransactions([])
  let tip: HashedHeader = hashHeader(headerWith({}))
  let entry = entryOn(tip.hash, tip.header, undefined, 1n)
  for (let number = 0; number <= 7; number++) {
    if (number > 0) {
      tip = hashHeader(headerWith({ number, parentHash: tip.hash }))
      entry = entryOn(tip.hash, tip.header, entry, 1n)
    }
    const block = { ...tip, body, transactions: [], sizeBytes: 600 }
    store.putBlock(batch, block, entry.totalDifficulty)
    store.putCanonical(batch, block, entry.historyNodes)
    store.others.set(number, new Uint8Array(32).fill(0xee))
  }
  await batch.write({ sync: false })
  // The range of seven blocks has three peaks: the first reads are of one branch, the others of another.
  for (const turnAfter of [0, 1, 2, Number.POSITIVE_INFINITY]) {
    store.turnAfter = turnAfter
    expect(new BlockIndex(store, 1n).get(tip.hash)?.peaks).toEqual(entry.peaks)
  }
  await database.close()
  rmSync(directory, { recursive: true })
})

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
