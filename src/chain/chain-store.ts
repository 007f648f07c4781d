import { transactionHash } from '../crypto/hashes.ts'
import { keccak256 } from '../crypto/keccak.ts'
import { withSender } from '../crypto/sender.ts'
import { type Block, blockLength, decodeTransactions, decodeTransactionsAt } from '../primitives/block.ts'
import { equalBytes, uint64ToBytes } from '../primitives/bytes.ts'
import { DecodeError, TxError } from '../primitives/errors.ts'
import { type HashedHeader, headerFields, readHeader } from '../primitives/header.ts'
import {
  decodeStoredReceipts,
  decodeStoredReceiptsAt,
  encodeStoredReceipt,
  type PlacedReceipt,
} from '../primitives/receipt.ts'
import { encodeRlp, encodeRlpList, RlpReader } from '../primitives/rlp.ts'
import type { RecoveredTransaction } from '../primitives/transaction.ts'
import { type Database, damaged, type WriteBatch } from '../store/database.ts'
import { keys, rangeOf } from '../store/schema.ts'
import type { Pacer } from '../trie/update.ts'
import { AccountJournal, type AccountStep, encodeSteps } from './account-journal.ts'
import type { ExecutedBlock } from './executed-block.ts'
import { decodeHistoryNode, encodeHistoryNode, type HistoryNode, type PlacedNode } from './history.ts'
import { PlaceIndex } from './place-index.ts'
import type { NumberRange } from './place-run.ts'
import { decodePlaces, encodePlaces, numbersWith, type PlaceKind, type Places, placesIn, prefixOf } from './places.ts'
import type { Head, TransactionLocation } from './types.ts'

/** Receipts between two looks at the clock, below a millisecond. */
const PACED_RECORDS = 256
/** Blocks that an address's history looks for at a time. */
const HISTORY_BLOCKS = 16
/** Numbers that places can hold: at a block a second it lasts 136 years. */
const WHOLE_CHAIN: NumberRange = { from: 0, to: 0xffff_ffff }

/**
 * Records of blocks and of what leads to them; the layout is `store/schema.ts`. Reads are synchronous, a few µs each
 * plus decoding. Anything that cannot be decoded is damage, and throws StoreError.
 */
export class ChainStore {
  readonly #database: Database
  /** In which blocks transactions and addresses may be found; nothing of it until `openIndex`. */
  readonly placeIndex: PlaceIndex

