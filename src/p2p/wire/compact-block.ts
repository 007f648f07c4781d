import { DecodeError } from '../../primitives/errors.ts'
import { encodeHeader, type HashedHeader, type Header } from '../../primitives/header.ts'
import { encodeRlp, encodeRlpList, type RlpReader } from '../../primitives/rlp.ts'
import type { Transaction } from '../../primitives/transaction.ts'
import { readHashedHeader } from './headers.ts'
import { MAX_COMPACT_BLOCK_BYTES, MAX_PREFILLED_BYTES } from './limits.ts'
import { decodeMessage, readItems } from './message.ts'
import { SHORT_ID_BYTES } from './short-id.ts'
import { readTransaction } from './transactions.ts'

/** A block for those who hold most of its transactions already, after BIP 152. */
export interface CompactBlock extends HashedHeader {
  /** 8 bytes, the sender's choice; part of the key of the short ids. */
  readonly nonce: Uint8Array
  /** 8 bytes for each transaction that is not prefilled, in the block's order. */
  readonly shortIds: Uint8Array
  /** Rising by index; at most MAX_PREFILLED_BYTES together. */
  readonly prefilled: readonly PrefilledTransaction[]
}

export interface PrefilledTransaction {
  /** Place in the block, from 0. */
  readonly index: number
  readonly transaction: Transaction
}

/** What `encodeCompactBlock` needs of a CompactBlock; transactions as their `raw`. */
export interface CompactBlockParts {
  readonly header: Header
  readonly nonce: Uint8Array
  readonly shortIds: Uint8Array
  readonly prefilled: readonly { readonly index: number; readonly raw: Uint8Array }[]
}

/** Transactions of the block. */
export function compactBlockLength({ shortIds, prefilled }: Pick<CompactBlock, 'shortIds' | 'prefilled'>): number {
  return shortIds.length / SHORT_ID_BYTES + prefilled.length
}

export function encodeCompactBlock({ header, nonce, shortIds, prefilled }: CompactBlockParts): Uint8Array {
  return encodeRlpList([
    encodeHeader(header),
    encodeRlp(nonce),
    encodeRlp(shortIds),
    encodeRlp(prefilled.map(({ index, raw }) => [index, raw])),
  ])
}

/**
 * Checks form only: the header's work, which covers neither nonce nor ids, is the receiver's to check first.
 * @throws DecodeError
 */
export function decodeCompactBlock(bytes: Uint8Array): CompactBlock {
  return decodeMessage(bytes, MAX_COMPACT_BLOCK_BYTES, (fields) => {
    const hashed = readHashedHeader(fields)
    const nonce = fields.fixed(8, 'nonce').slice()
    const shortIds = fields.bytes().slice()
    if (shortIds.length % SHORT_ID_BYTES !== 0) throw new DecodeError(`short ids of ${shortIds.length} bytes`)
    const prefilled = readPrefilled(fields.list(), shortIds.length / SHORT_ID_BYTES)
    return { ...hashed, nonce, shortIds, prefilled }
  })
}

/** @param ids  number of short ids: with the transactions before it they must reach each one's place. */
function readPrefilled(list: RlpReader, ids: number): PrefilledTransaction[] {
  let last = -1
  let sizeBytes = 0
  let count = 0
  return readItems(list, MAX_PREFILLED_BYTES, (reader) => {
    const item = reader.list()
    const index = item.number('index')
    if (index <= last) throw new DecodeError(`index ${index} after ${last}`)
    if (index > ids + count) throw new DecodeError(`index ${index} among ${ids + count + 1} transactions`)
    const transaction = readTransaction(item)
    item.end()
    sizeBytes += transaction.raw.length
    if (sizeBytes > MAX_PREFILLED_BYTES) throw new DecodeError(`more than ${MAX_PREFILLED_BYTES} bytes prefilled`)
    last = index
    count++
    return { index, transaction }
  })
}
