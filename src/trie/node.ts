import { keccak256Key } from '../crypto/keccak.ts'
import { type Key, keyAt, writeKey } from '../primitives/bytes.ts'
import { rlpHeaderLength, writeRlpHeader } from '../primitives/rlp.ts'

/**
 * Nodes of a Merkle Patricia trie (Yellow Paper, appendix D), immutable and shared between versions: an update copies
 * the path it changes and leaves every older root whole. That is what makes recent states and forks free.
 *
 * A branch holds its own RLP, and with it the reference of every child: 32-byte hashes, or the RLP of nodes shorter than
 * that. Tries of this kind are whole, in memory, and with keys of any length: a block's transactions and receipts, an
 * account's storage. The accounts themselves, which do not fit, have another (`state/account-nodes.ts`).
 *
 * Nibble `i` of a key is its i-th hex digit; `depth` is the number of nibbles above a node.
 */
export type TrieNode<V> = Leaf<V> | Extension<V> | Branch<V>

/** A trie by its root: undefined is empty. */
export type Root<V> = TrieNode<V> | undefined

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

export interface Extension<V> {
  readonly kind: 'extension'
  /** A byte string that begins with the path from the root to `to`; nibbles `from` to `to` are the shared ones. */
  readonly path: Key
  readonly from: number
  readonly to: number
  readonly childRef: Key
  readonly child: Branch<V>
}

export interface Branch<V> {
  readonly kind: 'branch'
  /** Its RLP, a byte a character: contiguous, so that a changed copy is hashed without visiting sixteen children. */
  readonly rlp: Key
  /** Bit i: slot i has a child. */
  readonly taken: number
  readonly children: readonly (TrieNode<V> | undefined)[]
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
function childRef<V>({ rlp }: Branch<V>, slot: number): Key {
  const at = itemOffset(rlp, slot)
  const length = itemLength(rlp.charCodeAt(at))
  return length === 33 ? rlp.slice(at + 1, at + 33) : rlp.slice(at, at + length)
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

  extension(path: Key, from: number, to: number, child: Branch<V>, ref: Key): Extension<V> {
    return { kind: 'extension', path, from, to, childRef: ref, child }
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
    return { kind: 'branch', rlp: keyAt(target, 0, rlp.length), taken, children, value }
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
    return { kind: 'branch', rlp: keyAt(this.#scratch, start, at), taken, children, value }
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

/** Bytes that `writePath` writes: one byte, always below 0x80, is its own encoding. */
export function pathItemLength(nibbles: number): number {
  return nibbles < 2 ? 1 : 2 + (nibbles >> 1)
}

/** Hex-prefix encoding (Yellow Paper, appendix C) of the nibbles from `from` on, as an RLP string. */
export function writePath(
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
