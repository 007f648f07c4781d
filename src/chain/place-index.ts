import { uint64ToBytes } from '../primitives/bytes.ts'
import { DecodeError } from '../primitives/errors.ts'
import { encodeRlp, RlpReader } from '../primitives/rlp.ts'
import { type Database, damaged, type WriteBatch } from '../store/database.ts'
import { keys, rangeOf } from '../store/schema.ts'
import type { Pacer } from '../trie/update.ts'
import { joinLists, type NumberRange, PlaceRun, type RunDescription, RunWriter } from './place-run.ts'
import { lowerBound, PLACE_KINDS, type PlaceKind, type PlaceList, type Places, sortPlaces } from './places.ts'

/** Transactions of blocks that are in no run; then they make one. A start reads as many. */
const MAX_PENDING_TRANSACTIONS = 65_536
/** Blocks likewise. */
const MAX_PENDING_BLOCKS = 256
/** Runs of one level that are merged into one of the next. */
const MERGED_RUNS = 16
/** Pages of all of them that are sorted at a time, some ms. */
const MERGED_PAGES = 32
/** Bytes of a merged run that are written at a time. */
const MERGE_BATCH_BYTES = 1024 * 1024

interface PendingBlock {
  readonly number: number
  readonly places: Places
}

/**
 * Tells in which blocks a transaction or an address may be found. What new blocks add is kept in memory, beside their own places on disk, until it is
 * worth a run: sorted lists in large records. Runs are merged as they become many. A record for each transaction and party would cost
 * LevelDB more than everything else about a transfer.
 *
 * It may name blocks that have not got what is looked for, since a prefix is all it knows, and since it keeps what reorgs leave behind; it never
 * misses one. After a kill the canonical blocks above `covered` are noted again.
 */
export class PlaceIndex {
  readonly #database: Database
  #runs: readonly PlaceRun[] = []
  #pending: readonly PendingBlock[] = []
  #pendingTransactions = 0
  /** Genesis has no transactions. */
  #covered = 0
  #nextId = 0
  /** Runs of which there may be records although they do not count: half written, or merged into others. */
  #leftovers: readonly number[] = []
  /** Ends when the list of runs is written: two versions of it must not overtake each other. */
  #turn: Promise<void> = Promise.resolve()
  #merging: Promise<void> | undefined
  #stopped = false

  constructor(database: Database) {
    this.#database = database
  }

  /** All canonical blocks up to this number are in runs. */
  get covered(): number {
    return this.#covered
  }

  /** Whether what is noted should go to disk. */
  get isFull(): boolean {
    return this.#pending.length >= MAX_PENDING_BLOCKS || this.#pendingTransactions >= MAX_PENDING_TRANSACTIONS
  }

