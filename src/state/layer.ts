import type { Key } from '../primitives/bytes.ts'
import type { AccountValue } from './account-value.ts'
import type { Handle } from './arena.ts'

/** A trie by its root: undefined is empty, a Key the 32-byte hash of a root that is not in memory. */
export type Root = Handle | Key | undefined

export interface RootHolder {
  root: Root
}

/** An account's new value under keccak256(address); undefined where the account is gone. */
export interface AccountChange {
  readonly key: Key
  readonly value: AccountValue | undefined
}

/**
 * The state after one block. Layers share all nodes in which they do not differ; what a layer does not hold in memory
 * is as on disk.
 */
export interface Layer extends RootHolder {
  readonly blockHash: Uint8Array
  readonly number: number
  /** The layer this one was computed from; undefined for the one on disk. */
  base: Layer | undefined
  /** Places where `base` has a branch or extension and this layer has none. */
  removed: readonly Key[]
  /** Accounts that the block changed; 0 once they are on disk. */
  changed: number
  /** Account changes of blocks between `base` and this one whose own layers were given up. */
  carried: number
}

/** What an update made of a layer, before it belongs to a block. To be added to the state, or discarded. */
export interface Derived {
  readonly base: Layer
  readonly root: Root
  /** 32 bytes in a Key. */
  readonly stateRoot: Key
  readonly removed: readonly Key[]
  /** Accounts that differ, at most. */
  readonly changed: number
}
