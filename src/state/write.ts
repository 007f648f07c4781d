import type { Key } from '../primitives/bytes.ts'
import type { WriteBatch } from '../store/database.ts'
import { MAX_TRIE_NODE_KEY_BYTES, writeTrieNodeKey } from '../store/schema.ts'
import { type AccountNodes, BRANCH, EXTENSION } from './account-nodes.ts'
import type { Handle } from './arena.ts'

/**
 * Puts all nodes from `start` down whose records are not on disk; yields each after it was put, parents before their
 * children. The nodes must stay reachable meanwhile. @param nibble  leads to `start`, if that is not the root but one of its children.
 */
export function* putUnstored(
  nodes: AccountNodes,
  start: Handle,
  batch: () => WriteBatch,
  nibble?: number,
): Generator<Handle> {
  const path = new TriePath()
  const stack: number[] = []
  pushUnstored(nodes, stack, start, nibble === undefined ? 0 : 1, nibble ?? 0)
  while (stack.length > 0) {
    const slot = stack.pop()!
    const depth = stack.pop()!
    const node = stack.pop()!
    if (depth > 0) path.set(depth - 1, slot)
    const at = nodes.recordAt(node)
    batch().put(path.key(depth), nodes.arena.bytes.subarray(at, at + nodes.recordLength(node)))
    yield node
    const kind = nodes.kind(node)
    if (kind === BRANCH) {
      let child = nodes.childCount(node)
      for (let mask = nodes.taken(node) & ~nodes.leaves(node); mask !== 0; ) {
        const last = 31 - Math.clz32(mask)
        mask &= ~(1 << last)
        pushUnstored(nodes, stack, nodes.childAt(node, --child), depth + 1, last)
      }
    } else if (kind === EXTENSION) {
      const length = nodes.extensionLength(node)
      for (let i = 0; i < length; i++) path.set(depth + i, nodes.extensionNibble(node, i))
      pushUnstored(nodes, stack, nodes.childAt(node, 0), depth + length, nodes.extensionNibble(node, length - 1))
    }
  }
}

function pushUnstored(nodes: AccountNodes, stack: number[], node: Handle, depth: number, slot: number): void {
  if (node !== 0 && !nodes.isStored(node)) stack.push(node, depth, slot)
}

/** The nibbles that lead to a node, as its database key has them. */
class TriePath {
  readonly #key = new Uint8Array(MAX_TRIE_NODE_KEY_BYTES)

  constructor() {
    writeTrieNodeKey(this.#key, 0, '', 0)
  }

  set(index: number, nibble: number): void {
    const at = 2 + (index >> 1)
    this.#key[at] = (index & 1) === 0 ? nibble << 4 : (this.#key[at]! & 0xf0) | nibble
  }

  /** A view that the next call overwrites. */
  key(depth: number): Uint8Array {
    this.#key[1] = depth
    const end = 2 + (depth >> 1)
    if ((depth & 1) === 0) return this.#key.subarray(0, end)
    this.#key[end] = this.#key[end]! & 0xf0
    return this.#key.subarray(0, end + 1)
  }
}

/** @param place  a `pathKey`. */
export function deleteNode(batch: WriteBatch, place: Key): void {
  const key = new Uint8Array(MAX_TRIE_NODE_KEY_BYTES)
  batch.delete(key.subarray(0, writeTrieNodeKey(key, 0, place.slice(1), place.charCodeAt(0))))
}

/** Puts the record of a root. */
export function putRoot(nodes: AccountNodes, batch: WriteBatch, root: Handle): void {
  const at = nodes.recordAt(root)
  batch.put(new TriePath().key(0), nodes.arena.bytes.subarray(at, at + nodes.recordLength(root)))
}