  constructor(database: Database) {
    this.#database = database
    this.placeIndex = new PlaceIndex(database)
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

  /** Where a transaction is in the canonical chain. */
  transactionLocation(hash: Uint8Array): (TransactionLocation & { readonly blockHash: Uint8Array }) | undefined {
    const prefix = prefixOf(hash)
    const order = { limit: Number.POSITIVE_INFINITY, reverse: true }
    for (const blockNumber of this.placeIndex.blocks('transaction', prefix, WHOLE_CHAIN, order)) {
      // Whether a place holds is seen in the block itself.
      const blockHash = this.canonicalHash(blockNumber)
      const indexes = (blockHash && this.places(blockHash, 'transaction', prefix)) ?? []
      const body = blockHash && indexes.length > 0 ? this.body(blockHash) : undefined
      if (blockHash === undefined || body === undefined) continue
      const found = intact('body', () => decodeTransactionsAt(body, indexes))
      const index = indexes[found.findIndex((tx) => equalBytes(transactionHash(tx), hash))]
      if (index !== undefined) return { blockNumber, index, blockHash }
    }
    return undefined
  }

  /**
   * Canonical transactions from or to an address, block by block: newest first below `before`, or oldest first above `after`.
   * Cost: four records a block that touches the address.
   */
  async *addressHistory(
    address: Uint8Array,
    from: { readonly before: number } | { readonly after: number },
  ): AsyncGenerator<AddressTransactions> {
    const prefix = prefixOf(keccak256(address))
    const reverse = 'before' in from
    const order = { limit: HISTORY_BLOCKS, reverse }
    let range = reverse ? { ...WHOLE_CHAIN, to: from.before - 1 } : { ...WHOLE_CHAIN, from: from.after + 1 }
    for (;;) {
      const numbers = this.placeIndex.blocks('address', prefix, range, order)
      for (const blockNumber of numbers) {
        const found = this.#transactionsOf(address, prefix, blockNumber)
        if (found !== undefined)
          yield { ...found, transactions: reverse ? found.transactions.reverse() : found.transactions }
      }
      const last = numbers.at(-1)
      if (last === undefined || numbers.length < HISTORY_BLOCKS) return
      range = reverse ? { ...range, to: last - 1 } : { ...range, from: last + 1 }
    }
  }

  /** Those of one canonical block; undefined: it has none. */
  #transactionsOf(address: Uint8Array, prefix: number, blockNumber: number) {
    const blockHash = this.canonicalHash(blockNumber)
    const indexes = (blockHash && this.places(blockHash, 'address', prefix)) ?? []
    const found = blockHash && indexes.length > 0 ? this.transactionsAt(blockHash, indexes) : undefined
    if (blockHash === undefined || found === undefined) return undefined
    const transactions = found
      .map((transaction, i) => ({ ...transaction, index: indexes[i]! }))
      .filter(({ tx, sender }) => [sender, tx.to].some((party) => party && equalBytes(party, address)))
    return transactions.length === 0 ? undefined : { blockNumber, blockHash, transactions }
  }

  /** Indexes of a block's transactions that have a prefix; undefined: it has none at all. */
  places(hash: Uint8Array, kind: PlaceKind, prefix: number): number[] | undefined {
    const places = this.#placesOf(hash)
    return places && numbersWith(places[kind], prefix)
  }

  #placesOf(hash: Uint8Array): Places | undefined {
    const record = this.#database.get(keys.places(hash))
    return record === undefined ? undefined : intact('places', () => decodePlaces(record))
  }

  /**
   * Has transactions and addresses found: to be called at a start, before any is looked for. Cost: reading the places of blocks that are in
   * no run yet, of 65,536 transactions at most but for a kill amid a long reorg. @throws StoreError.
   */
  async openIndex(pacer: Pacer): Promise<void> {
    const { placeIndex } = this
    placeIndex.load()
    await placeIndex.clearLeftovers()
    for (let number = placeIndex.covered + 1; ; number++) {
      const hash = this.canonicalHash(number)
      if (hash === undefined) return
      const places = this.#placesOf(hash)
      if (places !== undefined) placeIndex.note(number, places)
      await placeIndex.settle(number, pacer)
      await pacer.pause()
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

  /** Makes an executed block part of the canonical chain; where its transactions are `putPlaces` says. */
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

  /** Where an executed block's transactions are in it; whoever makes it canonical has the index note that. */
  putPlaces(batch: Pick<WriteBatch, 'put'>, { block, transactions }: ExecutedBlock): Places {
    const places = placesIn(transactions)
    if (transactions.length > 0) batch.put(keys.places(block.hash), encodePlaces(places))
    return places
  }

  /** The canonical chain ends below `number`. */
  deleteCanonical(batch: WriteBatch, number: number): void {
    batch.delete(keys.canonical(number))
  }

  /** Forgets a block that is not canonical any more, as if it had never come. */
  deleteBlock(batch: WriteBatch, { hash, number }: { readonly hash: Uint8Array; readonly number: number }): void {
    for (const table of ['header', 'body', 'execution', 'places'] as const) batch.delete(keys[table](hash))
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

/** Runs a decoder over a record of our own: what it cannot read was not written so. */
function intact<T>(what: string, decode: () => T): T {
  try {
    return decode()
  } catch (error) {
    if (error instanceof DecodeError || error instanceof TxError) throw damaged(`a ${what} record is malformed`)
    throw error
  }
}
