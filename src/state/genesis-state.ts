import { keccak256, keccak256Key } from '../crypto/keccak.ts'
import { EMPTY_CODE_HASH, EMPTY_TRIE_ROOT } from '../primitives/account.ts'
import { bigintToBytes, fromKey, type Key } from '../primitives/bytes.ts'
import { encodeRlp } from '../primitives/rlp.ts'
import type { Database, WriteBatch } from '../store/database.ts'
import { keys, rangeOf } from '../store/schema.ts'
import { NodeFactory } from '../trie/node.ts'
import { bytesCodec } from '../trie/ordered.ts'
import { type TrieChange, updateTrie } from '../trie/update.ts'
import { AccountNodes } from './account-nodes.ts'
import { AccountUpdate } from './account-update.ts'
import { encodeAccountValue } from './account-value.ts'
import type { Handle } from './arena.ts'
import type { AccountChange } from './layer.ts'
import { putStateMarker } from './state-marker.ts'
import { putUnstored } from './write.ts'

/** One account of a genesis. `storage`: 32-byte slot to value; zero values are not stored. */
export interface GenesisAccount {
  /** 20 bytes. */
  readonly address: Uint8Array
  readonly nonce: bigint
  readonly balance: bigint
  readonly code: Uint8Array
  readonly storage: readonly (readonly [slot: Uint8Array, value: bigint])[]
}

const BATCH_BYTES = 16 * 1024 * 1024

/** State in memory that a genesis describes, ready to be written. */
export interface GenesisState {
  readonly nodes: AccountNodes
  /** 0: there are no accounts. */
  readonly root: Handle
  /** 32 bytes in a Key. */
  readonly stateRoot: Key
  /** Records of code and storage. */
  readonly extras: readonly (readonly [key: Uint8Array, value: Uint8Array])[]
}

/** Cost: a few µs and some 600 bytes an account. Empty accounts stay, as in geth, until a transaction touches them. */
export async function buildGenesisState(accounts: Iterable<GenesisAccount>): Promise<GenesisState> {
  const changes: AccountChange[] = []
  const extras: [Uint8Array, Uint8Array][] = []
  for (const { address, nonce, balance, code, storage } of accounts) {
    const key = keccak256Key(address)
    const slots = storage
      .filter(([, value]) => value !== 0n)
      .map(([slot, value]) => ({ key: keccak256Key(slot), value: encodeRlp(bigintToBytes(value)) }))
    for (const slot of slots) extras.push([keys.storage(key, slot.key), slot.value])
    const codeHash = code.length === 0 ? EMPTY_CODE_HASH : keccak256(code)
    if (code.length > 0) extras.push([keys.code(codeHash), code])
    const account = { nonce, balance, codeHash, storageRoot: slots.length === 0 ? EMPTY_TRIE_ROOT : storageRoot(slots) }
    changes.push({ key, value: encodeAccountValue(account) })
  }
  const nodes = new AccountNodes()
  const { root, rootHash } = await new AccountUpdate(nodes, changes).apply(0, { pause: () => undefined })
  return { nodes, root, stateRoot: rootHash, extras }
}

function storageRoot(slots: readonly TrieChange<Uint8Array>[]): Uint8Array {
  const factory = new NodeFactory(bytesCodec)
  return fromKey(factory.rootHash(updateTrie(factory, undefined, slots)))
}

/**
 * Replaces whatever state is on disk. Not atomic as a whole: the marker comes last, so a crash leaves no marker or, in
 * a rebuild, the caller's own record that one is under way.
 */
export async function writeGenesisState(database: Database, state: GenesisState, blockHash: Uint8Array): Promise<void> {
  for (const table of ['trieNode', 'storage'] as const) await database.clear(rangeOf(table))
  let batch = database.batch()
  const full = async (): Promise<WriteBatch> => {
    if (batch.sizeBytes < BATCH_BYTES) return batch
    await batch.write({ sync: false })
    return database.batch()
  }
  for (const [key, value] of state.extras) {
    batch.put(key, value)
    batch = await full()
  }
  if (state.root !== 0) {
    for (const _ of putUnstored(state.nodes, state.root, () => batch)) batch = await full()
  }
  putStateMarker(batch, blockHash, state.stateRoot)
  await batch.write({ sync: true })
}
