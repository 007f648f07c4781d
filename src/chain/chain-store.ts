import { transactionHash } from '../crypto/hashes.ts'
import { withSender } from '../crypto/sender.ts'
import { type Block, blockLength, decodeTransactions, decodeTransactionsAt } from '../primitives/block.ts'
import { equalBytes, type Key, uint64ToBytes } from '../primitives/bytes.ts'
import { DecodeError, TxError } from '../primitives/errors.ts'
import { type HashedHeader, headerFields, readHeader } from '../primitives/header.ts'
import {
  decodeStoredReceipts,
  decodeStoredReceiptsAt,
  encodeStoredReceipt,
  type PlacedReceipt,
} from '../primitives/receipt.ts'
import { encodeRlp, encodeRlpList, encodeRlpNumbers, RlpReader } from '../primitives/rlp.ts'
import type { RecoveredTransaction } from '../primitives/transaction.ts'
import { type Database, damaged, type WriteBatch } from '../store/database.ts'
import { keys, rangeOf } from '../store/schema.ts'
import type { Pacer } from '../trie/update.ts'
import { AccountJournal, type AccountStep, encodeSteps } from './account-journal.ts'
import type { ExecutedBlock } from './executed-block.ts'
import { decodeHistoryNode, encodeHistoryNode, type HistoryNode, type PlacedNode } from './history.ts'
import type { Head, TransactionLocation } from './types.ts'

/** Index records between two looks at the clock, about a millisecond; and so many are read at once where they are merged. */
const PACED_RECORDS = 256
/** Places of a transaction that its record may name without a look at which of them holds. */
const MAX_PLACES = 2

/**
 * Records of blocks and of what leads to them; the layout is `store/schema.ts`. Reads are synchronous, a few µs each
 * plus decoding. Anything that cannot be decoded is damage, and throws StoreError.
 */
export class ChainStore {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  header(hash: Uint8Array): Head | undefined {
    const record = this.#database.get(keys.header(hash))
    if (record === undefined) return undefined
    return intact('header', () => {
      const fields = new RlpReader(record).list()
      return { hash: hash.slice(), header: readHeader(fields), totalDifficulty: fields.bigint(64, 'totalDifficulty') }
    })
  }

  body(hash: Uint8Array): Uint8Array | undefined {
    return this.#database.get(keys.body(hash))
  }

  block(hash: Uint8Array): Block | undefined {
    const head = this.header(hash)
    const body = this.body(hash)
    if (head === undefined || body === undefined) return undefined
    return intact('body', () => ({
      hash: head.hash,
      header: head.header,
      transactions: decodeTransactions(body),
      body,
      sizeBytes: blockLength(head.header, body),
    }))
  }

  /** True once the block has been executed and found valid. */
  isExecuted(hash: Uint8Array): boolean {
    return this.#database.get(keys.execution(hash)) !== undefined
  }

  /** The block with receipts and senders; undefined unless it is there and executed. */
  executed(hash: Uint8Array): ExecutedBlock | undefined {
    const record = this.#database.get(keys.execution(hash))
    const block = record === undefined ? undefined : this.block(hash)
    if (record === undefined || block === undefined) return undefined
    return intact('execution', () => {
      const fields = new RlpReader(record).list()
      const types = block.transactions.map(({ type }) => type)
      const receipts = decodeStoredReceipts(fields.raw(), types)
      const senders = fields.bytes()
      const transactions = block.transactions.map((tx, i) => withSender(tx, senders.subarray(20 * i, 20 * i + 20)))
      return { block, transactions, receipts }
    })
  }

  /**
   * Transactions of an executed block by their places, ascending; those it has. undefined: it is not there or not
   * executed. Cost: the rest of the block is not decoded.
   */
  transactionsAt(hash: Uint8Array, places: readonly number[]): RecoveredTransaction[] | undefined {
    const record = this.#database.get(keys.execution(hash))
    const body = record === undefined ? undefined : this.body(hash)
    if (record === undefined || body === undefined) return undefined
    return intact('execution', () => {
      const fields = new RlpReader(record).list()
      fields.skip()
      const senders = fields.bytes()
      return decodeTransactionsAt(body, places).map((tx, i) => {
        const at = 20 * places[i]!
        return withSender(tx, senders.subarray(at, at + 20))
      })
    })
  }

