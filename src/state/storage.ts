import { keccak256Key } from '../crypto/keccak.ts'
import { bytesToBigint, type Key, toKey } from '../primitives/bytes.ts'
import { decodeRlp } from '../primitives/rlp.ts'
import type { Database } from '../store/database.ts'
import { keys, rangeOf } from '../store/schema.ts'
import { NodeFactory } from '../trie/node.ts'
import { bytesCodec } from '../trie/ordered.ts'
import { proveKey } from '../trie/proof.ts'
import { type TrieChange, updateTrie } from '../trie/update.ts'

/** One slot of an account's storage with its EIP-1186 proof against the account's storageRoot. */
export interface StorageProof {
  readonly value: bigint
  readonly proof: readonly Uint8Array[]
}

/**
 * Storage exists only for accounts that a genesis gave some, and no code runs that could change it: it is the same
 * in every state. @param slot 32 bytes. @throws StoreError.
 */
export function readStorage(database: Database, accountKey: Key, slot: Uint8Array): bigint {
  const record = database.get(keys.storage(accountKey, keccak256Key(slot)))
  return record === undefined ? 0n : slotValue(record)
}

/** Proofs for several slots of one account. Cost: the account's whole storage trie, built anew. */
export async function proveStorage(
  database: Database,
  accountKey: Key,
  slots: readonly Uint8Array[],
): Promise<StorageProof[]> {
  const { factory, root } = await storageTrie(database, accountKey)
  return slots.map((slot) => ({
    value: readStorage(database, accountKey, slot),
    proof: proveKey(factory, root, keccak256Key(slot)),
  }))
}

/** 32 bytes in a Key, computed from the slots on disk. Cost and errors as `proveStorage`. */
export async function storageRootOf(database: Database, accountKey: Key): Promise<Key> {
  const { factory, root } = await storageTrie(database, accountKey)
  return factory.rootHash(root)
}

async function storageTrie(database: Database, accountKey: Key) {
  const entries: TrieChange<Uint8Array>[] = []
  const prefix = keys.storage(accountKey, '').subarray(1)
  for await (const [key, value] of database.entries(rangeOf('storage', prefix))) {
    entries.push({ key: toKey(key.subarray(33)), value })
  }
  const factory = new NodeFactory(bytesCodec)
  return { factory, root: updateTrie(factory, undefined, entries) }
}

function slotValue(record: Uint8Array): bigint {
  const value = decodeRlp(record)
  return value instanceof Uint8Array ? bytesToBigint(value) : 0n
}
