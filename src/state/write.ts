import { fromKey, type Key } from '../primitives/bytes.ts'
import { encodeRlp, RlpReader } from '../primitives/rlp.ts'
import type { Database, WriteBatch } from '../store/database.ts'
import { keys, MAX_TRIE_NODE_KEY_BYTES, writeTrieNodeKey } from '../store/schema.ts'
import { type AccountNodes, BRANCH, EXTENSION } from './account-nodes.ts'
import type { Handle } from './arena.ts'

/**
 * Puts all nodes under `root` whose records are not on disk; yields each after it was put, parents before their
 * children. The nodes must stay reachable meanwhile.
 */
export function* putUnstored(nodes: AccountNodes, root: Handle, batch: () => WriteBatch): Generator<Handle> {
  const path = new TriePath()
  const stack: number[] = nodes.isStored(root) ? [] : [root, 0, 0]
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

/** Says which block's state the accounts and trie nodes are. Belongs into the same batch as they. */
export function putStateMarker(batch: WriteBatch, blockHash: Uint8Array, stateRoot: Key): void {
  batch.put(keys.meta('state'), encodeRlp([blockHash, fromKey(stateRoot)]))
}

/** What `putStateMarker` put; undefined if nobody has. @throws StoreError. */
export function readStateMarker(
  database: Database,
): { readonly blockHash: Uint8Array; readonly stateRoot: Uint8Array } | undefined {
  const marker = database.get(keys.meta('state'))
  if (marker === undefined) return undefined
  const fields = new RlpReader(marker).list()
  return { blockHash: fields.fixed(32, 'block hash').slice(), stateRoot: fields.fixed(32, 'state root').slice() }
}