  /** The same of receipts; `types` are those of the transactions at these places. */
  receiptsAt(hash: Uint8Array, places: readonly number[], types: readonly (0 | 1 | 2)[]): PlacedReceipt[] | undefined {
    const record = this.#database.get(keys.execution(hash))
    if (record === undefined) return undefined
    return intact('execution', () => decodeStoredReceiptsAt(new RlpReader(record).list().raw(), places, types))
  }

  journal(number: number, hash: Uint8Array): AccountJournal | undefined {
    const record = this.#database.get(keys.journal(number, hash))
    return record === undefined ? undefined : intact('journal', () => new AccountJournal(record))
  }

  canonicalHash(number: number): Uint8Array | undefined {
    return this.#database.get(keys.canonical(number))
  }

  headHash(): Uint8Array | undefined {
    return this.#database.get(keys.meta('head'))
  }

  historyNode(height: number, index: number): HistoryNode | undefined {
    const record = this.#database.get(keys.historyNode(height, index))
    return record === undefined ? undefined : intact('history node', () => decodeHistoryNode(record))
  }

  /** Where a transaction is; only positions in the canonical chain count. */
  transactionLocation(hash: Uint8Array): (TransactionLocation & { readonly blockHash: Uint8Array }) | undefined {
    const record = this.#database.get(keys.transaction(hash))
    if (record === undefined) return undefined
    const numbers = readNumbers('transaction index', record)
    for (let i = 0; i + 1 < numbers.length; i += 2) {
      const [blockNumber, index] = [numbers[i]!, numbers[i + 1]!]
      // There may be places in blocks that a reorg has left behind: whether one holds is seen in the block itself.
      const blockHash = this.canonicalHash(blockNumber)
      const body = blockHash && this.body(blockHash)
      if (blockHash === undefined || body === undefined) continue
      const [tx] = intact('body', () => decodeTransactionsAt(body, [index]))
      if (tx !== undefined && equalBytes(transactionHash(tx), hash)) return { blockNumber, index, blockHash }
    }
    return undefined
  }

  /**
   * Canonical transactions from or to an address, block by block: newest first below `before`, or oldest first above `after`.
   * Cost: three records a block that touches the address.
   */
  async *addressHistory(
    address: Uint8Array,
    from: { readonly before: number } | { readonly after: number },
  ): AsyncGenerator<AddressTransactions> {
    const whole = rangeOf('address', address)
    const reverse = 'before' in from
    const range =
      'before' in from
        ? { gte: whole.gte, lt: keys.address(address, from.before) }
        : { gte: keys.address(address, from.after + 1), lt: whole.lt }
    for await (const [key, value] of this.#database.entries(range, { reverse })) {
      const blockNumber = Number(new DataView(key.buffer, key.byteOffset + 21, 8).getBigUint64(0))
      const blockHash = this.canonicalHash(blockNumber)
      const indexes = readNumbers('address index', value)
      const found = (blockHash && this.transactionsAt(blockHash, indexes)) ?? []
      // There may be places in a block that a reorg has left behind.
      const own = found
        .map((transaction, i) => ({ ...transaction, index: indexes[i]! }))
        .filter(({ tx, sender }) => [sender, tx.to].some((party) => party && equalBytes(party, address)))
      if (blockHash === undefined || own.length === 0) continue
      yield { blockNumber, blockHash, transactions: reverse ? own.reverse() : own }
    }
  }

  putBlock(batch: WriteBatch, block: Block, totalDifficulty: bigint): void {
    batch.put(keys.header(block.hash), encodeRlp([headerFields(block.header), totalDifficulty]))
    batch.put(keys.body(block.hash), block.body)
  }

