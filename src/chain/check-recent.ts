import { equalBytes } from '../primitives/bytes.ts'
import { readStateMarker } from '../state/state-marker.ts'
import type { Database } from '../store/database.ts'
import { keys } from '../store/schema.ts'
import { ChainStore } from './chain-store.ts'
import type { Head } from './types.ts'

export function isRebuilding(database: Database): boolean {
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
export function checkRecovery({ database, store, report }: RecoveryComponents): void {
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
