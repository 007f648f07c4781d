import { transactionHash } from '../crypto/hashes.ts'
import { withSender } from '../crypto/sender.ts'
import { type Block, blockLength, decodeTransactions, decodeTransactionsAt } from '../primitives/block.ts'
import { equalBytes, type Key, uint64ToBytes } from '../primitives/bytes.ts'
import { DecodeError, TxError } from '../primitives/errors.ts'
import { headerFields, readHeader } from '../primitives/header.ts'
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
import { decodeHistoryNode, encodeHistoryNode, type HistoryNode, type PlacedNode } from './history.ts'
import type { ExecutedBlock, Head, TransactionLocation } from './types.ts'

/** Index records between two looks at the clock, about a millisecond. */
const PACED_RECORDS = 256

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
   * Transactions of an executed block by their places, ascending, which it must have; undefined: it is not there or not
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
    const location = intact('transaction index', () => {
      const fields = new RlpReader(record).list()
      return { blockNumber: fields.number('number'), index: fields.number('index') }
    })
    // Entries of blocks that a reorg has left behind stay: whether they still hold is seen in the block itself.
    const blockHash = this.canonicalHash(location.blockNumber)
    const body = blockHash && this.body(blockHash)
    if (blockHash === undefined || body === undefined) return undefined
    const [tx] = intact('body', () => decodeTransactionsAt(body, [location.index]))
    return tx !== undefined && equalBytes(transactionHash(tx), hash) ? { ...location, blockHash } : undefined
  }

  /**
   * Transactions from or to an address, block by block: newest first below `before`, or oldest first above `after`.
   * Cost: one record a block that touches the address.
   */
  async *addressHistory(
    address: Uint8Array,
    from: { readonly before: number } | { readonly after: number },
  ): AsyncGenerator<TransactionLocation[]> {
    const whole = rangeOf('address', address)
    const reverse = 'before' in from
    const range =
      'before' in from
        ? { gte: whole.gte, lt: keys.address(address, from.before) }
        : { gte: keys.address(address, from.after + 1), lt: whole.lt }
    for await (const [key, value] of this.#database.entries(range, { reverse })) {
      const blockNumber = Number(new DataView(key.buffer, key.byteOffset + 21, 8).getBigUint64(0))
      const indexes = readIndexes(value)
      const ordered = reverse ? indexes.reverse() : indexes
      yield ordered.map((index) => ({ blockNumber, index }))
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

  /** Makes an executed block part of the canonical chain; lets other work of the thread run in between. */
  async putCanonical(
    batch: Pick<WriteBatch, 'put'>,
    { block, transactions }: ExecutedBlock,
    historyNodes: readonly PlacedNode[],
    pacer: Pacer,
  ): Promise<void> {
    const { number } = block.header
    batch.put(keys.canonical(number), block.hash)
    for (const { height, index, node } of historyNodes) {
      batch.put(keys.historyNode(height, index), encodeHistoryNode(node))
    }
    for (let index = 0; index < transactions.length; index++) {
      batch.put(keys.transaction(transactions[index]!.hash), encodeRlpNumbers([number, index]))
      if (index % PACED_RECORDS === 0) await pacer.pause()
    }
    let written = 0
    for (const { address, indexes } of byAddress(transactions)) {
      batch.put(keys.address(address, number), encodeRlpNumbers(indexes))
      if (++written % PACED_RECORDS === 0) await pacer.pause()
    }
  }

  /** Takes an executed block out of the canonical chain. What a later block will overwrite is left. */
  deleteCanonical(batch: WriteBatch, { block, transactions }: ExecutedBlock): void {
    const { number } = block.header
    batch.delete(keys.canonical(number))
    for (const { address } of byAddress(transactions)) batch.delete(keys.address(address, number))
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

interface AddressEntry {
  readonly address: Uint8Array
  readonly indexes: number[]
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

function readIndexes(value: Uint8Array): number[] {
  return intact('address index', () => {
    const list = new RlpReader(value).list()
    const indexes: number[] = []
    while (!list.done()) indexes.push(list.number('index'))
    return indexes
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
