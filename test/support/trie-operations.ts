import fc from 'fast-check'
import { type Key, toKey } from '../../src/primitives/bytes.ts'
import { NodeFactory, type TrieNode } from '../../src/trie/node.ts'
import { bytesCodec } from '../../src/trie/ordered.ts'
import { type TrieChange, updateTrie } from '../../src/trie/update.ts'

/** Few nibbles, so that keys share prefixes of all lengths, odd ones too. */
const crowdedByte = fc.constantFrom(0x00, 0x01, 0x10, 0x11, 0xf0, 0xff)

/** Keys of `length` bytes that differ early, late or in one nibble. */
export function crowdedKey(minLength: number, maxLength = minLength): fc.Arbitrary<Key> {
  return fc.array(crowdedByte, { minLength, maxLength }).map((bytes) => toKey(Uint8Array.from(bytes)))
}

/** Around the lengths at which a node begins to be hashed, and those at which RLP headers change. */
export const trieValue = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 3 }),
  fc.uint8Array({ minLength: 20, maxLength: 34 }),
  fc.constantFrom(55, 56, 256).map((length) => new Uint8Array(length).fill(0xab)),
)

/** Deletes as often as it writes. */
export function trieOperations(key: fc.Arbitrary<Key>, maxLength = 40): fc.Arbitrary<TrieChange<Uint8Array>[]> {
  const value = fc.option(trieValue, { freq: 2, nil: undefined })
  return fc.array(fc.record({ key, value }), { maxLength })
}

/** The last change of each key: what one batch may hold. */
export function lastOfEach(changes: readonly TrieChange<Uint8Array>[]): TrieChange<Uint8Array>[] {
  return [...new Map(changes.map((change) => [change.key, change])).values()]
}

/** What is there after all changes. */
export function contentAfter(changes: readonly TrieChange<Uint8Array>[]): Map<Key, Uint8Array> {
  const content = new Map<Key, Uint8Array>()
  for (const { key, value } of changes) {
    if (value === undefined) content.delete(key)
    else content.set(key, value)
  }
  return content
}

export interface BuiltTrie {
  readonly factory: NodeFactory<Uint8Array>
  readonly root: TrieNode<Uint8Array> | undefined
  /** 32 bytes in a Key. */
  readonly rootHash: Key
}

/** A trie of `entries`, made in one go. */
export function buildTrie(entries: Iterable<readonly [Key, Uint8Array]>): BuiltTrie {
  const factory = new NodeFactory(bytesCodec)
  const changes = [...entries].map(([key, value]) => ({ key, value }))
  const root = updateTrie(factory, undefined, changes)
  return { factory, root, rootHash: factory.rootHash(root) }
}
