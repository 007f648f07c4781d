import { toKey } from '../primitives/bytes.ts'
import { type Database, damaged } from '../store/database.ts'
import type { BlockIndex, IndexEntry } from './block-index.ts'
import type { ChainStore } from './chain-store.ts'
import type { Committer } from './committer.ts'
import type { StateKeeper } from './state-keeper.ts'
import type { ExecutedBlock, Head } from './types.ts'

export interface RewindComponents {
  readonly database: Database
  readonly store: ChainStore
  readonly index: BlockIndex
  readonly keeper: StateKeeper
  readonly committer: Committer
}

/**
 * Makes an ancestor of the head the head again, and deletes every executed block above it, side branches included: a block
 * that stayed would be known, and so could not be made a second time. To be called while no block is on its way.
 *
 * Safe at any instruction: the state on disk goes back first, while journals still lead from there to the old head; then
 * blocks, canonical index and head marker change in one synced batch.
 *
 * @param beforeWrite  called with the new head just before that batch, for whoever keeps the head elsewhere.
 * Cost: proportional to what is deleted. A side block that was never executed stays behind without its ancestors;
 * `db repair` drops it. @throws StoreError.
 */
export async function rewind(
  target: IndexEntry,
  { database, store, index, keeper, committer }: RewindComponents,
  beforeWrite: (head: Head) => void,
): Promise<void> {
  await keeper.retreat(target)
  const batch = database.batch()
  const disconnected: ExecutedBlock[] = []
  const deleted: Uint8Array[] = []
  for (let at = committer.best; at.header.number > target.header.number; ) {
    const block = store.executed(at.hash)
    const parent = index.get(at.header.parentHash)
    if (block === undefined || parent === undefined) throw damaged(`block ${at.header.number} is missing`)
    disconnected.push(block)
    store.deleteCanonical(batch, block)
    store.deleteBlock(batch, { hash: at.hash, number: at.header.number })
    deleted.push(at.hash)
    at = parent
  }
  for await (const side of store.journalled(target.header.number + 1)) {
    store.deleteBlock(batch, side)
    deleted.push(side.hash)
  }
  store.putHead(batch, target.hash)
  beforeWrite(target)
  await batch.write({ sync: true })
  keeper.dropAbove(target.header.number)
  index.forget(deleted.map(toKey))
  committer.rewound(target, disconnected)
}
