import type { Key } from '../primitives/bytes.ts'
import { nibbleAt } from '../trie/node.ts'
import { writeLeaf } from './account-leaf.ts'
import { type AccountNodes, BRANCH, EXTENSION } from './account-nodes.ts'
import type { Handle } from './arena.ts'

/** A leaf's RLP is shorter. */
const MAX_LEAF_BYTES = 256

/**
 * The nodes from the root (0: none) to a key, or to where the trie shows that it is absent: an EIP-1186 proof. All of them are
 * in memory. Cost: a copy a node.
 */
export function proveAccount(nodes: AccountNodes, root: Handle, key: Key): Uint8Array[] {
  const proof: Uint8Array[] = []
  const addLeaf = (leafKey: Key, depth: number, value: Key) => {
    const leaf = new Uint8Array(MAX_LEAF_BYTES)
    proof.push(leaf.slice(0, writeLeaf(leaf, 0, leafKey, depth, value)))
  }
  let depth = 0
  for (let node = root; node !== 0; ) {
    const kind = nodes.kind(node)
    if (kind !== BRANCH && kind !== EXTENSION) {
      addLeaf(nodes.leafKey(node), depth, nodes.leafValue(node))
      return proof
    }
    const at = nodes.rlpAt(node)
    proof.push(nodes.arena.bytes.slice(at, at + nodes.rlpLength(node)))
    if (kind === EXTENSION) {
      const length = nodes.extensionLength(node)
      for (let i = 0; i < length; i++) if (nodes.extensionNibble(node, i) !== nibbleAt(key, depth + i)) return proof
      depth += length
      node = nodes.childAt(node, 0)
      continue
    }
    const slot = nibbleAt(key, depth)
    if (((nodes.taken(node) >> slot) & 1) === 0) return proof
    if (((nodes.leaves(node) >> slot) & 1) === 1) {
      const entry = nodes.entryAt(node, slot, depth)
      addLeaf(nodes.entryKey(entry, depth, key), depth + 1, nodes.entryValue(entry, depth))
      return proof
    }
    depth++
    node = nodes.childAt(node, nodes.childIndex(node, slot))
  }
  return proof
}
