import { keccak256Key } from '../crypto/keccak.ts'
import { type Key, keyAt, writeKey } from '../primitives/bytes.ts'
import { rlpHeaderLength, writeRlpHeader } from '../primitives/rlp.ts'

/**
 * Nodes of a Merkle Patricia trie (Yellow Paper, appendix D), immutable and shared between versions: an update copies
 * the path it changes and leaves every older root whole. That is what makes recent states and forks free.
 *
 * A branch holds its own RLP, and with it the reference of every child: 32-byte hashes, or the RLP of nodes shorter than
 * that. Children that are objects too are the ones in memory; a slot that is taken without an object is a *stub*. Putting
 * an object where its stub was, or taking one away that is on disk, changes nothing that a hash could see, so those are
 * the only writes ever made to a finished node.
 *
 * Nibble `i` of a key is its i-th hex digit; `depth` is the number of nibbles above a node.
 */
export type TrieNode<V> = Leaf<V> | Extension<V> | Branch<V>

/** A trie by its root: undefined is empty, a Key the 32-byte hash of a root that is not in memory. */
export type Root<V> = TrieNode<V> | Key | undefined

/** How a value stands in the trie. */
export interface ValueCodec<V> {
  /** Bytes that `write` writes. */
  length(value: V): number
  /** Returns the offset after the value. */
  write(target: Uint8Array, offset: number, value: V): number
}

export interface Leaf<V> {
  readonly kind: 'leaf'
  /** The whole key, not only the part below the parent. */
  readonly key: Key
  readonly value: V
}

/** `stored`: the node is on disk as it is here. `usedAt`: a cache generation, for eviction. */
interface InnerNode {
  stored: boolean
  usedAt: number
}

export interface Extension<V> extends InnerNode {
  readonly kind: 'extension'
  /** A byte string that begins with the path from the root to `to`; nibbles `from` to `to` are the shared ones. */
  readonly path: Key
  readonly from: number
  readonly to: number
  readonly childRef: Key
  child: Branch<V> | undefined
}

export interface Branch<V> extends InnerNode {
  readonly kind: 'branch'
  /** Its RLP, a byte a character: contiguous, so that a changed copy is hashed without visiting sixteen children. */
  readonly rlp: Key
  /** Bit i: slot i has a child; a leaf, if the same bit of `leaves` is set. */
  readonly taken: number
  readonly leaves: number
  /** Leaves as read from disk (`packed-leaves.ts`), for those slots of `leaves` that have no object yet. */
  readonly packed: Key
  /** Those in memory. One array serves all branches that have none: see `attachChild`. */
  children: (TrieNode<V> | undefined)[]
  /** Only in tries whose keys have different lengths. */
  readonly value: V | undefined
}

export function nibbleAt(key: Key, index: number): number {
  const byte = key.charCodeAt(index >> 1)
  return (index & 1) === 0 ? byte >> 4 : byte & 15
}

/** First nibble from `from` on in which `a` and `b` differ, at most `limit`. */
export function divergence(a: Key, b: Key, from: number, limit: number): number {
  let at = from
  while (at < limit && nibbleAt(a, at) === nibbleAt(b, at)) at++
  return at
}

/** Identity of a place in the trie: its depth and the nibbles that lead there. Distinct for distinct places. */
export function pathKey(key: Key, depth: number): Key {
  const whole = key.slice(0, depth >> 1)
  const half = (depth & 1) === 0 ? '' : String.fromCharCode(key.charCodeAt(depth >> 1) & 0xf0)
  return String.fromCharCode(depth) + whole + half
}

/** A byte string that begins with the first `depth` nibbles of `path`, then `nibble`. */
export function withNibble(path: Key, depth: number, nibble: number): Key {
  const whole = path.slice(0, depth >> 1)
  const byte = (depth & 1) === 0 ? nibble << 4 : (path.charCodeAt(depth >> 1) & 0xf0) | nibble
  return whole + String.fromCharCode(byte)
}

/** Where slot `slot`'s item begins in a branch's RLP; slot 16 is the value. */
function itemOffset(rlp: Key, slot: number): number {
  const first = rlp.charCodeAt(0)
  let at = first < 0xf8 ? 1 : first - 0xf7 + 1
  for (let i = 0; i < slot; i++) at += itemLength(rlp.charCodeAt(at))
  return at
}

/** Length of a child's item by its first byte: empty, a hash, or a short node, which is a list. */
function itemLength(first: number): number {
  return first === 0x80 ? 1 : first === 0xa0 ? 33 : first - 0xc0 + 1
}

/** What a branch holds of the child in a taken slot. */
export function childRef<V>({ rlp }: Branch<V>, slot: number): Key {
  const at = itemOffset(rlp, slot)
  const length = itemLength(rlp.charCodeAt(at))
  return length === 33 ? rlp.slice(at + 1, at + 33) : rlp.slice(at, at + length)
}

/** Most branches of a large trie never have a child in memory; an array of their own would be a third of their size. */
const NO_CHILDREN: undefined[] = new Array(16).fill(undefined)

