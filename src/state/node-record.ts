import { fromKey, type Key, keyAt, toKey, writeKey } from '../primitives/bytes.ts'
import { RlpReader } from '../primitives/rlp.ts'
import type { Branch, Child, NodeFactory, TrieNode } from '../trie/node.ts'
import { compactNibbles } from '../trie/proof.ts'
import type { AccountValue } from './account-value.ts'

/**
 * A trie node on disk. A branch carries its leaves whole (rest of the key, account), not their hashes: an account is
 * stored once, reading it takes no record of its own, and neither does writing it.
 *
 * ```
 * branch     0x00, children (2 bytes, bit i: slot i is taken), leaves (2 bytes), then slot by slot
 *              inner node: its hash, 32 bytes
 *              leaf: the key's bytes from nibble depth + 1 on (the first one whole, if the nibble is its low half), account
 * extension  0x01, the node's RLP
 * leaf       0x02, key (32 bytes), account; only where it is the whole trie
 * ```
 */
const BRANCH = 0
const EXTENSION = 1
const LEAF = 2

const KEY_BYTES = 32

/** A branch of 16 leaves with all fields at their longest takes less. */
export const MAX_NODE_RECORD_BYTES = 4096

/** Writes a node's record to the start of `target`; returns its length. */
export function writeNodeRecord(
  factory: NodeFactory<AccountValue>,
  node: TrieNode<AccountValue>,
  depth: number,
  target: Uint8Array,
): number {
  if (node.kind === 'branch') return writeBranch(node.children, depth, target)
  if (node.kind === 'leaf') {
    target[0] = LEAF
    writeKey(target, node.key, 1)
    writeKey(target, node.value, 1 + KEY_BYTES)
    return 1 + KEY_BYTES + node.value.length
  }
  const rlp = factory.encode(node, depth)
  target[0] = EXTENSION
  target.set(rlp, 1)
  return 1 + rlp.length
}

function writeBranch(children: readonly Child<AccountValue>[], depth: number, record: Uint8Array): number {
  const keyStart = (depth + 1) >> 1
  let taken = 0
  let leaves = 0
  let at = 5
  for (let slot = 0; slot < 16; slot++) {
    const child = children[slot]
    if (child === undefined) continue
    taken |= 1 << slot
    if (typeof child === 'string' || child.kind !== 'leaf') {
      writeKey(record, typeof child === 'string' ? child : child.ref, at)
      at += 32
      continue
    }
    leaves |= 1 << slot
    writeKey(record, keyStart === 0 ? child.key : child.key.slice(keyStart), at)
    at += KEY_BYTES - keyStart
    writeKey(record, child.value, at)
    at += child.value.length
  }
  record[0] = BRANCH
  record[1] = taken >> 8
  record[2] = taken & 0xff
  record[3] = leaves >> 8
  record[4] = leaves & 0xff
  return at
}

/**
 * Turns a record back into a node, inner children as stubs. The reference is computed anew from what was read: the
 * caller compares it with what the parent holds, so that no damaged, misplaced or outdated record gets past.
 *
 * @param key begins with the `depth` nibbles that lead to the node.
 * @throws DecodeError or RangeError if the record is not one.
 */
export function decodeNodeRecord(
  factory: NodeFactory<AccountValue>,
  record: Uint8Array,
  key: Key,
  depth: number,
): TrieNode<AccountValue> {
  if (record[0] === BRANCH) return decodeBranch(factory, record, key, depth)
  if (record[0] === LEAF) {
    const text = toKey(record.subarray(1))
    return factory.leaf(text.slice(0, KEY_BYTES), text.slice(KEY_BYTES), depth)
  }
  const list = new RlpReader(record.subarray(1)).list()
  const nibbles = compactNibbles(list.bytes())
  const child = toKey(list.fixed(32, 'extension child'))
  const extension = factory.extension(appendNibbles(key, depth, nibbles), depth, depth + nibbles.length, child)
  extension.stored = true
  return extension
}

function decodeBranch(
  factory: NodeFactory<AccountValue>,
  record: Uint8Array,
  key: Key,
  depth: number,
): Branch<AccountValue> {
  const taken = (record[1]! << 8) | record[2]!
  const leaves = (record[3]! << 8) | record[4]!
  const keyStart = (depth + 1) >> 1
  const leafKey = fromKey(key.padEnd(KEY_BYTES, '\0'))
  const children = new Array<Child<AccountValue>>(16).fill(undefined)
  let at = 5
  for (let slot = 0; slot < 16; slot++) {
    if (((taken >> slot) & 1) === 0) continue
    if (((leaves >> slot) & 1) === 0) {
      children[slot] = keyAt(record, at, at + 32)
      at += 32
      continue
    }
    const valueAt = at + KEY_BYTES - keyStart
    const end = valueAt + accountValueLength(record, valueAt)
    if ((depth & 1) === 1) leafKey[depth >> 1] = (leafKey[depth >> 1]! & 0xf0) | slot
    leafKey.set(record.subarray(at, valueAt), keyStart)
    children[slot] = factory.leaf(toKey(leafKey), keyAt(record, valueAt, end), depth + 1)
    at = end
  }
  const branch = factory.branch(children, undefined)
  branch.stored = true
  return branch
}

function accountValueLength(record: Uint8Array, at: number): number {
  const first = record[at] ?? 0
  return first < 0xf8 ? first - 0xc0 + 1 : 2 + (record[at + 1] ?? 0)
}

function appendNibbles(key: Key, depth: number, nibbles: readonly number[]): Key {
  const path = new Uint8Array((depth + nibbles.length + 1) >> 1)
  path.set(fromKey(key).subarray(0, Math.min(path.length, (depth + 1) >> 1)))
  nibbles.forEach((nibble, i) => {
    const at = (depth + i) >> 1
    path[at] = ((depth + i) & 1) === 0 ? nibble << 4 : (path[at]! & 0xf0) | nibble
  })
  return toKey(path)
}
