import { toKey } from '../primitives/bytes.ts'
import { type Database, damaged } from '../store/database.ts'
import type { BlockIndex, IndexEntry } from './block-index.ts'
import { Branch } from './branch.ts'
import type { ChainStore } from './chain-store.ts'
import type { Committer } from './committer.ts'
import type { ExecutedBlock } from './executed-block.ts'
import type { StateKeeper } from './state-keeper.ts'
import type { Head } from './types.ts'

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
 * Cost: proportional to what is deleted, in memory too: listeners cannot read it any more. A side block that was never executed stays behind without its ancestors;
 * `db repair` drops it. @throws StoreError.
 */
export async function rewind(
  target: IndexEntry,
  { database, store, index, keeper, committer }: RewindComponents,
  beforeWrite: (head: Head) => void,
): Promise<void> {
  await keeper.retreat(target)
  const batch = database.batch()
  const disconnected: { head: Head; executed: ExecutedBlock }[] = []
  const deleted: Uint8Array[] = []
  for (let at = committer.best; at.header.number > target.header.number; ) {
    const executed = store.executed(at.hash)
    const parent = index.get(at.header.parentHash)
    if (executed === undefined || parent === undefined) throw damaged(`block ${at.header.number} is missing`)
    disconnected.push({ head: at, executed })
    store.deleteCanonical(batch, at.header.number)
    store.deleteBlock(batch, { hash: at.hash, number: at.header.number })
    deleted.push(at.hash)
    at = parent
  }
  for await (const side of store.journalled(target.header.number + 1)) {
    store.deleteBlock(batch, side)
    deleted.push(side.hash)
  }
  store.placeIndex.lower(batch, target.header.number)
  store.putHead(batch, target.hash)
  beforeWrite(target)
  await batch.write({ sync: true })
  keeper.dropAbove(target.header.number)
  index.forget(deleted.map(toKey))
  committer.rewound(target, Branch.of(disconnected))
}
