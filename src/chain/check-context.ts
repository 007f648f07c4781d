import type { Engine } from '../consensus/engine.ts'
import type { Database } from '../store/database.ts'
import type { Table } from '../store/schema.ts'
import type { Pacer } from '../trie/update.ts'
import type { ChainStore } from './chain-store.ts'

/** What a check looks at, one after the other. */
export const CHECKED_PARTS = ['records', 'state', 'blocks', 'canonical chain', 'indexes'] as const
export type CheckedPart = (typeof CHECKED_PARTS)[number]

export interface CheckComponents {
  readonly database: Database
  readonly engine: Pick<Engine, 'weight'>
  readonly pacer: Pacer
  /** Told of each damage. */
  readonly report: (part: CheckedPart, what: string) => void
  /** @param total  0 where nobody knows it: `records` are counted in bytes. */
  readonly onProgress: (part: CheckedPart, done: number, total: number) => void
}

/** What the part-wise checks share. */
export interface CheckContext extends CheckComponents {
  readonly store: ChainStore
  /** Records there are. */
  readonly count: (table: Table) => number
}
