import { DecodeError } from './errors.ts'
import { encodeHeader, type Header, headerFields, readHeader } from './header.ts'
import { encodeRlp, encodeRlpList, RlpReader, rlpHeaderLength, rlpLength } from './rlp.ts'
import { decodeTransaction, type Transaction } from './transaction.ts'

const NO_OMMERS = encodeRlp([])

/** A whole block with its hash. */
export interface Block {
  readonly hash: Uint8Array
  readonly header: Header
  readonly transactions: readonly Transaction[]
  /** `encodeTransactions(transactions)`, kept since it is stored, hashed over and sent on as it is. */
  readonly body: Uint8Array
  /** Length of the block's RLP encoding. */
  readonly sizeBytes: number
}

/** A block as decoded, before anyone has hashed its header. */
export type DecodedBlock = Omit<Block, 'hash'>

/** A transaction as it stands inside a block: legacy ones as lists, typed ones wrapped into a string. */
function blockForm(tx: Transaction): Uint8Array {
  return tx.type === 0 ? tx.raw : encodeRlp(tx.raw)
}

/** The list of transactions as it stands in a block; stored as the block's body. */
export function encodeTransactions(transactions: readonly Transaction[]): Uint8Array {
  return encodeRlpList(transactions.map(blockForm))
}

/** Cost: views into `encoded`, no copies. @throws DecodeError, TxError. */
export function decodeTransactions(encoded: Uint8Array): Transaction[] {
  const reader = new RlpReader(encoded)
  const transactions = readTransactions(reader)
  reader.end()
  return transactions
}

/**
 * The transactions at `places`, ascending; there are fewer where the list ends before the last of them.
 * Cost: skips over all others, about 0.1 µs each.
 */
export function decodeTransactionsAt(encoded: Uint8Array, places: readonly number[]): Transaction[] {
  const list = new RlpReader(encoded).list()
  const transactions: Transaction[] = []
  for (let place = 0; transactions.length < places.length && !list.done(); place++) {
    if (place === places[transactions.length]) transactions.push(readTransaction(list))
    else list.skip()
  }
  return transactions
}

function readTransactions(reader: RlpReader): Transaction[] {
  const list = reader.list()
  const transactions: Transaction[] = []
  while (!list.done()) transactions.push(readTransaction(list))
  return transactions
}

function readTransaction(list: RlpReader): Transaction {
  const legacy = list.atList()
  const raw = legacy ? list.raw() : list.bytes()
  // A string must not smuggle a legacy list in: two encodings of one block.
  if (!legacy && (raw.length === 0 || raw[0]! >= 0xc0)) throw new DecodeError('transaction in a string is not typed')
  return decodeTransaction(raw)
}

/** `rlp([header, transactions, ommers])`. */
export function encodeBlock(block: Pick<Block, 'header' | 'body'>): Uint8Array {
  return encodeRlpList([encodeHeader(block.header), block.body, NO_OMMERS])
}

/** Bytes of `rlp([header, transactions, ommers])`. */
export function blockLength(header: Header, body: Uint8Array): number {
  const payload = rlpLength(headerFields(header)) + body.length + NO_OMMERS.length
  return rlpHeaderLength(payload) + payload
}

/** Ommers must be the empty list. @throws DecodeError, TxError. */
export function decodeBlock(encoded: Uint8Array): DecodedBlock {
  const reader = new RlpReader(encoded)
  const fields = reader.list()
  reader.end()
  const header = readHeader(fields)
  const body = fields.raw()
  const transactions = decodeTransactions(body)
  if (!fields.list().done()) throw new DecodeError('block has ommers')
  fields.end()
  return { header, transactions, body, sizeBytes: encoded.length }
}
