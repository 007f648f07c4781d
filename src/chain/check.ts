import { equalBytes } from '../primitives/bytes.ts'
import { StoreError } from '../primitives/errors.ts'
import { checkState } from '../state/check.ts'
import { readStateMarker } from '../state/write.ts'
import type { Database } from '../store/database.ts'
import { keys, type Table, tableOf } from '../store/schema.ts'
import { ChainStore } from './chain-store.ts'
import { checkBlocks } from './check-blocks.ts'
import { checkCanonical } from './check-canonical.ts'
import type { CheckComponents, CheckContext, CheckedPart } from './check-context.ts'
import type { Head } from './types.ts'

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

function isRebuilding(database: Database): boolean {
  return database.get(keys.meta('rebuilding')) !== undefined
}

interface RecoveryComponents {
  readonly database: Database
  readonly store: ChainStore
  readonly report: (what: string) => void
}

/**
 * Whether a start can get from the state on disk to that of the head: both blocks known, and between them a journal for
 * every step. Cost: one read a block between them. @throws StoreError.
 */
function checkRecovery({ database, store, report }: RecoveryComponents): void {
  const marker = readStateMarker(database)
  const state = marker && store.header(marker.blockHash)
  if (marker === undefined) {
    report('there is none')
    return
  }
  const wanders = marker.target !== undefined && store.header(marker.target) !== undefined
  if (state === undefined || (!wanders && !equalBytes(state.header.stateRoot, marker.root))) {
    report('it is of no known block')
    return
  }
  // The disk may stand on a branch that a reorg has left: its journals lead back to the fork.
  let [a, b]: (Head | undefined)[] = [state, headOf(store)]
  const parent = ({ header, hash }: Head) => {
    if (database.get(keys.journal(header.number, hash)) === undefined) {
      report(`the journal of block ${header.number} is missing`)
    }
    return store.header(header.parentHash)
  }
  while (a !== undefined && b !== undefined && !equalBytes(a.hash, b.hash)) {
    if (a.header.number > b.header.number) a = parent(a)
    else b = parent(b)
  }
}

function headOf(store: ChainStore): Head | undefined {
  const hash = store.headHash()
  return hash && store.header(hash)
}

/** Canonical blocks below the head that `checkRecent` looks at: those that the last seconds before a kill have written. */
const RECENT_BLOCKS = 64

/**
 * What a start relies on, quickly: the head, the last canonical blocks, the state's marker and the journals that lead
 * from it to the head. @returns what is damaged; undefined: nothing found. @throws StoreError where it cannot be read.
 */
export function checkRecent(database: Database): string | undefined {
  const store = new ChainStore(database)
  let damage: string | undefined
  const report = (what: string) => {
    damage ??= what
  }
  if (database.get(keys.meta('version')) === undefined) return undefined
  checkRecentBlocks(database, store, report)
  if (!isRebuilding(database)) checkRecovery({ database, store, report: (what) => report(`state: ${what}`) })
  return damage
}

function checkRecentBlocks(database: Database, store: ChainStore, report: (what: string) => void): void {
  const head = headOf(store)
  if (head === undefined) {
    report('the head block is missing')
    return
  }
  let at: Head = head
  const last = at.header.number
  if (store.canonicalHash(last + 1) !== undefined) report(`block ${last} is the head, but the chain goes on`)
  for (let left = RECENT_BLOCKS; left > 0; left--) {
    const { hash, header } = at
    const { number } = header
    const canonical = store.canonicalHash(number)
    if (canonical === undefined || !equalBytes(canonical, hash)) report(`block ${number} is not in the canonical chain`)
    if (database.get(keys.body(hash)) === undefined) report(`the body of block ${number} is missing`)
    if (!store.isExecuted(hash)) report(`block ${number} has not been executed`)
    if (number === 0) return
    const parent = store.header(header.parentHash)
    if (parent === undefined) {
      report(`block ${number - 1} is missing`)
      return
    }
    at = parent
  }
}
