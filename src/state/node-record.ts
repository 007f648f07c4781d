import { type Key, keyAt, writeKey } from '../primitives/bytes.ts'
import { DecodeError } from '../primitives/errors.ts'
import { RlpReader } from '../primitives/rlp.ts'
import type { NodeFactory, TrieNode } from '../trie/node.ts'
import { isPackedFor, packedMask, writePackedLeaves } from '../trie/packed-leaves.ts'
import { compactNibbles } from '../trie/proof.ts'
import type { AccountValue } from './account-value.ts'

/**
 * A trie node on disk. A branch carries its leaves, so that an account is stored once, and reading or writing it takes no
 * record of its own.
 *
 * ```
 * branch     0x00, length of the RLP (2 bytes), the node's RLP, its leaves (`trie/packed-leaves.ts`)
 * extension  0x01, the node's RLP
 * leaf       0x02, key (32 bytes), account; only where it is the whole trie
 * ```
 */
const BRANCH = 0
const EXTENSION = 1
const LEAF = 2

const KEY_BYTES = 32
const RLP_START = 3

/** A branch of 16 leaves with all fields at their longest takes less. */
export const MAX_NODE_RECORD_BYTES = 4096

/** Writes a node's record to the start of `target`; returns its length. */
export function writeNodeRecord(
  factory: NodeFactory<AccountValue>,
  node: TrieNode<AccountValue>,
  depth: number,
  target: Uint8Array,
): number {
  if (node.kind === 'branch') {
    const { rlp } = node
    target[0] = BRANCH
    target[1] = rlp.length >> 8
    target[2] = rlp.length & 0xff
    writeKey(target, rlp, RLP_START)
    return writePackedLeaves(target, RLP_START + rlp.length, node, depth)
  }
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

/**
 * Turns a record back into a node without children in memory. Nothing in it is believed: the caller compares the node's
 * reference with what the parent holds, and a leaf's when it is unpacked.
 *
 * @param key begins with the `depth` nibbles that lead to the node.
 * @throws DecodeError if the record has not the form of one.
 */
export function decodeNodeRecord(
  factory: NodeFactory<AccountValue>,
  record: Uint8Array,
  key: Key,
  depth: number,
): TrieNode<AccountValue> {
  if (record[0] === BRANCH) {
    const packedStart = RLP_START + ((record[1]! << 8) | record[2]!)
    const packed = keyAt(record, packedStart, record.length)
    if (!isPackedFor(packed, depth)) throw new DecodeError('leaves of a trie node are malformed')
    return factory.storedBranch(keyAt(record, RLP_START, packedStart), packed, packedMask(packed))
  }
  if (record[0] === LEAF && record.length > 1 + KEY_BYTES) {
    const value = keyAt(record, 1 + KEY_BYTES, record.length)
    return { kind: 'leaf', key: keyAt(record, 1, 1 + KEY_BYTES), value }
  }
  const list = new RlpReader(record.subarray(1)).list()
  const nibbles = compactNibbles(list.bytes())
  const child = list.fixed(32, 'extension child')
  const path = appendNibbles(key, depth, nibbles)
  const extension = factory.extension(path, depth, depth + nibbles.length, undefined, keyAt(child, 0, 32))
  extension.stored = true
  return extension
}

/** A byte string that begins with the first `depth` nibbles of `key` and goes on with `nibbles`. */
function appendNibbles(key: Key, depth: number, nibbles: readonly number[]): Key {
  const codes = Array.from({ length: (depth + nibbles.length + 1) >> 1 }, (_, i) => key.charCodeAt(i) || 0)
  nibbles.forEach((nibble, i) => {
    const at = (depth + i) >> 1
    codes[at] = ((depth + i) & 1) === 0 ? nibble << 4 : (codes[at]! & 0xf0) | nibble
  })
  return String.fromCharCode(...codes)
}