  /** What executing a block established; lets other work of the thread run in between. */
  async putExecution(
    batch: WriteBatch,
    { block, transactions, receipts }: ExecutedBlock,
    steps: readonly AccountStep[],
    pacer: Pacer,
  ): Promise<void> {
    const senders = new Uint8Array(20 * transactions.length)
    const items: Uint8Array[] = []
    for (let i = 0; i < transactions.length; i++) {
      senders.set(transactions[i]!.sender, 20 * i)
      items.push(encodeStoredReceipt(receipts[i]!))
      if (i % PACED_RECORDS === 0) await pacer.pause()
    }
    batch.put(keys.execution(block.hash), encodeRlpList([encodeRlpList(items), encodeRlp(senders)]))
    await pacer.pause()
    batch.put(keys.journal(block.header.number, block.hash), encodeSteps(steps))
  }

  /** Makes an executed block part of the canonical chain; where its transactions are `putIndexes` says. */
  putCanonical(
    batch: Pick<WriteBatch, 'put'>,
    { hash, header }: HashedHeader,
    historyNodes: readonly PlacedNode[],
  ): void {
    batch.put(keys.canonical(header.number), hash)
    for (const { height, index, node } of historyNodes) {
      batch.put(keys.historyNode(height, index), encodeHistoryNode(node))
    }
  }

  /** Where an executed block's transactions are, by hash and by address; lets other work of the thread run in between. */
  async putIndexes(batch: Pick<WriteBatch, 'put'>, executed: ExecutedBlock, pacer: Pacer): Promise<void> {
    let written = 0
    for (const { key, numbers } of indexEntries(executed)) {
      batch.put(key, encodeRlpNumbers(numbers))
      if (++written % PACED_RECORDS === 0) await pacer.pause()
    }
  }

  /**
   * The same for a block that is about to take the place of others: what the indexes hold stays beside what is new. So
   * whoever reads finds what the canonical chain has, before the change and after it.
   */
  async mergeIndexes(batch: Pick<WriteBatch, 'put'>, executed: ExecutedBlock, pacer: Pacer): Promise<void> {
    const entries = indexEntries(executed)
    for (let taken = takeFrom(entries); taken.length > 0; taken = takeFrom(entries)) {
      const records = await this.#database.getMany(taken.map(({ key }) => key))
      for (const [i, { table, key, numbers }] of taken.entries()) {
        const held = records[i] === undefined ? [] : readNumbers(table, records[i])
        const merged = table === 'address' ? unionOf(held, numbers) : this.#placesOf(key.subarray(1), held, numbers)
        batch.put(key, encodeRlpNumbers(merged))
      }
      await pacer.pause()
    }
  }

  /** Where a transaction is about to be, and where it was: in the canonical chain only, if it has been in many places. */
  #placesOf(hash: Uint8Array, held: readonly number[], [number, index]: readonly number[]): number[] {
    const places = [number!, index!]
    for (let i = 0; i + 1 < held.length; i += 2) {
      if (held[i] !== number || held[i + 1] !== index) places.push(held[i]!, held[i + 1]!)
    }
    if (places.length <= 2 * MAX_PLACES) return places
    const now = this.transactionLocation(hash)
    return now === undefined ? places.slice(0, 2) : [number!, index!, now.blockNumber, now.index]
  }

  /** The canonical chain ends below `number`. */
  deleteCanonical(batch: WriteBatch, number: number): void {
    batch.delete(keys.canonical(number))
  }

  /** Forgets a block that is not canonical any more, as if it had never come. */
  deleteBlock(batch: WriteBatch, { hash, number }: { readonly hash: Uint8Array; readonly number: number }): void {
    for (const table of ['header', 'body', 'execution'] as const) batch.delete(keys[table](hash))
    batch.delete(keys.journal(number, hash))
  }

  /** Executed blocks from a height on, on all branches, as far back as journals are kept. */
  async *journalled(from: number): AsyncGenerator<{ readonly hash: Uint8Array; readonly number: number }> {
    const whole = rangeOf('journal')
    const range = { gte: rangeOf('journal', uint64ToBytes(from)).gte, lt: whole.lt }
    for await (const [key] of this.#database.entries(range)) {
      const number = Number(new DataView(key.buffer, key.byteOffset + 1, 8).getBigUint64(0))
      yield { hash: key.slice(9), number }
    }
  }

  putHead(batch: WriteBatch, hash: Uint8Array): void {
    batch.put(keys.meta('head'), hash)
  }

  /** Forgets journals of all blocks below a number, side branches included. */
  async pruneJournals(below: number): Promise<void> {
    const { gte } = rangeOf('journal')
    await this.#database.clear({ gte, lt: rangeOf('journal', uint64ToBytes(below)).gte })
  }
}

