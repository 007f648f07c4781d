import { assert } from '../primitives/assert.ts'
import { type Key, keyAt } from '../primitives/bytes.ts'
import { rlpHeaderLength, writeRlpHeader } from '../primitives/rlp.ts'
import { pathItemLength, writePath } from '../trie/node.ts'
import { KEY_BYTES, SCRATCH_BYTES, writeBytes } from './account-leaf.ts'
import { Arena, BLOCK_UNIT, type Handle } from './arena.ts'

/**
 * Nodes of the account trie in an arena: hash-keyed, so that keys have 32 bytes and no branch a value, and with values so
 * long that no node is ever embedded in its parent. A node is immutable but for its stubs, as in `trie/node.ts`: a
 * child that is not in memory has the handle 0.
 *
 * ```
 *  0  the arena's word
 *  4  generation in which it was last used (32 bits)
 *  8  kind, with STORED set if it is on disk as it is here; number of children that are nodes (8 bits each)
 * 10  references to it, from nodes and from who holds it as a root (16 bits)
 * 12  leaves whose hashes were checked, by slot; length of the record (16 bits each)
 * 16  slots that are taken; those of them that are leaves (16 bits each, bit i for slot i)
 * 20  handles of the children that are nodes, in slot order (32 bits each); 0 is a stub
 *     its record, as on disk
 * ```
 *
 * Records, which carry the leaves below a branch, so that an account is stored once and takes no record of its own:
 *
 * ```
 * branch     0x00, length of the RLP (2 bytes), the node's RLP, slots that are leaves (2 bytes), slot by slot each leaf:
 *            the key's bytes from nibble depth + 1 on, the first whole if that nibble is its low half,
 *            length of the value (2 bytes), value
 * extension  0x01, the node's RLP
 * leaf       0x02, key (32 bytes), value; only where it is the whole trie
 * ```
 */
export const BRANCH = 0
export const EXTENSION = 1
export const LEAF = 2
const STORED = 0x80

const HEADER_BYTES = 20
/** Kind and length before a branch's RLP. */
export const BRANCH_PREFIX = 3

export function bitCount(mask: number): number {
  let bits = mask - ((mask >> 1) & 0x5555)
  bits = (bits & 0x3333) + ((bits >> 2) & 0x3333)
  bits = (bits + (bits >> 4)) & 0x0f0f
  return (bits + (bits >> 8)) & 0x1f
}

/** Bytes of a leaf's key that stand in the branch at `depth` above it. */
export function packedKeyStart(depth: number): number {
  return (depth + 1) >> 1
}

export class AccountNodes {
  readonly arena = new Arena(SCRATCH_BYTES)
  /** Stamped on nodes that are made or used: what is old may be evicted. */
  generation = 0
  #unstoredBytes = 0

  /** Bytes of nodes that are not on disk. */
  get unstoredBytes(): number {
    return this.#unstoredBytes
  }

  kind(node: Handle): number {
    return this.arena.bytes[node * BLOCK_UNIT + 8]! & ~STORED
  }

  usedAt(node: Handle): number {
    return this.arena.words[node * (BLOCK_UNIT / 4) + 1]!
  }

  touch(node: Handle): void {
    this.arena.words[node * (BLOCK_UNIT / 4) + 1] = this.generation
  }

  isStored(node: Handle): boolean {
    return this.arena.bytes[node * BLOCK_UNIT + 8]! >= STORED
  }

  markStored(node: Handle): void {
    if (!this.isStored(node)) this.#unstoredBytes -= this.sizeBytes(node)
    this.arena.bytes[node * BLOCK_UNIT + 8] = this.arena.bytes[node * BLOCK_UNIT + 8]! | STORED
  }

  childCount(node: Handle): number {
    return this.arena.bytes[node * BLOCK_UNIT + 9]!
  }

  /** Whether anything refers to a node. */
  isHeld(node: Handle): boolean {
    return this.arena.shorts[node * (BLOCK_UNIT / 2) + 5] !== 0
  }

  retain(node: Handle): void {
    const at = node * (BLOCK_UNIT / 2) + 5
    const references = this.arena.shorts[at]! + 1
    assert(references < 0x1_0000, 'a trie node is referred to too often')
    this.arena.shorts[at] = references
  }

  /** Gives up a reference; a node without any is freed, and its children lose one. */
  release(node: Handle): void {
    const at = node * (BLOCK_UNIT / 2) + 5
    const references = this.arena.shorts[at]! - 1
    this.arena.shorts[at] = references
    if (references === 0) this.free(node)
  }

  /** Frees a node that nothing refers to. */
  free(node: Handle): void {
    for (let i = this.childCount(node) - 1; i >= 0; i--) {
      const child = this.childAt(node, i)
      if (child !== 0) this.release(child)
    }
    if (!this.isStored(node)) this.#unstoredBytes -= this.sizeBytes(node)
    this.arena.release(node)
  }

