import { fromKey, type Key } from '../primitives/bytes.ts'
import { encodeRlp } from '../primitives/rlp.ts'
import type { WriteBatch } from '../store/database.ts'
import { keys } from '../store/schema.ts'
import { type Child, type NodeFactory, pathKey, type TrieNode } from '../trie/node.ts'
import type { AccountValue } from './account-value.ts'
import { encodeNodeRecord } from './node-record.ts'

/** A node that has a record of its own, with the path that leads to it: the first `depth` nibbles of `path`. */
interface PlacedNode {
  readonly node: TrieNode<AccountValue>
  readonly path: Key
  readonly depth: number
}

/** All nodes under `root` whose records are not on disk. Parents come before their children. */
export function* unstoredNodes(root: Child<AccountValue>): Generator<PlacedNode> {
  const stack: PlacedNode[] = []
  if (typeof root === 'object' && (root.kind === 'leaf' || !root.stored)) stack.push({ node: root, path: '', depth: 0 })
  for (;;) {
    const placed = stack.pop()
    if (placed === undefined) return
    yield placed
    const { node, path, depth } = placed
    if (node.kind === 'extension' && typeof node.child === 'object' && !node.child.stored) {
      stack.push({ node: node.child, path: node.path, depth: node.to })
    }
    if (node.kind !== 'branch') continue
    for (let slot = 15; slot >= 0; slot--) {
      const child = node.children[slot]
      if (typeof child !== 'object' || child.kind === 'leaf' || child.stored) continue
      stack.push({ node: child, path: childPath(path, depth, slot), depth: depth + 1 })
    }
  }
}

function childPath(path: Key, depth: number, slot: number): Key {
  if ((depth & 1) === 0) return path.slice(0, depth >> 1) + String.fromCharCode(slot << 4)
  return path.slice(0, depth >> 1) + String.fromCharCode((path.charCodeAt(depth >> 1) & 0xf0) | slot)
}

/** Puts a node under its path. */
export function putNode(
  factory: NodeFactory<AccountValue>,
  batch: WriteBatch,
  { node, path, depth }: PlacedNode,
): void {
  batch.put(keys.trieNode(pathKey(path, depth)), encodeNodeRecord(factory, node, depth))
}

/** Says which block's state the accounts and trie nodes are. Belongs into the same batch as they. */
export function putStateMarker(batch: WriteBatch, blockHash: Uint8Array, stateRoot: Key): void {
  batch.put(keys.meta('state'), encodeRlp([blockHash, fromKey(stateRoot)]))
}
