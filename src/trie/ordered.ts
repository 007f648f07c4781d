import { type Key, toKey } from '../primitives/bytes.ts'
import { encodeRlp } from '../primitives/rlp.ts'
import { NodeFactory, type ValueCodec } from './node.ts'
import { updateTrie } from './update.ts'

/** Values that are byte strings already. */
export const bytesCodec: ValueCodec<Uint8Array> = {
  length: (value) => value.length,
  write(target, offset, value) {
    target.set(value, offset)
    return offset + value.length
  },
}

/** Root, as 32 bytes in a Key, of the trie `rlp(index) → value`: the form of a block's transactions and receipts. */
export function orderedRoot(values: readonly Uint8Array[]): Key {
  const factory = new NodeFactory(bytesCodec)
  const changes = values.map((value, index) => ({ key: toKey(encodeRlp(index)), value }))
  return factory.rootHash(updateTrie(factory, undefined, changes).root)
}
