import { type Key, writeKey } from '../primitives/bytes.ts'
import type { Branch, Leaf } from './node.ts'

/**
 * The leaves of a stored branch, one after the other, as one byte string: which slots they stand in (2 bytes, bit i for
 * slot i), then slot by slot
 *
 * ```
 * key      the key's bytes from nibble depth + 1 on, the first one whole if that nibble is its low half
 * value    length (2 bytes), bytes
 * ```
 *
 * They stay packed until somebody asks for one: most never are.
 */
const KEY_BYTES = 32

/** Bytes of a leaf's key that are packed below a branch at `depth`. */
function packedKeyStart(depth: number): number {
  return (depth + 1) >> 1
}

/** Packs all leaves of a branch that stands at `depth` to `target`; returns the offset after them. */
export function writePackedLeaves(target: Uint8Array, offset: number, branch: Branch<Key>, depth: number): number {
  const { leaves, packed, children } = branch
  const keyStart = packedKeyStart(depth)
  let at = offset + 2
  target[offset] = leaves >> 8
  target[offset + 1] = leaves & 0xff
  for (let slot = 0; slot < 16; slot++) {
    if (((leaves >> slot) & 1) === 0) continue
    const leaf = children[slot]
    if (leaf?.kind === 'leaf') {
      const rest = leaf.key.slice(keyStart)
      const { value } = leaf
      writeKey(target, rest, at)
      at += rest.length
      target[at++] = value.length >> 8
      target[at++] = value.length & 0xff
      writeKey(target, value, at)
      at += value.length
    } else {
      const [start, end] = entryRange(packed, slot, depth)
      writeKey(target, packed.slice(start, end), at)
      at += end - start
    }
  }
  return at
}

/** Mask of the slots whose leaves `packed` holds. */
export function packedMask(packed: Key): number {
  return (packed.charCodeAt(0) << 8) | packed.charCodeAt(1)
}

/**
 * The leaf in `slot` of a branch at `depth`.
 * @param key  begins with the nibbles that lead there, `slot` included; it is shared if it turns out to be the leaf's.
 */
export function unpackLeaf(branch: Branch<Key>, slot: number, key: Key, depth: number): Leaf<Key> {
  const { packed } = branch
  const [start, end] = entryRange(packed, slot, depth)
  const keyStart = packedKeyStart(depth)
  const valueStart = start + KEY_BYTES - keyStart + 2
  const rest = packed.slice(start, valueStart - 2)
  const whole = key.length === KEY_BYTES && key.slice(keyStart) === rest ? key : key.slice(0, keyStart) + rest
  return { kind: 'leaf', key: whole, value: packed.slice(valueStart, end) }
}

function entryRange(packed: Key, slot: number, depth: number): readonly [start: number, end: number] {
  const mask = packedMask(packed)
  const keyBytes = KEY_BYTES - packedKeyStart(depth)
  let start = 2
  for (let at = 0; ; at++) {
    if (((mask >> at) & 1) === 0) continue
    const lengthAt = start + keyBytes
    const end = lengthAt + 2 + ((packed.charCodeAt(lengthAt) << 8) | packed.charCodeAt(lengthAt + 1))
    if (at >= slot) return [start, end]
    start = end
  }
}

/** Whether `packed` has the form of the leaves below a branch at `depth`. */
export function isPackedFor(packed: Key, depth: number): boolean {
  if (packed.length < 2) return false
  const keyBytes = KEY_BYTES - packedKeyStart(depth)
  let end = 2
  for (let mask = packedMask(packed); mask !== 0; mask &= mask - 1) {
    const lengthAt = end + keyBytes
    if (lengthAt + 2 > packed.length) return false
    end = lengthAt + 2 + ((packed.charCodeAt(lengthAt) << 8) | packed.charCodeAt(lengthAt + 1))
  }
  return end === packed.length
}
