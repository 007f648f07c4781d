import { fromKey, type Key } from '../primitives/bytes.ts'
import { encodeRlp, RlpReader } from '../primitives/rlp.ts'
import type { Database, WriteBatch } from '../store/database.ts'
import { keys, MAX_TRIE_NODE_KEY_BYTES, writeTrieNodeKey } from '../store/schema.ts'
import { type NodeFactory, type Root, type TrieNode, withNibble } from '../trie/node.ts'
import type { AccountValue } from './account-value.ts'
import { MAX_NODE_RECORD_BYTES, writeNodeRecord } from './node-record.ts'

/** A node that has a record of its own, with the path that leads to it: the first `depth` nibbles of `path`. */
interface PlacedNode {
  readonly node: TrieNode<AccountValue>
  readonly path: Key
  readonly depth: number
}

/** All nodes under `root` whose records are not on disk. Parents come before their children. */
export function* unstoredNodes(root: Root<AccountValue>): Generator<PlacedNode> {
  const stack: PlacedNode[] = []
  if (typeof root === 'object' && (root.kind === 'leaf' || !root.stored)) stack.push({ node: root, path: '', depth: 0 })
  for (;;) {
    const placed = stack.pop()
    if (placed === undefined) return
    yield placed
    const { node, path, depth } = placed
    if (node.kind === 'extension' && node.child?.stored === false) {
      stack.push({ node: node.child, path: node.path, depth: node.to })
    }
    if (node.kind !== 'branch') continue
    for (let slot = 15; slot >= 0; slot--) {
      const child = node.children[slot]
      if (child === undefined || child.kind === 'leaf' || child.stored) continue
      stack.push({ node: child, path: withNibble(path, depth, slot), depth: depth + 1 })
    }
  }
}

/** Puts and deletes trie nodes by the ten thousand, in buffers of its own: batches copy what they are given. */
export class NodeWriter {
  readonly #factory: NodeFactory<AccountValue>
  readonly #key = new Uint8Array(MAX_TRIE_NODE_KEY_BYTES)
  readonly #record = new Uint8Array(MAX_NODE_RECORD_BYTES)

  constructor(factory: NodeFactory<AccountValue>) {
    this.#factory = factory
  }

  /** Puts a node under its path. */
  put(batch: WriteBatch, { node, path, depth }: PlacedNode): void {
    const keyLength = writeTrieNodeKey(this.#key, 0, path, depth)
    const length = writeNodeRecord(this.#factory, node, depth, this.#record)
    batch.put(this.#key.subarray(0, keyLength), this.#record.subarray(0, length))
  }

  /** @param place  a `pathKey`. */
  delete(batch: WriteBatch, place: Key): void {
    const keyLength = writeTrieNodeKey(this.#key, 0, place.slice(1), place.charCodeAt(0))
    batch.delete(this.#key.subarray(0, keyLength))
  }
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