/** Puts a child where its stub is. */
export function attachChild<V>(branch: Branch<V>, slot: number, child: TrieNode<V>): void {
  if (branch.children === NO_CHILDREN) branch.children = NO_CHILDREN.slice()
  branch.children[slot] = child
}

/** Room before a list's payload for the longest header that a node needs. */
const HEADER_ROOM = 9
const INITIAL_SCRATCH_BYTES = 2048
/** keccak256(rlp('')). */
export const EMPTY_ROOT: Key = keccak256Key(new Uint8Array([0x80]))

/** Makes nodes and their references. Holds the buffer in which nodes are encoded, so one factory serves one thread. */
export class NodeFactory<V> {
  readonly #codec: ValueCodec<V>
  #scratch = new Uint8Array(INITIAL_SCRATCH_BYTES)
  /** Stamped on nodes made or touched; whoever evicts advances it. */
  generation = 0

  constructor(codec: ValueCodec<V>) {
    this.#codec = codec
  }

  /** What a parent holds of a node that stands at `depth`. Cost: one hash. */
  ref(node: TrieNode<V>, depth: number): Key {
    if (node.kind === 'branch') return this.#hash(this.#load(node.rlp), 0, node.rlp.length)
    const [start, end] = this.#encode(node, depth)
    return this.#hash(this.#scratch, start, end)
  }

  /** 32-byte root hash. */
  rootHash(root: Root<V>): Key {
    if (root === undefined) return EMPTY_ROOT
    if (typeof root === 'string') return root
    const ref = this.ref(root, 0)
    // A root is hashed however short it is; only there is a reference ever hashed again.
    return ref.length === 32 ? ref : keccak256Key(this.#load(ref).subarray(0, ref.length))
  }

  /** The node's RLP. */
  encode(node: TrieNode<V>, depth: number): Uint8Array {
    if (node.kind === 'branch') return this.#load(node.rlp).slice(0, node.rlp.length)
    const [start, end] = this.#encode(node, depth)
    return this.#scratch.slice(start, end)
  }

  extension(path: Key, from: number, to: number, child: Branch<V> | undefined, ref: Key): Extension<V> {
    const { generation } = this
    return { kind: 'extension', stored: false, usedAt: generation, path, from, to, childRef: ref, child }
  }

  /** A branch at `depth` of children that are all in memory. Takes `children` over. */
  branch(children: (TrieNode<V> | undefined)[], value: V | undefined, depth: number): Branch<V> {
    let taken = 0
    for (let slot = 0; slot < 16; slot++) if (children[slot] !== undefined) taken |= 1 << slot
    return this.#assemble(undefined, children, taken, taken, value, depth)
  }

  /**
   * `before` with other children in the slots of `changed`; `children` is a copy with those replaced, and is taken over.
   * The result has at least two entries: the caller has seen to that.
   */
  changedBranch(
    before: Branch<V>,
    children: (TrieNode<V> | undefined)[],
    changed: number,
    taken: number,
    value: V | undefined,
    depth: number,
  ): Branch<V> {
    return (
      this.#patch(before, children, changed, taken, value, depth) ??
      this.#assemble(before, children, changed, taken, value, depth)
    )
  }

  /** A branch as its record on disk describes it. */
  storedBranch(rlp: Key, packed: Key, leaves: number): Branch<V> {
    let taken = 0
    const first = rlp.charCodeAt(0)
    let at = first < 0xf8 ? 1 : first - 0xf7 + 1
    for (let slot = 0; slot < 16; slot++) {
      const item = rlp.charCodeAt(at)
      if (item !== 0x80) taken |= 1 << slot
      at += itemLength(item)
    }
    const { generation } = this
    const children: undefined[] = NO_CHILDREN
    return { kind: 'branch', stored: true, usedAt: generation, rlp, taken, leaves, packed, children, value: undefined }
  }

  /** The usual case, some hashes replaced by others: no item moves. */
  #patch(
    before: Branch<V>,
    children: (TrieNode<V> | undefined)[],
    changed: number,
    taken: number,
    value: V | undefined,
    depth: number,
  ): Branch<V> | undefined {
    if (taken !== before.taken || value !== before.value) return undefined
    const { rlp } = before
    // A deletion of what was not there changes nothing.
    const replaced = changed & taken
    // References first: encoding a child uses the same buffer.
    const refs: Key[] = []
    for (let slot = 0; slot < 16; slot++) {
      if (((replaced >> slot) & 1) === 0) continue
      const ref = this.ref(children[slot]!, depth + 1)
      if (ref.length !== 32) return undefined
      refs.push(ref)
    }
    const target = this.#load(rlp)
    const first = rlp.charCodeAt(0)
    let at = first < 0xf8 ? 1 : first - 0xf7 + 1
    let next = 0
    for (let slot = 0; slot < 16 && next < refs.length; slot++) {
      const item = rlp.charCodeAt(at)
      if (((replaced >> slot) & 1) === 1) {
        if (item !== 0xa0) return undefined
        writeKey(target, refs[next++]!, at + 1)
      }
      at += itemLength(item)
    }
    return this.#made(keyAt(target, 0, rlp.length), before, children, changed, taken, value)
  }

