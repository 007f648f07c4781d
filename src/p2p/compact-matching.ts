import { transactionHash } from '../crypto/hashes.ts'
import { equalBytes, toKey } from '../primitives/bytes.ts'
import type { Header } from '../primitives/header.ts'
import type { RecoveredTransaction, Transaction } from '../primitives/transaction.ts'
import { type CompactBlock, compactBlockLength, encodeCompactBlock } from './wire/compact-block.ts'
import { MAX_PREFILLED_BYTES } from './wire/limits.ts'
import { SHORT_ID_BYTES, ShortIds, shortIdNumber } from './wire/short-id.ts'

/** A transaction that is at hand, with its hash. */
export interface KnownTransaction {
  readonly hash: Uint8Array
  readonly tx: Transaction
}

/**
 * For each place of the block, the transaction that belongs there, as far as it is prefilled or among `known`. Where an id
 * fits two of them the place stays empty.
 * Cost: half a microsecond for each of `known`, until all are found.
 */
export function matchTransactions(
  compact: CompactBlock,
  known: Iterable<KnownTransaction>,
): (Transaction | undefined)[] {
  const length = compactBlockLength(compact)
  const found: (Transaction | undefined)[] = new Array(length).fill(undefined)
  for (const { index, transaction } of compact.prefilled) found[index] = transaction
  const places = new Map<number, number>()
  let id = 0
  for (let index = 0; index < length; index++) {
    if (found[index] === undefined) places.set(shortIdNumber(compact.shortIds, id++), index)
  }
  let lacking = places.size
  if (lacking === 0) return found
  const ids = new ShortIds(compact.hash, compact.nonce)
  const taken = new Map<number, string>()
  for (const { hash, tx } of known) {
    const index = places.get(ids.number(hash))
    if (index === undefined) continue
    const before = taken.get(index)
    if (before === undefined) {
      taken.set(index, toKey(hash))
      found[index] = tx
      if (--lacking === 0) break
    } else if (before !== toKey(hash)) found[index] = undefined
  }
  return found
}

/** Whether `compact` is a compact form of the block with these transactions: whoever made it up is its sender. */
export function describesBlock(compact: CompactBlock, transactions: readonly Transaction[]): boolean {
  if (compactBlockLength(compact) !== transactions.length) return false
  const prefilled = new Map(compact.prefilled.map(({ index, transaction }) => [index, transaction]))
  const ids = new ShortIds(compact.hash, compact.nonce)
  const expected = new Uint8Array(compact.shortIds.length)
  let offset = 0
  for (const [index, transaction] of transactions.entries()) {
    const given = prefilled.get(index)
    if (given !== undefined) {
      if (!equalBytes(given.raw, transaction.raw)) return false
      continue
    }
    ids.write(transactionHash(transaction), expected, offset)
    offset += SHORT_ID_BYTES
  }
  return equalBytes(expected, compact.shortIds)
}

/**
 * What the `block` topic carries for a block of ours.
 * @param nonce  8 random bytes.
 * @param lacking  whether peers are likely not to have a transaction: it is sent along, as far as there is room.
 */
export function compactForm(
  { hash, header }: { readonly hash: Uint8Array; readonly header: Header },
  transactions: readonly RecoveredTransaction[],
  nonce: Uint8Array,
  lacking: (transaction: RecoveredTransaction) => boolean,
): Uint8Array {
  let room = MAX_PREFILLED_BYTES
  const prefilled: { readonly index: number; readonly raw: Uint8Array }[] = []
  const ids = new ShortIds(hash, nonce)
  const shortIds = new Uint8Array(transactions.length * SHORT_ID_BYTES)
  let offset = 0
  for (const [index, transaction] of transactions.entries()) {
    const { raw } = transaction.tx
    if (raw.length <= room && lacking(transaction)) {
      prefilled.push({ index, raw })
      room -= raw.length
      continue
    }
    ids.write(transaction.hash, shortIds, offset)
    offset += SHORT_ID_BYTES
  }
  return encodeCompactBlock({ header, nonce, shortIds: shortIds.subarray(0, offset), prefilled })
}
