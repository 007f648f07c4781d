import { createMerkleProof, MerklePatriciaTrie } from '@ethereumjs/mpt'
import { fromKey, type Key, toKey } from '../../src/primitives/bytes.ts'

/** The trie that another implementation makes of these entries. */
export async function referenceTrie(entries: Iterable<readonly [Key, Uint8Array]>): Promise<MerklePatriciaTrie> {
  const trie = new MerklePatriciaTrie()
  for (const [key, value] of entries) await trie.put(fromKey(key), value)
  return trie
}

/** 32 bytes in a Key. */
export async function referenceRoot(entries: Iterable<readonly [Key, Uint8Array]>): Promise<Key> {
  return toKey((await referenceTrie(entries)).root())
}

/** The other implementation lists nodes that stand inside their parents, too; EIP-1186 does not. */
export async function referenceProof(trie: MerklePatriciaTrie, key: Key): Promise<Uint8Array[]> {
  const proof = await createMerkleProof(trie, fromKey(key))
  return proof.filter((node, i) => i === 0 || node.length >= 32)
}