  /** A new node refers to its children from now on. */
  retainChildren(node: Handle): void {
    for (let i = this.childCount(node) - 1; i >= 0; i--) {
      const child = this.childAt(node, i)
      if (child !== 0) this.retain(child)
    }
  }

  sizeBytes(node: Handle): number {
    return HEADER_BYTES + 4 * this.childCount(node) + this.recordLength(node)
  }

  verified(node: Handle): number {
    return this.arena.shorts[node * (BLOCK_UNIT / 2) + 6]!
  }

  setVerified(node: Handle, slot: number): void {
    const at = node * (BLOCK_UNIT / 2) + 6
    this.arena.shorts[at] = this.arena.shorts[at]! | (1 << slot)
  }

  recordLength(node: Handle): number {
    return this.arena.shorts[node * (BLOCK_UNIT / 2) + 7]!
  }

  taken(node: Handle): number {
    return this.arena.shorts[node * (BLOCK_UNIT / 2) + 8]!
  }

  leaves(node: Handle): number {
    return this.arena.shorts[node * (BLOCK_UNIT / 2) + 9]!
  }

  /** The `index`th child that is a node; 0 if it is a stub. */
  childAt(node: Handle, index: number): Handle {
    return this.arena.words[node * (BLOCK_UNIT / 4) + HEADER_BYTES / 4 + index]!
  }

  setChildAt(node: Handle, index: number, child: Handle): void {
    this.arena.words[node * (BLOCK_UNIT / 4) + HEADER_BYTES / 4 + index] = child
  }

  /** Index of a slot's child among those that are nodes. */
  childIndex(node: Handle, slot: number): number {
    return bitCount(this.taken(node) & ~this.leaves(node) & ((1 << slot) - 1))
  }

  recordAt(node: Handle): number {
    return node * BLOCK_UNIT + HEADER_BYTES + 4 * this.childCount(node)
  }

  rlpAt(node: Handle): number {
    return this.recordAt(node) + (this.kind(node) === BRANCH ? BRANCH_PREFIX : 1)
  }

  /** Not of a leaf: it has none before it is known where it stands. */
  rlpLength(node: Handle): number {
    if (this.kind(node) !== BRANCH) return this.recordLength(node) - 1
    const at = this.recordAt(node)
    return (this.arena.bytes[at + 1]! << 8) | this.arena.bytes[at + 2]!
  }

  /** Address of the hash in a taken slot. */
  hashAt(branch: Handle, slot: number): number {
    const taken = this.taken(branch)
    const header = listHeaderLength(bitCount(taken))
    return this.rlpAt(branch) + header + slot + 32 * bitCount(taken & ((1 << slot) - 1)) + 1
  }

  /** Address of an extension's child's hash. */
  childHashAt(extension: Handle): number {
    return this.recordAt(extension) + this.recordLength(extension) - KEY_BYTES
  }

