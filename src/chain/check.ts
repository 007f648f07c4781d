import { StoreError } from '../primitives/errors.ts'
import { checkState } from '../state/check.ts'
import { readStateMarker } from '../state/state-marker.ts'
import { type Table, tableOf } from '../store/schema.ts'
import { ChainStore } from './chain-store.ts'
import { checkBlocks } from './check-blocks.ts'
import { checkCanonical } from './check-canonical.ts'
import type { CheckComponents, CheckContext, CheckedPart } from './check-context.ts'
import { checkRecovery, isRebuilding } from './check-recent.ts'

/** What there was to look at. */
export interface CheckTally {
  readonly records: number
  readonly accounts: number
  readonly blocks: number
  /** False if there is something that LevelDB itself could not read. */
  readonly readable: boolean
}

/**
 * Reads everything: every record, every trie node from the state root down, every block against its header, the canonical
 * chain from genesis to head with all that is derived from it. Changes nothing; goes on after a damage.
 * Cost: each record about three times; for each block two tries are built.
 */
export async function checkChain(components: CheckComponents): Promise<CheckTally> {
  const counts = new Map<Table, number>()
  const store = new ChainStore(components.database)
  const context: CheckContext = { ...components, store, count: (table) => counts.get(table) ?? 0 }
  let readable = true
  /** What keeps a part from being read to its end is damage too. */
  const part = async (name: CheckedPart, check: () => Promise<number>) => {
    try {
      return await check()
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      components.report(name, error.message)
      if (error.cause !== undefined) readable = false
      return 0
    }
  }
  const records = await part('records', () => countRecords(context, counts))
  if (records === 0) return { records, accounts: 0, blocks: 0, readable }
  const accounts = await part('state', () => checkStateOnDisk(context))
  const blocks = await part('blocks', () => checkBlocks(context))
  await part('canonical chain', () => checkCanonical(context))
  return { records, accounts, blocks, readable }
}

async function countRecords({ database, report, onProgress }: CheckContext, counts: Map<Table, number>) {
  let [records, bytes] = [0, 0]
  for await (const [key, value] of database.records()) {
    const table = tableOf(key)
    if (table === undefined) report('records', 'a record belongs to no table')
    else {
      counts.set(table, (counts.get(table) ?? 0) + 1)
      if (value === undefined) report('records', `a record of the table ${table} fails its checksum`)
    }
    records++
    bytes += key.length + (value?.length ?? 0)
    onProgress('records', bytes, 0)
  }
  return records
}

async function checkStateOnDisk({ database, store, report, onProgress, count }: CheckContext): Promise<number> {
  // The next start builds it anew.
  if (isRebuilding(database)) return 0
  checkRecovery({ database, store, report: (what) => report('state', what) })
  const marker = readStateMarker(database)
  if (marker === undefined) return 0
  let done = 0
  const { accounts } = await checkState(
    database,
    marker.root,
    (what) => report('state', what),
    () => onProgress('state', ++done, count('trieNode')),
  )
  return accounts
}
