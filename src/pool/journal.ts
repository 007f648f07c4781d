import type { Key } from '../primitives/bytes.ts'
import { StoreError } from '../primitives/errors.ts'
import { encodeRlp, RlpReader } from '../primitives/rlp.ts'
import { decodeTransaction, type Transaction } from '../primitives/transaction.ts'
import { JOURNAL_BURIAL_BLOCKS, MAX_JOURNAL_RECORD_BYTES } from './limits.ts'

/**
 * Even ids, ascending in the order of writing: an RLP list of transactions. The odd id after one: which of them have left
 * since, a bit each.
 */
export interface JournalRecord {
  readonly id: number
  readonly value: Uint8Array
}

/** Where the journal is kept. @throws StoreError from both. */
export interface JournalStore {
  /** All records, by ascending id. */
  load(): Promise<JournalRecord[]>
  /** All or nothing; a record put again is replaced. With `sync` it is on the medium when the promise resolves, and so is all that was written before. */
  write(put: readonly JournalRecord[], deleted: readonly number[], sync: boolean): Promise<void>
}

export interface JournalEntry {
  readonly hashKey: Key
  /** EIP-2718 encoding. */
  readonly raw: Uint8Array
}

interface LiveRecord {
  readonly id: number
  readonly total: number
  /** Place in the record, for those that have not left. */
  readonly places: Map<Key, number>
  /** A bit for each that has. */
  gone: Uint8Array | undefined
}

/**
 * Keeps the pool's transactions across restarts. One record holds all that was handed in while the write before it was
 * under way, so that a sync is shared, and five thousand transactions that leave with a block cost a deletion or two.
 * A record goes once all of its transactions have; when few are left they move to a new one. Which ones have left is
 * written before anything that came later is acknowledged: they could otherwise come back in its place.
 */
export class PoolJournal {
  readonly #store: JournalStore
  readonly #recordOf = new Map<Key, LiveRecord>()
  /** Mined, by the block's number; in the order of mining. */
  readonly #buried = new Map<Key, number>()
  #nextId = 0
  /** To be written. */
  #waiting = new Map<Key, Uint8Array>()
  #deleted: number[] = []
  /** With transactions that have left since the last write. */
  readonly #changed = new Set<LiveRecord>()
  #sync = false
  #next: Promise<void> | undefined
  #last: Promise<void> = Promise.resolve()

  constructor(components: { readonly store: JournalStore }) {
    this.#store = components.store
  }

  /**
   * What an earlier run left behind, in order of arrival. The records stay until `replaceLoaded`.
   * @throws StoreError
   */
  async load(): Promise<{ readonly ids: readonly number[]; readonly transactions: readonly Transaction[] }> {
    const records = await this.#store.load()
    const ids = records.map(({ id }) => id)
    const last = ids.at(-1) ?? -1
    this.#nextId = last + 2 - (last & 1)
    const gone = new Map(records.map(({ id, value }) => [id - 1, value]))
    const transactions = records
      .filter(({ id }) => id % 2 === 0)
      .flatMap(({ id, value }) => decodeRecord(value).filter((_, place) => !isMarked(gone.get(id), place)))
    return { ids, transactions }
  }

  /** Deletes the records that `load` gave, once what is to stay of them has been recorded again. @throws StoreError */
  replaceLoaded(ids: readonly number[]): Promise<void> {
    this.#deleted.push(...ids)
    return this.#commit(true)
  }

  /**
   * Writes `entries`, except those that are in the journal already.
   * @param sync they must survive a loss of power once the promise has resolved.
   * @throws StoreError
   */
  record(entries: readonly JournalEntry[], sync: boolean): Promise<void> {
    for (const { hashKey, raw } of entries) {
      // Back from a block that a reorg has disconnected.
      if (this.#recordOf.has(hashKey)) this.#buried.delete(hashKey)
      else this.#waiting.set(hashKey, raw)
    }
    return this.#commit(sync)
  }

  /** The transactions have left for good. `rawOf` gives those that the pool still holds. */
  forget(hashKeys: Iterable<Key>, rawOf: (hashKey: Key) => Uint8Array | undefined): void {
    for (const key of hashKeys) this.#release(key, rawOf)
  }