  /** Address of an extension's path, at its flag. */
  #pathAt(extension: Handle): number {
    const { bytes } = this.arena
    const rlp = this.rlpAt(extension)
    const path = rlp + (bytes[rlp]! < 0xf8 ? 1 : 2)
    // A path of one byte has no header of its own.
    return bytes[path]! < 0x80 ? path : path + 1
  }

  /** Nibbles that all keys below an extension have in common. */
  extensionLength(extension: Handle): number {
    const path = this.#pathAt(extension)
    // Between it and the hash stands the hash's header.
    const pathBytes = this.childHashAt(extension) - 1 - path
    return 2 * (pathBytes - 1) + ((this.arena.bytes[path]! & 0x10) >> 4)
  }

  extensionNibble(extension: Handle, index: number): number {
    const { bytes } = this.arena
    const path = this.#pathAt(extension)
    const at = (bytes[path]! & 0x10) === 0 ? index + 2 : index + 1
    const byte = bytes[path + (at >> 1)]!
    return (at & 1) === 0 ? byte >> 4 : byte & 15
  }

  /** Address of a leaf's entry in a branch at `depth`, at its key. */
  entryAt(branch: Handle, slot: number, depth: number): number {
    const { bytes } = this.arena
    const keyBytes = KEY_BYTES - packedKeyStart(depth)
    let at = this.rlpAt(branch) + this.rlpLength(branch) + 2
    for (let below = this.leaves(branch) & ((1 << slot) - 1); below !== 0; below &= below - 1) {
      const lengthAt = at + keyBytes
      at = lengthAt + 2 + ((bytes[lengthAt]! << 8) | bytes[lengthAt + 1]!)
    }
    return at
  }

  /** Bytes of an entry at `depth`. */
  entryLength(at: number, depth: number): number {
    const { bytes } = this.arena
    const lengthAt = at + KEY_BYTES - packedKeyStart(depth)
    return lengthAt + 2 + ((bytes[lengthAt]! << 8) | bytes[lengthAt + 1]!) - at
  }

  /** The key of a leaf in a branch at `depth`; `key` begins with the nibbles that lead to the branch. */
  entryKey(at: number, depth: number, key: Key): Key {
    const start = packedKeyStart(depth)
    return key.slice(0, start) + keyAt(this.arena.bytes, at, at + KEY_BYTES - start)
  }

  entryValue(at: number, depth: number): Key {
    const start = at + KEY_BYTES - packedKeyStart(depth) + 2
    return keyAt(this.arena.bytes, start, at + this.entryLength(at, depth))
  }

  entryHasKey(at: number, depth: number, key: Key): boolean {
    const { bytes } = this.arena
    const start = packedKeyStart(depth)
    for (let i = start; i < KEY_BYTES; i++) if (bytes[at + i - start] !== key.charCodeAt(i)) return false
    return true
  }

  /** Whether an entry's key has the nibble of its slot, which no hash covers where the key is cut above it. */
  entryFitsSlot(at: number, slot: number, depth: number): boolean {
    return (depth & 1) === 1 || this.arena.bytes[at]! >> 4 === slot
  }

  /** A leaf that is the whole trie. */
  leafKey(leaf: Handle): Key {
    const at = this.recordAt(leaf) + 1
    return keyAt(this.arena.bytes, at, at + KEY_BYTES)
  }

  leafValue(leaf: Handle): Key {
    const at = this.recordAt(leaf)
    return keyAt(this.arena.bytes, at + 1 + KEY_BYTES, at + this.recordLength(leaf))
  }

  /** A fresh node whose record is still to be written. */
  create(kind: number, children: number, recordLength: number): Handle {
    const length = HEADER_BYTES + 4 * children + recordLength
    const node = this.arena.allocate(length)
    this.#unstoredBytes += length
    const { bytes, shorts } = this.arena
    this.touch(node)
    bytes[node * BLOCK_UNIT + 8] = kind
    bytes[node * BLOCK_UNIT + 9] = children
    shorts[node * (BLOCK_UNIT / 2) + 5] = 0
    shorts[node * (BLOCK_UNIT / 2) + 6] = 0
    shorts[node * (BLOCK_UNIT / 2) + 7] = recordLength
    return node
  }

  setSlots(branch: Handle, taken: number, leaves: number): void {
    this.arena.shorts[branch * (BLOCK_UNIT / 2) + 8] = taken
    this.arena.shorts[branch * (BLOCK_UNIT / 2) + 9] = leaves
  }

  /** Writes what precedes a branch's items; returns their address. */
  writeBranchHeader(branch: Handle, hashes: number, rlpLength: number): number {
    const { bytes } = this.arena
    const at = this.recordAt(branch)
    bytes[at] = BRANCH
    bytes[at + 1] = rlpLength >> 8
    bytes[at + 2] = rlpLength & 0xff
    return writeRlpHeader(bytes, at + BRANCH_PREFIX, 17 + 32 * hashes, 0xc0)
  }

  /** A copy that is not on disk and refers to nothing yet: see `retainChildren`. */
  copy(node: Handle): Handle {
    const length = this.sizeBytes(node)
    const made = this.arena.allocate(length)
    this.#unstoredBytes += length
    const { bytes } = this.arena
    // The arena's word stays.
    bytes.copyWithin(made * BLOCK_UNIT + 4, node * BLOCK_UNIT + 4, node * BLOCK_UNIT + length)
    this.touch(made)
    bytes[made * BLOCK_UNIT + 8] = bytes[made * BLOCK_UNIT + 8]! & ~STORED
    this.arena.shorts[made * (BLOCK_UNIT / 2) + 5] = 0
    return made
  }

  /** An extension along the nibbles `from` to `to` of `path`. Its child's hash is still to be written. */
  createExtension(path: Key, from: number, to: number, child: Handle): Handle {
    const pathLength = pathItemLength(to - from)
    const payload = pathLength + 1 + KEY_BYTES
    const node = this.create(EXTENSION, 1, 1 + rlpHeaderLength(payload) + payload)
    this.setChildAt(node, 0, child)
    this.retainChildren(node)
    const { bytes } = this.arena
    const at = this.recordAt(node)
    bytes[at] = EXTENSION
    const hashAt = writePath(bytes, writeRlpHeader(bytes, at + 1, payload, 0xc0), path, from, to - from, 0)
    bytes[hashAt] = 0xa0
    return node
  }

  /** A leaf that is the whole trie. */
  createLeaf(key: Key, value: Key): Handle {
    const node = this.create(LEAF, 0, 1 + KEY_BYTES + value.length)
    const at = this.recordAt(node)
    this.arena.bytes[at] = LEAF
    writeBytes(this.arena.bytes, at + 1, key, 0)
    writeBytes(this.arena.bytes, at + 1 + KEY_BYTES, value, 0)
    return node
  }
}

/** Bytes before the items of a branch with so many hashes: its payload is 17 + 32 times as many. */
export function listHeaderLength(hashes: number): number {
  return hashes < 8 ? 2 : 3
}