  #assemble(
    before: Branch<V> | undefined,
    children: (TrieNode<V> | undefined)[],
    changed: number,
    taken: number,
    value: V | undefined,
    depth: number,
  ): Branch<V> {
    const refs: Key[] = []
    for (let slot = 0; slot < 16; slot++) {
      const child = children[slot]
      if (((taken >> slot) & 1) === 0) refs.push('')
      else if (((changed >> slot) & 1) === 0) refs.push(childRef(before!, slot))
      else refs.push(this.ref(child!, depth + 1))
    }
    let at = HEADER_ROOM
    this.#room(HEADER_ROOM + 16 * 33 + 16 + (value === undefined ? 0 : this.#codec.length(value)))
    for (const ref of refs) {
      if (ref.length === 32) this.#scratch[at++] = 0xa0
      else if (ref.length === 0) this.#scratch[at++] = 0x80
      writeKey(this.#scratch, ref, at)
      at += ref.length
    }
    if (value === undefined) this.#scratch[at++] = 0x80
    else at = this.#writeValue(at, value)
    const start = this.#prependHeader(at)
    return this.#made(keyAt(this.#scratch, start, at), before, children, changed, taken, value)
  }

  #made(
    rlp: Key,
    before: Branch<V> | undefined,
    children: (TrieNode<V> | undefined)[],
    changed: number,
    taken: number,
    value: V | undefined,
  ): Branch<V> {
    let leaves = (before?.leaves ?? 0) & ~changed
    for (let slot = 0; slot < 16; slot++) {
      if (((changed >> slot) & 1) === 1 && children[slot]?.kind === 'leaf') leaves |= 1 << slot
    }
    const { generation } = this
    const packed = before?.packed ?? ''
    return { kind: 'branch', stored: false, usedAt: generation, rlp, taken, leaves, packed, children, value }
  }

  /** Encodes into the scratch buffer; returns where. */
  #encode(node: Leaf<V> | Extension<V>, depth: number): readonly [start: number, end: number] {
    if (node.kind === 'leaf') {
      const nibbles = 2 * node.key.length - depth
      this.#room(HEADER_ROOM + 2 * node.key.length + HEADER_ROOM + this.#codec.length(node.value))
      const at = this.#writeValue(writePath(this.#scratch, HEADER_ROOM, node.key, depth, nibbles, 0x20), node.value)
      return [this.#prependHeader(at), at]
    }
    const { path, from, to, childRef: ref } = node
    this.#room(HEADER_ROOM + path.length + HEADER_ROOM + 33)
    let at = writePath(this.#scratch, HEADER_ROOM, path, from, to - from, 0)
    if (ref.length === 32) this.#scratch[at++] = 0xa0
    writeKey(this.#scratch, ref, at)
    at += ref.length
    return [this.#prependHeader(at), at]
  }

  #writeValue(offset: number, value: V): number {
    const length = this.#codec.length(value)
    if (length === 1) {
      // Only now is it known whether the byte is its own encoding.
      const end = this.#codec.write(this.#scratch, offset, value)
      if (this.#scratch[offset]! < 0x80) return end
    }
    return this.#codec.write(this.#scratch, writeRlpHeader(this.#scratch, offset, length, 0x80), value)
  }

  /** Puts a list header right before the payload that goes from HEADER_ROOM to `end`; returns where it begins. */
  #prependHeader(end: number): number {
    const payload = end - HEADER_ROOM
    const start = HEADER_ROOM - rlpHeaderLength(payload)
    writeRlpHeader(this.#scratch, start, payload, 0xc0)
    return start
  }

  #load(key: Key): Uint8Array {
    this.#room(key.length)
    writeKey(this.#scratch, key, 0)
    return this.#scratch
  }

  #room(length: number): void {
    if (this.#scratch.length < length) this.#scratch = new Uint8Array(2 * length)
  }

  #hash(bytes: Uint8Array, start: number, end: number): Key {
    return end - start < 32 ? keyAt(bytes, start, end) : keccak256Key(bytes.subarray(start, end))
  }
}

/** Hex-prefix encoding (Yellow Paper, appendix C) of the nibbles from `from` on, as an RLP string. */
function writePath(
  target: Uint8Array,
  offset: number,
  key: Key,
  from: number,
  nibbles: number,
  flag: 0 | 0x20,
): number {
  const bytes = (nibbles >> 1) + 1
  // One byte, always below 0x80 (its high nibble is the flag), is its own encoding.
  let at = bytes === 1 ? offset : writeRlpHeader(target, offset, bytes, 0x80)
  let next = from
  if ((nibbles & 1) === 1) target[at++] = flag | 0x10 | nibbleAt(key, next++)
  else target[at++] = flag
  const end = from + nibbles
  if ((next & 1) === 0) for (let i = next >> 1; 2 * i < end; i++) target[at++] = key.charCodeAt(i)
  else for (; next < end; next += 2) target[at++] = (nibbleAt(key, next) << 4) | nibbleAt(key, next + 1)
  return at
}
