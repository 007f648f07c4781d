import { keccak256Key } from '../crypto/keccak.ts'
import { type Key, writeKey } from '../primitives/bytes.ts'
import { rlpHeaderLength, writeRlpHeader } from '../primitives/rlp.ts'

/**
 * Nodes of a Merkle Patricia trie (Yellow Paper, appendix D), immutable and shared between versions: an update copies
 * the path it changes and leaves every older root whole. That is what makes recent states and forks free.
 *
 * A node that is not in memory is represented by its reference alone (a *stub*: the 32-byte hash as a Key). Putting a
 * node where its stub was, or a stub where a stored node was, changes nothing that a hash could see, so those two
 * replacements are the only writes ever made to a finished node.
 *
 * Nibble `i` of a key is its i-th hex digit; `depth` is the number of nibbles above a node.
 */
export type Child<V> = TrieNode<V> | Key | undefined
export type TrieNode<V> = Leaf<V> | Extension<V> | Branch<V>

/** How a value stands in the trie. */
export interface ValueCodec<V> {
  /** Bytes that `write` writes. */
  length(value: V): number
  /** Returns the offset after the value. */
  write(target: Uint8Array, offset: number, value: V): number
}

/**
 * Its `ref`, as every node's, is what a parent holds: keccak256 of the node's RLP, or the RLP itself if that is shorter
 * than 32 bytes. Leaves are in memory and on disk together with their parent, so no stub ever stands for a leaf, except
 * for one that is the whole trie.
 */
export interface Leaf<V> {
  readonly kind: 'leaf'
  readonly ref: Key
  /** The whole key, not only the part below the parent. */
  readonly key: Key
  readonly value: V
}

/** `stored`: the node is on disk as it is here. `usedAt`: a cache generation, for eviction. */
interface InnerNode {
  readonly ref: Key
  stored: boolean
  usedAt: number
}

export interface Extension<V> extends InnerNode {
  readonly kind: 'extension'
  /** A byte string that begins with the path from the root to `to`; nibbles `from` to `to` are the shared ones. */
  readonly path: Key
  readonly from: number
  readonly to: number
  child: Branch<V> | Key
}

export interface Branch<V> extends InnerNode {
  readonly kind: 'branch'
  readonly children: Child<V>[]
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

const INITIAL_SCRATCH_BYTES = 1024

/** Makes nodes and their references. Holds the buffer in which nodes are encoded, so one factory serves one thread. */
export class NodeFactory<V> {
  readonly #codec: ValueCodec<V>
  #scratch = new Uint8Array(INITIAL_SCRATCH_BYTES)
  /** Stamped on nodes made or touched; whoever evicts advances it. */
  generation = 0

  constructor(codec: ValueCodec<V>) {
    this.#codec = codec
  }

  leaf(key: Key, value: V, depth: number): Leaf<V> {
    const length = this.#encodeLeaf(key, value, depth)
    return { kind: 'leaf', ref: this.#ref(length), key, value }
  }

  extension(path: Key, from: number, to: number, child: Branch<V> | Key): Extension<V> {
    const length = this.#encodeExtension(path, from, to, child)
    return { kind: 'extension', ref: this.#ref(length), stored: false, usedAt: this.generation, path, from, to, child }
  }

  /** Takes `children` over; the caller does not change the array afterwards. */
  branch(children: Child<V>[], value: V | undefined): Branch<V> {
    const length = this.#encodeBranch(children, value)
    return {
      kind: 'branch',
      ref: this.#ref(length),
      stored: false,
      usedAt: this.generation,
      children,
      value,
    }
  }

  /** The node's RLP; `depth` is where it stands. */
  encode(node: TrieNode<V>, depth: number): Uint8Array {
    const length =
      node.kind === 'leaf'
        ? this.#encodeLeaf(node.key, node.value, depth)
        : node.kind === 'extension'
          ? this.#encodeExtension(node.path, node.from, node.to, node.child)
          : this.#encodeBranch(node.children, node.value)
    return this.#scratch.slice(0, length)
  }

  /** 32-byte root hash of the trie under `root`. */
  rootHash(root: Child<V>): Key {
    if (root === undefined) return EMPTY_ROOT
    const ref = typeof root === 'string' ? root : root.ref
    // A root is hashed however short it is; only there can a reference be the node's own RLP.
    if (ref.length === 32) return ref
    const bytes = this.#room(ref.length)
    writeKey(bytes, ref, 0)
    return keccak256Key(bytes.subarray(0, ref.length))
  }

  #room(length: number): Uint8Array {
    if (this.#scratch.length < length) this.#scratch = new Uint8Array(2 * length)
    return this.#scratch
  }

  #ref(length: number): Key {
    const encoded = this.#scratch.subarray(0, length)
    if (length >= 32) return keccak256Key(encoded)
    return String.fromCharCode(...encoded)
  }

  #encodeLeaf(key: Key, value: V, depth: number): number {
    const nibbles = 2 * key.length - depth
    const pathLength = compactItemLength(nibbles)
    const valueLength = this.#codec.length(value)
    // Room for the worst case of the value's own header, then the exact one.
    let target = this.#room(pathLength + valueLength + 20)
    if (valueLength === 1) {
      // A single byte below 0x80 is its own encoding: only now do we know.
      this.#codec.write(target, 0, value)
      const bare = target[0]!
      const payload = pathLength + (bare < 0x80 ? 1 : 2)
      target = this.#room(payload + 10)
      let at = writeRlpHeader(target, 0, payload, 0xc0)
      at = writeCompactPath(target, at, key, depth, nibbles, 0x20)
      if (bare >= 0x80) target[at++] = 0x81
      target[at] = bare
      return at + 1
    }
    const payload = pathLength + rlpHeaderLength(valueLength) + valueLength
    let at = writeRlpHeader(target, 0, payload, 0xc0)
    at = writeCompactPath(target, at, key, depth, nibbles, 0x20)
    at = writeRlpHeader(target, at, valueLength, 0x80)
    return this.#codec.write(target, at, value)
  }

