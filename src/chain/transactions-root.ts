import type { Key } from '../primitives/bytes.ts'
import type { Transaction } from '../primitives/transaction.ts'
import type { ValueCodec } from '../trie/node.ts'
import { orderedRoot } from '../trie/ordered.ts'
import type { Pacer } from '../trie/update.ts'

const rawCodec: ValueCodec<Transaction> = {
  length: ({ raw }) => raw.length,
  write(target, offset, { raw }) {
    target.set(raw, offset)
    return offset + raw.length
  },
}

/** What `transactionsRoot` in the header of a block with these transactions must be: 32 bytes in a Key. */
export function transactionsRoot(transactions: readonly Transaction[], pacer: Pacer): Promise<Key> {
  return orderedRoot(transactions, rawCodec, pacer)
}