/** An address's transactions in one canonical block, in the order asked for. */
export interface AddressTransactions {
  readonly blockNumber: number
  readonly blockHash: Uint8Array
  readonly transactions: readonly (RecoveredTransaction & { readonly index: number })[]
}

interface AddressEntry {
  readonly address: Uint8Array
  readonly indexes: number[]
}

/** A record of the transaction or address index. */
interface IndexRecord {
  readonly table: 'transaction' | 'address'
  readonly key: Uint8Array
  readonly numbers: readonly number[]
}

/** What the indexes say of a block that no other has stood in the place of. */
function* indexEntries({ block, transactions }: ExecutedBlock): Generator<IndexRecord> {
  const { number } = block.header
  for (const [index, { hash }] of transactions.entries()) {
    yield { table: 'transaction', key: keys.transaction(hash), numbers: [number, index] }
  }
  for (const { address, indexes } of byAddress(transactions)) {
    yield { table: 'address', key: keys.address(address, number), numbers: indexes }
  }
}

/** The next of them, as many as are read at once. */
function takeFrom(entries: Iterator<IndexRecord>): IndexRecord[] {
  const taken: IndexRecord[] = []
  while (taken.length < PACED_RECORDS) {
    const { done, value } = entries.next()
    if (done) break
    taken.push(value)
  }
  return taken
}

/** Whether a record says of a block what `wanted` does; it may say more. */
export function indexCovers(table: 'transaction' | 'address', found: Uint8Array, wanted: Uint8Array): boolean {
  const [held, needed] = [readNumbers(table, found), readNumbers(table, wanted)]
  if (table === 'address') return needed.every((index) => held.includes(index))
  return held.some((number, i) => i % 2 === 0 && number === needed[0] && held[i + 1] === needed[1])
}

/** Ascending, each once. */
function unionOf(one: readonly number[], other: readonly number[]): number[] {
  return [...new Set([...one, ...other])].sort((a, b) => a - b)
}

/** Each address that a block's transactions are from or to, once, with their indexes in order. */
function byAddress(transactions: readonly RecoveredTransaction[]): Iterable<AddressEntry> {
  const entries = new Map<Key, AddressEntry>()
  const note = (key: Key, address: Uint8Array, index: number) => {
    const entry = entries.get(key)
    if (entry === undefined) entries.set(key, { address, indexes: [index] })
    else if (entry.indexes.at(-1) !== index) entry.indexes.push(index)
  }
  transactions.forEach(({ tx, sender, senderKey, recipientKey }, index) => {
    note(senderKey, sender, index)
    if (tx.to !== undefined) note(recipientKey, tx.to, index)
  })
  return entries.values()
}

function readNumbers(what: string, value: Uint8Array): number[] {
  return intact(what, () => {
    const list = new RlpReader(value).list()
    const numbers: number[] = []
    while (!list.done()) numbers.push(list.number(what))
    return numbers
  })
}

/** Runs a decoder over a record of our own: what it cannot read was not written so. */
function intact<T>(what: string, decode: () => T): T {
  try {
    return decode()
  } catch (error) {
    if (error instanceof DecodeError || error instanceof TxError) throw damaged(`a ${what} record is malformed`)
    throw error
  }
}