  #encodeExtension(path: Key, from: number, to: number, child: Branch<V> | Key): number {
    const ref = typeof child === 'string' ? child : child.ref
    const pathLength = compactItemLength(to - from)
    const payload = pathLength + (ref.length === 32 ? 33 : ref.length)
    const target = this.#room(payload + 10)
    let at = writeRlpHeader(target, 0, payload, 0xc0)
    at = writeCompactPath(target, at, path, from, to - from, 0)
    return writeRef(target, at, ref)
  }

  #encodeBranch(children: Child<V>[], value: V | undefined): number {
    const valueLength = value === undefined ? 0 : this.#codec.length(value)
    let payload = value === undefined ? 1 : rlpHeaderLength(valueLength) + valueLength
    for (let i = 0; i < 16; i++) {
      const child = children[i]
      if (child === undefined) payload += 1
      else {
        const { length } = typeof child === 'string' ? child : child.ref
        payload += length === 32 ? 33 : length
      }
    }
    const target = this.#room(payload + 10)
    let bare = -1
    if (value !== undefined && valueLength === 1) {
      this.#codec.write(target, 0, value)
      bare = target[0]!
      if (bare < 0x80) payload -= 1
    }
    let at = writeRlpHeader(target, 0, payload, 0xc0)
    for (let i = 0; i < 16; i++) {
      const child = children[i]
      if (child === undefined) target[at++] = 0x80
      else at = writeRef(target, at, typeof child === 'string' ? child : child.ref)
    }
    if (value === undefined) {
      target[at] = 0x80
      return at + 1
    }
    if (bare < 0 || bare >= 0x80) at = writeRlpHeader(target, at, valueLength, 0x80)
    return this.#codec.write(target, at, value)
  }
}

/** keccak256(rlp('')). */
const EMPTY_ROOT: Key = keccak256Key(new Uint8Array([0x80]))

function writeRef(target: Uint8Array, offset: number, ref: Key): number {
  if (ref.length === 32) {
    target[offset] = 0xa0
    writeKey(target, ref, offset + 1)
    return offset + 33
  }
  writeKey(target, ref, offset)
  return offset + ref.length
}

/** Bytes of the RLP string that holds the hex-prefix form of `nibbles` nibbles. */
function compactItemLength(nibbles: number): number {
  const bytes = (nibbles >> 1) + 1
  // One byte, always below 0x80 (its high nibble is the flag), is its own encoding.
  return bytes === 1 ? 1 : rlpHeaderLength(bytes) + bytes
}

/** Hex-prefix encoding (Yellow Paper, appendix C) of the nibbles from `from` on, as an RLP string. */
function writeCompactPath(
  target: Uint8Array,
  offset: number,
  key: Key,
  from: number,
  nibbles: number,
  flag: 0 | 0x20,
): number {
  const bytes = (nibbles >> 1) + 1
  let at = bytes === 1 ? offset : writeRlpHeader(target, offset, bytes, 0x80)
  let next = from
  if ((nibbles & 1) === 1) target[at++] = flag | 0x10 | nibbleAt(key, next++)
  else target[at++] = flag
  const end = from + nibbles
  if ((next & 1) === 0) for (let i = next >> 1; 2 * i < end; i++) target[at++] = key.charCodeAt(i)
  else for (; next < end; next += 2) target[at++] = (nibbleAt(key, next) << 4) | nibbleAt(key, next + 1)
  return at
}
