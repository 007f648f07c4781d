import { HashBatch } from '../crypto/hash-batch.ts'
import { keccak256 } from '../crypto/keccak.ts'
import { type Key, toKey } from '../primitives/bytes.ts'
import { rlpHeaderLength, writeRlpHeader } from '../primitives/rlp.ts'
import { divergence, nibbleAt, pathItemLength, type ValueCodec, writePath } from './node.ts'
import type { Pacer } from './update.ts'

const DIGEST_BYTES = 32
/** A branch with sixteen children: header, their hashes, no value. */
const MAX_NODE_BYTES = 3 + 16 * 33 + 1
/** From this length on a value makes its leaf, and every node above, longer than what a parent holds instead of a hash. */
export const MIN_HASHED_BYTES = DIGEST_BYTES

/** Between two pauses it is one caller's. */
const leaves = new HashBatch()

/**
 * Root of the trie in which each of `keys` has the value at its place, without making its nodes: all leaves are hashed,
 * many at a call, then the few nodes above them.
 *
 * @param keys  at least two, ascending, none the beginning of another. @param lengths  of the values, each at least
 *   MIN_HASHED_BYTES. Cost: some 0.4 µs a value and its hash.
 */
export async function rootOfLongValues<V>(
  keys: readonly Key[],
  values: readonly V[],
  lengths: Uint32Array,
  codec: ValueCodec<V>,
  pacer: Pacer,
): Promise<Key> {
  const hashes = new Uint8Array(DIGEST_BYTES * keys.length)
  let hashed = 0
  let divergedBefore = 0
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!
    const next = keys[i + 1]
    const divergedAfter = next === undefined ? 0 : divergence(key, next, 0, 2 * key.length)
    // A leaf hangs from the deepest branch that it shares with a neighbour.
    const depth = Math.max(divergedBefore, divergedAfter) + 1
    divergedBefore = divergedAfter
    const path = pathItemLength(2 * key.length - depth)
    const length = lengths[i]!
    const payload = path + rlpHeaderLength(length) + length
    const leafLength = rlpHeaderLength(payload) + payload
    if (leaves.isFullFor(leafLength)) {
      leaves.run(hashes, DIGEST_BYTES * hashed)
      hashed = i
      const pause = pacer.pause()
      if (pause !== undefined) await pause
    }
    try {
      writeLeaf(leaves.reserve(leafLength), key, depth, payload, values[i]!, length, codec)
    } catch (error) {
      // Whoever comes next would get the hashes of these leaves for its own.
      leaves.discard()
      throw error
    }
  }
  leaves.run(hashes, DIGEST_BYTES * hashed)
  return toKey(new InnerNodes(keys, hashes).hash(0, keys.length, 0))
}

function writeLeaf<V>(
  start: number,
  key: Key,
  depth: number,
  payload: number,
  value: V,
  length: number,
  codec: ValueCodec<V>,
): void {
  const { bytes } = leaves
  let at = writeRlpHeader(bytes, start, payload, 0xc0)
  at = writePath(bytes, at, key, depth, 2 * key.length - depth, 0x20)
  codec.write(bytes, writeRlpHeader(bytes, at, length, 0x80), value)
}

/** What stands above leaves whose hashes are known: some fifteen times fewer nodes. */
class InnerNodes {
  readonly #keys: readonly Key[]
  readonly #leafHashes: Uint8Array

  constructor(keys: readonly Key[], leafHashes: Uint8Array) {
    this.#keys = keys
    this.#leafHashes = leafHashes
  }

  /** Hash of the node at `depth` of the keys `[lo, hi)`, which agree above it. */
  hash(lo: number, hi: number, depth: number): Uint8Array {
    if (hi - lo === 1) return this.#leafHashes.subarray(DIGEST_BYTES * lo, DIGEST_BYTES * hi)
    const first = this.#keys[lo]!
    const fork = divergence(first, this.#keys[hi - 1]!, depth, 2 * first.length)
    const branch = this.#hashBranch(lo, hi, fork)
    return fork === depth ? branch : this.#hashExtension(first, depth, fork, branch)
  }

  #hashBranch(lo: number, hi: number, depth: number): Uint8Array {
    const node = new Uint8Array(MAX_NODE_BYTES)
    // Behind the longest header: how long it is shows at the end.
    let at = 3
    let from = lo
    for (let slot = 0; slot < 16; slot++) {
      let to = from
      while (to < hi && nibbleAt(this.#keys[to]!, depth) === slot) to++
      if (to === from) node[at++] = 0x80
      else {
        node[at] = 0xa0
        node.set(this.hash(from, to, depth + 1), at + 1)
        at += 1 + DIGEST_BYTES
      }
      from = to
    }
    node[at++] = 0x80
    const start = 3 - rlpHeaderLength(at - 3)
    writeRlpHeader(node, start, at - 3, 0xc0)
    return keccak256(node.subarray(start, at))
  }

  #hashExtension(path: Key, from: number, to: number, child: Uint8Array): Uint8Array {
    const payload = pathItemLength(to - from) + 1 + DIGEST_BYTES
    const node = new Uint8Array(rlpHeaderLength(payload) + payload)
    const at = writePath(node, writeRlpHeader(node, 0, payload, 0xc0), path, from, to - from, 0)
    node[at] = 0xa0
    node.set(child, at + 1)
    return keccak256(node)
  }
}
