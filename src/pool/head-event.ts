import type { ExecutedBlock } from '../chain/executed-block.ts'
import { keccak256Key } from '../crypto/keccak.ts'
import type { Key } from '../primitives/bytes.ts'
import type { Header } from '../primitives/header.ts'

/**
 * Of `senders` those whose account a block may have changed: who sent, received or mined, or was set by it. Keys are keccak256
 * of addresses.
 */
export function touched(
  { block, transactions }: ExecutedBlock,
  senders: ReadonlyMap<Key, unknown>,
  overridden: (header: Header) => Uint8Array | undefined,
): Set<Key> {
  const keys = new Set<Key>()
  if (senders.size === 0) return keys
  const mark = (accountKey: Key) => {
    if (senders.has(accountKey)) keys.add(accountKey)
  }
  mark(keccak256Key(block.header.miner))
  const address = overridden(block.header)
  if (address !== undefined) mark(keccak256Key(address))
  for (const { senderKey, recipientKey } of transactions) {
    mark(senderKey)
    mark(recipientKey)
  }
  return keys
}
