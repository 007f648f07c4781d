import { fromKey, type Key } from '../primitives/bytes.ts'
import { encodeRlp, RlpReader } from '../primitives/rlp.ts'
import type { Database, WriteBatch } from '../store/database.ts'
import { keys } from '../store/schema.ts'

/** What is on disk. */
export interface StateMarker {
  /** The block whose state it is, or was before a flush that is not through. */
  readonly blockHash: Uint8Array
  readonly root: Uint8Array
  /** The block that the flush under way leads to. */
  readonly target: Uint8Array | undefined
}

/** Says which block's state the accounts and trie nodes are. Belongs into the same batch as the last of them. */
export function putStateMarker(batch: WriteBatch, blockHash: Uint8Array, root: Key): void {
  batch.put(keys.meta('state'), encodeRlp([blockHash, fromKey(root)]))
  batch.delete(keys.meta('flush'))
}

/** Says that the state is on its way to another block's, and which root it has by now. */
export function putFlushMarker(batch: WriteBatch, target: Uint8Array, root: Key): void {
  batch.put(keys.meta('flush'), encodeRlp([target, fromKey(root)]))
}

/** Undefined if there is no state. @throws StoreError. */
export function readStateMarker(database: Database): StateMarker | undefined {
  const state = readPair(database, 'state')
  const flush = readPair(database, 'flush')
  return state && { blockHash: state.hash, root: (flush ?? state).root, target: flush?.hash }
}

function readPair(database: Database, name: 'state' | 'flush') {
  const record = database.get(keys.meta(name))
  if (record === undefined) return undefined
  const fields = new RlpReader(record).list()
  return { hash: fields.fixed(32, 'block hash').slice(), root: fields.fixed(32, 'state root').slice() }
}
