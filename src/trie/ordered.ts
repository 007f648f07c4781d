import { type Key, toKey } from '../primitives/bytes.ts'
import { encodeRlp } from '../primitives/rlp.ts'
import { NodeFactory, type ValueCodec } from './node.ts'
import { MIN_HASHED_BYTES, rootOfLongValues } from './ordered-root.ts'
import { proveKey, verifyProof } from './proof.ts'
import { type Pacer, updateTriePaced } from './update.ts'

/** Values that are byte strings already. */
export const bytesCodec: ValueCodec<Uint8Array> = {
  length: (value) => value.length,
  write(target, offset, value) {
    target.set(value, offset)
    return offset + value.length
  },
}

/**
 * Root, as 32 bytes in a Key, of the trie `rlp(index) → value`: the form of a block's transactions and receipts. Lets other
 * work of the thread run in between.
 */
export async function orderedRoot<V>(values: readonly V[], codec: ValueCodec<V>, pacer: Pacer): Promise<Key> {
  const lengths = new Uint32Array(values.length)
  let shortest = Number.POSITIVE_INFINITY
  for (let i = 0; i < values.length; i++) {
    lengths[i] = codec.length(values[i]!)
    shortest = Math.min(shortest, lengths[i]!)
  }
  if (values.length < 2 || shortest < MIN_HASHED_BYTES) {
    const factory = new NodeFactory(codec)
    return factory.rootHash(await updateTriePaced(factory, undefined, ordered(values), pacer))
  }
  const order = keyOrder(values.length)
  return rootOfLongValues(
    order.map(indexKey),
    order.map((index) => values[index]!),
    Uint32Array.from(order, (index) => lengths[index]!),
    codec,
    pacer,
  )
}

/** Indexes below `count` in the order of their keys: zero stands behind all of one byte. */
function keyOrder(count: number): number[] {
  const order = Array.from({ length: count }, (_, index) => index)
  order.splice(Math.min(0x80, count), 0, 0)
  order.shift()
  return order
}

/** rlp(index), without an array in between: there are thousands. */
function indexKey(index: number): Key {
  if (index === 0) return '\x80'
  if (index < 0x80) return String.fromCharCode(index)
  if (index < 0x100) return String.fromCharCode(0x81, index)
  if (index < 0x1_0000) return String.fromCharCode(0x82, index >> 8, index & 0xff)
  return toKey(encodeRlp(index))
}

/**
 * The trie that `orderedRoot` gives the root of, to prove values with. Cost: as the root.
 * @returns the proof of the value at a place, of which there is one. Cost: a walk.
 */
export async function orderedProver<V>(
  values: readonly V[],
  codec: ValueCodec<V>,
  pacer: Pacer,
): Promise<(place: number) => Uint8Array[]> {
  const factory = new NodeFactory(codec)
  const root = await updateTriePaced(factory, undefined, ordered(values), pacer)
  return (place) => proveKey(factory, root, indexKey(place))
}

/**
 * The value at a place of the trie with this root; undefined: the trie ends before it.
 * @param root  32 bytes in a Key. @throws DecodeError if the proof does not show that. Cost: one hash a node.
 */
export function verifyOrdered(root: Key, place: number, proof: readonly Uint8Array[]): Uint8Array | undefined {
  return verifyProof(root, indexKey(place), proof)
}

function ordered<V>(values: readonly V[]) {
  return values.map((value, index) => ({ key: indexKey(index), value }))
}