  /** The transactions are in block `number`: they stay here until it is buried. */
  bury(hashKeys: Iterable<Key>, number: number): void {
    for (const key of hashKeys) {
      this.#buried.delete(key)
      this.#buried.set(key, number)
    }
  }

  /** The chain has reached `number`: what is buried deep enough goes. @throws StoreError */
  advance(number: number, rawOf: (hashKey: Key) => Uint8Array | undefined): Promise<void> {
    for (const [key, at] of this.#buried) {
      if (at + JOURNAL_BURIAL_BLOCKS > number) break
      this.#buried.delete(key)
      this.#release(key, rawOf)
    }
    return this.#commit(false)
  }

  /** Resolves when all that was recorded has been written. @throws StoreError */
  flush(): Promise<void> {
    return this.#commit(true)
  }

  #release(key: Key, rawOf: (hashKey: Key) => Uint8Array | undefined): void {
    this.#waiting.delete(key)
    const record = this.#recordOf.get(key)
    if (record === undefined) return
    this.#recordOf.delete(key)
    record.gone ??= new Uint8Array((record.total + 7) >> 3)
    mark(record.gone, record.places.get(key)!)
    record.places.delete(key)
    this.#changed.add(record)
    if (record.places.size * 4 > record.total) return
    const left: JournalEntry[] = []
    for (const hashKey of record.places.keys()) {
      const raw = rawOf(hashKey)
      // Mined and not buried yet: the record is needed until it is.
      if (raw === undefined) return
      left.push({ hashKey, raw })
    }
    for (const { hashKey, raw } of left) {
      this.#recordOf.delete(hashKey)
      this.#waiting.set(hashKey, raw)
    }
    this.#deleted.push(record.id, record.id + 1)
    this.#changed.delete(record)
  }

  #commit(sync: boolean): Promise<void> {
    this.#sync ||= sync
    if (this.#next === undefined) {
      const next = this.#last.then(() => this.#write())
      this.#next = next
      // Whoever asked for the write gets its failure; the one after it is tried all the same.
      this.#last = next.catch(() => undefined)
    }
    return this.#next
  }

  #write(): Promise<void> {
    const [waiting, deleted, sync] = [this.#waiting, this.#deleted, this.#sync]
    this.#next = undefined
    this.#waiting = new Map()
    this.#deleted = []
    this.#sync = false
    const marks = Array.from(this.#changed, ({ id, gone }) => ({ id: id + 1, value: gone!.slice() }))
    this.#changed.clear()
    const put = [...this.#makeRecords(waiting), ...marks]
    return put.length + deleted.length === 0 ? Promise.resolve() : this.#store.write(put, deleted, sync)
  }

  #makeRecords(waiting: ReadonlyMap<Key, Uint8Array>): JournalRecord[] {
    const records: JournalRecord[] = []
    const [hashKeys, raws] = [[...waiting.keys()], [...waiting.values()]]
    for (let start = 0, end = 0; start < raws.length; start = end) {
      let bytes = 0
      while (end < raws.length && (end === start || bytes + raws[end]!.length <= MAX_JOURNAL_RECORD_BYTES)) {
        bytes += raws[end++]!.length
      }
      const record: LiveRecord = { id: this.#nextId, total: end - start, places: new Map(), gone: undefined }
      this.#nextId += 2
      for (let i = start; i < end; i++) {
        record.places.set(hashKeys[i]!, i - start)
        this.#recordOf.set(hashKeys[i]!, record)
      }
      records.push({ id: record.id, value: encodeRlp(raws.slice(start, end)) })
    }
    return records
  }
}

function mark(bits: Uint8Array, place: number): void {
  bits[place >> 3] = bits[place >> 3]! | (1 << (place & 7))
}

function isMarked(bits: Uint8Array | undefined, place: number): boolean {
  return bits !== undefined && (bits[place >> 3]! & (1 << (place & 7))) !== 0
}

function decodeRecord(value: Uint8Array): Transaction[] {
  try {
    const outer = new RlpReader(value)
    const list = outer.list()
    outer.end()
    const transactions: Transaction[] = []
    while (!list.done()) transactions.push(decodeTransaction(new Uint8Array(list.bytes())))
    return transactions
  } catch (error) {
    throw new StoreError("the pool's journal is damaged", 'run `idobata db repair`', error)
  }
}
