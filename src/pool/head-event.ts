import type { HeadEvent } from '../chain/types.ts'
import { keccak256Key } from '../crypto/keccak.ts'
import { type Key, toKey } from '../primitives/bytes.ts'
import type { Header } from '../primitives/header.ts'
import type { RecoveredTransaction } from '../primitives/transaction.ts'
import { MAX_RETURNING } from './limits.ts'

/** What is in a block of the chain now that was not before. */
export function minedTransactions({ connected }: HeadEvent): RecoveredTransaction[] {
  return connected.flatMap(({ transactions }) => transactions)
}

/**
 * Disconnected and not connected again, lowest block first: so each sender's come in nonce order.
 * @param earlier  of heads before that could not be followed to the end.
 */
export function returningTransactions(
  { connected, disconnected, rewound }: HeadEvent,
  earlier: readonly RecoveredTransaction[],
): RecoveredTransaction[] {
  const lists = [earlier, ...(rewound ? [] : disconnected.toReversed().map(({ transactions }) => transactions))]
  const returning: RecoveredTransaction[] = []
  if (lists.every(({ length }) => length === 0)) return returning
  const seen = new Set<Key>()
  for (const { transactions } of connected) for (const { hash } of transactions) seen.add(toKey(hash))
  for (const transactions of lists) {
    for (const recovered of transactions) {
      if (returning.length === MAX_RETURNING) return returning
      const key = toKey(recovered.hash)
      if (!seen.has(key)) returning.push(recovered)
      seen.add(key)
    }
  }
  return returning
}

/**
 * Values of `senders` whose account may have changed: who sent, received or mined, or was set by a block. Keys are
 * keccak256 of addresses.
 */
export function touched<Value>(
  { connected, disconnected }: HeadEvent,
  senders: ReadonlyMap<Key, Value>,
  overridden: (header: Header) => Uint8Array | undefined,
): Set<Value> {
  const values = new Set<Value>()
  if (senders.size === 0) return values
  const mark = (accountKey: Key) => {
    const value = senders.get(accountKey)
    if (value !== undefined) values.add(value)
  }
  for (const { block, transactions } of [...connected, ...disconnected]) {
    mark(keccak256Key(block.header.miner))
    const address = overridden(block.header)
    if (address !== undefined) mark(keccak256Key(address))
    for (const { senderKey, recipientKey } of transactions) {
      mark(senderKey)
      mark(recipientKey)
    }
  }
  return values
}