  /** Reads which runs there are. @throws StoreError. */
  load(): void {
    const covered = this.#database.get(keys.meta('placed'))
    const record = this.#database.get(keys.meta('runs'))
    // They are first written together.
    if ((covered === undefined) !== (record === undefined)) throw damaged('it does not say what its index holds')
    try {
      this.#covered = covered === undefined ? 0 : new RlpReader(covered).list().number('placed')
      const fields = record && new RlpReader(record).list()
      if (fields === undefined) return
      this.#nextId = fields.number('next run')
      const gone = fields.list()
      const leftovers: number[] = []
      while (!gone.done()) leftovers.push(gone.number('run'))
      const runs: PlaceRun[] = []
      while (!fields.done()) {
        const run = fields.list()
        const [id, level] = [run.number('run'), run.number('level')]
        runs.push(new PlaceRun(this.#database, { id, level, first: run.number('first'), last: run.number('last') }))
      }
      this.#leftovers = leftovers
      this.#runs = runs
    } catch (error) {
      if (error instanceof DecodeError) throw damaged('the list of the index’s runs is malformed')
      throw error
    }
  }

  /** Deletes what a kill has left of runs that do not count. To be called before any is written. @throws StoreError. */
  async clearLeftovers(): Promise<void> {
    for (const id of this.#leftovers) await this.#clear(id)
    this.#leftovers = []
    await this.#database.clear({ gte: rangeOf('run', uint64ToBytes(this.#nextId)).gte, lt: rangeOf('run').lt })
  }

  /** What a block has that is canonical, or about to be: it can be found from now on. */
  note(number: number, places: Places): void {
    this.#pending = [...this.#pending, { number, places }]
    this.#pendingTransactions += places.transaction.length / 2
  }

  /** Blocks that may have a prefix, ascending or descending; `limit` at most. @throws StoreError. Cost: a page a run. */
  blocks(
    kind: PlaceKind,
    prefix: number,
    range: NumberRange,
    order: { readonly limit: number; readonly reverse: boolean },
  ): number[] {
    const found = new Set<number>()
    for (const { number, places } of this.#pending) {
      if (number < range.from || number > range.to) continue
      const list = places[kind]
      if (list[2 * lowerBound(list, prefix, 0) + 1] === prefix) found.add(number)
    }
    for (const run of this.#runs) for (const number of run.numbers(kind, prefix, range, order)) found.add(number)
    const sorted = [...found].sort(order.reverse ? (a, b) => b - a : (a, b) => a - b)
    return sorted.slice(0, order.limit)
  }

  /** Whether nothing of a canonical block is missing. @throws StoreError. */
  holds(number: number, places: Places): boolean {
    if (number > this.#covered) return true
    const runs = this.#runs.filter(({ description }) => description.first <= number && number <= description.last)
    return PLACE_KINDS.every((kind) =>
      prefixesOf(places[kind]).every((prefix) => runs.some((run) => run.has(kind, prefix, number))),
    )
  }

  /** The canonical chain is about to leave the blocks above `number`: with it, others have to be noted again after a kill. */
  lower(batch: Pick<WriteBatch, 'put'>, number: number): void {
    if (number >= this.#covered) return
    this.#covered = number
    putCovered(batch, number)
  }

  /** To be called when all canonical blocks up to the head, and no others, have been noted and written. @throws StoreError. */
  async settle(head: number, pacer: Pacer): Promise<void> {
    if (!this.isFull && head - this.#covered < MAX_PENDING_BLOCKS) return
    await this.spill(pacer, head)
    this.#merging ??= this.#mergeTiers(pacer).finally(() => {
      this.#merging = undefined
    })
    // The database tells the node of a failed write; after any other failure the runs are what they were.
    this.#merging.catch(() => undefined)
  }

  /** Makes a run of what is noted; those of no canonical block may be among it. @throws StoreError. */
  spill(pacer: Pacer, covered = this.#covered): Promise<void> {
    return this.#inTurn(async () => {
      const taken = this.#pending
      const batch = this.#database.batch()
      const runs = [...this.#runs]
      let description: RunDescription | undefined
      if (taken.length > 0) {
        const numbers = taken.map(({ number }) => number)
        description = { id: this.#nextId++, level: 0, first: Math.min(...numbers), last: Math.max(...numbers) }
        const writer = new RunWriter(description.id, (key, value) => batch.put(key, value))
        for (const kind of PLACE_KINDS) {
          writer.add(kind, sortPlaces(blockPairs(taken, kind)))
          writer.end(kind)
          await pacer.pause()
        }
      }
      putCovered(batch, covered)
      const described = runs.map((run) => run.description)
      this.#putRuns(batch, description === undefined ? described : [...described, description])
      await batch.write({ sync: false })
      this.#covered = covered
      if (description !== undefined) this.#runs = [...runs, new PlaceRun(this.#database, description)]
      this.#pending = this.#pending.slice(taken.length)
      this.#pendingTransactions = this.#pending.reduce((sum, { places }) => sum + places.transaction.length / 2, 0)
    })
  }

  /** Gives up a merge that is under way. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#merging?.catch(() => undefined)
    await this.#turn
  }

  async #mergeTiers(pacer: Pacer): Promise<void> {
    for (let level = 0; level <= Math.max(...this.#runs.map(({ description }) => description.level)); level++) {
      const runs = this.#runs.filter(({ description }) => description.level === level)
      if (runs.length >= MERGED_RUNS) await this.#merge(runs.slice(0, MERGED_RUNS), pacer)
      if (this.#stopped) return
    }
  }

  async #merge(merged: readonly PlaceRun[], pacer: Pacer): Promise<void> {
    const descriptions = merged.map(({ description }) => description)
    const description = {
      id: this.#nextId++,
      level: descriptions[0]!.level + 1,
      first: Math.min(...descriptions.map(({ first }) => first)),
      last: Math.max(...descriptions.map(({ last }) => last)),
    }
    this.#leftovers = [...this.#leftovers, description.id]
    if (!(await this.#writeMerged(merged, description.id, pacer))) return
    const ids = descriptions.map(({ id }) => id)
    await this.#inTurn(async () => {
      const runs = [
        new PlaceRun(this.#database, description),
        ...this.#runs.filter((run) => !ids.includes(run.description.id)),
      ]
      this.#leftovers = [...this.#leftovers.filter((id) => id !== description.id), ...ids]
      const batch = this.#database.batch()
      this.#putRuns(
        batch,
        runs.map((run) => run.description),
      )
      await batch.write({ sync: false })
      this.#runs = runs
    })
    for (const id of ids) await this.#clear(id)
    this.#leftovers = this.#leftovers.filter((id) => !ids.includes(id))
  }

  /** @returns false if it was given up. */
  async #writeMerged(merged: readonly PlaceRun[], id: number, pacer: Pacer): Promise<boolean> {
    let batch = this.#database.batch()
    const writer = new RunWriter(id, (key, value) => batch.put(key, value))
    for (const kind of PLACE_KINDS) {
      const readers = merged.map((run) => run.reader(kind))
      const parts = Math.ceil(merged.reduce((sum, run) => sum + run.pages(kind), 0) / MERGED_PAGES)
      for (let part = 1; part <= parts; part++) {
        const before = Math.ceil((2 ** 32 * part) / parts)
        writer.add(kind, sortPlaces(joinLists(readers.flatMap((read) => read(before)))))
        if (batch.sizeBytes >= MERGE_BATCH_BYTES) {
          await batch.write({ sync: false })
          batch = this.#database.batch()
        }
        await pacer.pause()
        if (this.#stopped) return false
      }
      writer.end(kind)
    }
    await batch.write({ sync: false })
    return true
  }

  #putRuns(batch: WriteBatch, runs: readonly RunDescription[]): void {
    const fields = runs.map(({ id, level, first, last }) => [id, level, first, last])
    batch.put(keys.meta('runs'), encodeRlp([this.#nextId, this.#leftovers, ...fields]))
  }

  #clear(id: number): Promise<void> {
    return this.#database.clear(rangeOf('run', uint64ToBytes(id)))
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const result = this.#turn.then(work)
    this.#turn = result.catch(() => undefined)
    return result
  }
}

function putCovered(batch: Pick<WriteBatch, 'put'>, number: number): void {
  batch.put(keys.meta('placed'), encodeRlp([number]))
}

/** Each prefix of the blocks with its block's number, in any order, some more than once. */
function blockPairs(blocks: readonly PendingBlock[], kind: PlaceKind): PlaceList {
  const pairs = new Uint32Array(blocks.reduce((sum, { places }) => sum + places[kind].length, 0))
  let at = 0
  for (const { number, places } of blocks) {
    const list = places[kind]
    for (let from = 1; from < list.length; from += 2) {
      pairs[at] = number
      pairs[at + 1] = list[from]!
      at += 2
    }
  }
  return pairs
}

function prefixesOf(list: PlaceList): number[] {
  const prefixes: number[] = []
  for (let at = 1; at < list.length; at += 2) if (list[at] !== list[at - 2]) prefixes.push(list[at]!)
  return prefixes
}
