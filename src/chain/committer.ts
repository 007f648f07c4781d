import type { Engine } from '../consensus/engine.ts'
import type { Block } from '../primitives/block.ts'
import { equalBytes } from '../primitives/bytes.ts'
import type { RecoveredTransaction } from '../primitives/transaction.ts'
import { type Database, damaged, type WriteBatch } from '../store/database.ts'
import type { Pacer } from '../trie/update.ts'
import type { Outcome } from './block-executor.ts'
import type { BlockIndex, IndexEntry } from './block-index.ts'
import { Branch } from './branch.ts'
import type { ChainStore } from './chain-store.ts'
import type { ExecutedBlock } from './executed-block.ts'
import type { ChainEvent, Head, HeadEvent } from './types.ts'

export interface CommitterComponents {
  readonly database: Database
  readonly store: ChainStore
  readonly index: BlockIndex
  readonly engine: Engine
  readonly pacer: Pacer
}

/** A block to be written. Without `execution` it waits on a side branch that has not got enough work to be run. */
interface Commit {
  readonly entry: IndexEntry
  readonly block: Block
  readonly execution: { readonly transactions: readonly RecoveredTransaction[]; readonly outcome: Outcome } | undefined
  readonly resolve: (outcome: 'head' | 'side') => void
  readonly reject: (error: unknown) => void
}

/** Bytes of blocks written in one batch; more wait for the next. */
const GROUP_BYTES = 16 * 1024 * 1024
/** Bytes of a branch's places that are written at a time, before it becomes the canonical one. */
const INDEX_BATCH_BYTES = 4 * 1024 * 1024

/**
 * Writes executed blocks and lets fork choice decide over them, in order. While one batch is being synced the next
 * blocks execute; all that are ready then go into one batch, so that small blocks share the cost of a sync. A head is
 * announced only after it is on the medium.
 */
export class Committer {
  readonly #components: CommitterComponents
  readonly #announce: (event: ChainEvent) => void
  #queue: Commit[] = []
  #running: Promise<void> | undefined
  /** What fork choice has settled on, written or about to be. */
  #best: IndexEntry
  /** What of that is on the medium. */
  #written: IndexEntry

  constructor(components: CommitterComponents, head: IndexEntry, announce: (event: ChainEvent) => void) {
    this.#components = components
    this.#best = head
    this.#written = head
    this.#announce = announce
  }

  /** The tip that the next blocks compete with; its batch may still be on its way to disk. */
  get best(): IndexEntry {
    return this.#best
  }

  /** Whether a block has more work than the tip, or wins a tie. */
  wouldWin(entry: IndexEntry): boolean {
    const best = this.#best
    if (entry.totalDifficulty !== best.totalDifficulty) return entry.totalDifficulty > best.totalDifficulty
    return this.#components.engine.winsTie(entry, best)
  }

  /** @returns what the block became, once it is on the medium. @throws StoreError. */
  commit(entry: IndexEntry, block: Block, execution: Commit['execution']): Promise<'head' | 'side'> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ entry, block, execution, resolve, reject })
      this.#running ??= this.#run()
    })
  }

  /** The chain went back to `head`, an ancestor of the tip. To be called while nothing is on its way to disk. */
  rewound(head: IndexEntry, disconnected: HeadEvent['disconnected']): void {
    this.#best = head
    this.#written = head
    this.#announce({ type: 'head', head, connected: Branch.of<Head>([]), disconnected, rewound: true })
  }

  /** Resolves when all that was handed over is on the medium, or has failed. */
  async settled(): Promise<void> {
    await this.#running
  }

  async #run(): Promise<void> {
    // Blocks that arrive in the same turn share the first batch already.
    await Promise.resolve()
    while (this.#queue.length > 0) {
      const group = this.#takeGroup()
      try {
        await this.#write(group)
      } catch (error) {
        this.#best = this.#written
        for (const { reject } of [...group, ...this.#queue.splice(0)]) reject(error)
      }
    }
    this.#running = undefined
  }

  #takeGroup(): Commit[] {
    let bytes = 0
    let count = 0
    while (count < this.#queue.length && (count === 0 || bytes < GROUP_BYTES))
      bytes += this.#queue[count++]!.block.sizeBytes
    return this.#queue.splice(0, count)
  }

  async #write(group: readonly Commit[]): Promise<void> {
    const { database, index, store, pacer } = this.#components
    let batch = database.batch()
    let settled: { readonly commit: Commit; readonly event: ChainEvent }[] = []
    const finish = async () => {
      await batch.write({ sync: true })
      this.#written = this.#best
      for (const { commit, event } of settled) {
        index.unpin(commit.entry)
        this.#announce(event)
        commit.resolve(event.type === 'head' ? 'head' : 'side')
      }
      batch = database.batch()
      settled = []
      await store.placeIndex.settle(this.#best.header.number, pacer)
    }
    for (const commit of group) {
      const { entry, block, execution } = commit
      const executed = execution && {
        block,
        transactions: execution.transactions,
        receipts: execution.outcome.receipts,
      }
      const event = executed === undefined ? sideEvent(entry) : await this.#choose(entry, executed)
      if (event.type === 'head' && event.connected.length > 1) {
        // What is joined is read back from disk.
        if (settled.length > 0) await finish()
        await this.#placeBranch(event.connected)
      }
      store.putBlock(batch, block, entry.totalDifficulty)
      await pacer.pause()
      if (execution !== undefined) await store.putExecution(batch, executed!, execution.outcome.steps, pacer)
      await pacer.pause()
      if (event.type === 'head') {
        await this.#follow(batch, event, executed!)
        this.#best = entry
      }
      settled.push({ commit, event })
    }
    await finish()
  }

  /** What a block becomes by fork choice, nothing of it done yet. */
  async #choose(entry: IndexEntry, executed: ExecutedBlock): Promise<ChainEvent> {
    const { engine, index, store } = this.#components
    const head = this.#best
    if (!this.wouldWin(entry)) return sideEvent(entry)
    const { left, joined, fork } = await this.#path(head, entry)
    if (!engine.reorgsFinal && left.length > 0) {
      const { finalized } = engine.finality(head.header, index.ancestry(head))
      if (fork.header.number < finalized) return { type: 'finality-conflict', head, challenger: entry, finalized }
    }
    const isNew = (hash: Uint8Array) => equalBytes(hash, entry.hash)
    const source = {
      head: (hash: Uint8Array) => present(isNew(hash) ? entry : index.head(hash)),
      executed: (hash: Uint8Array) => present(isNew(hash) ? executed : store.executed(hash)),
    }
    return { type: 'head', head: entry, connected: new Branch(joined, source), disconnected: new Branch(left, source) }
  }

  /**
   * Has the index say where the transactions of a branch are before it is the canonical one: for a long one in many batches, since one for
   * all would not fit into memory. A kill in between leaves places that no canonical block has, which reading recognises.
   */
  async #placeBranch(connected: HeadEvent['connected']): Promise<void> {
    const { database, store, pacer } = this.#components
    let batch = database.batch()
    // The last block's come with it.
    for (let place = 0; place < connected.length - 1; place++) {
      this.#place(batch, connected.block(place))
      await pacer.pause()
      if (store.placeIndex.isFull) await store.placeIndex.spill(pacer)
      if (batch.sizeBytes < INDEX_BATCH_BYTES) continue
      await batch.write({ sync: false })
      batch = database.batch()
    }
    await batch.write({ sync: false })
  }

  #place(batch: WriteBatch, executed: ExecutedBlock): void {
    const { store } = this.#components
    const places = store.putPlaces(batch, executed)
    if (executed.transactions.length > 0) store.placeIndex.note(executed.block.header.number, places)
  }

  /** Writes what a new head changes in the canonical chain and its indexes: of a long reorg some 300 bytes a block. */
  async #follow(batch: WriteBatch, { head, connected }: HeadEvent, executed: ExecutedBlock): Promise<void> {
    const { store, index, pacer } = this.#components
    for (const hash of connected.hashes) {
      const entry = present(index.get(hash))
      store.putCanonical(batch, entry, entry.historyNodes)
      await pacer.pause()
    }
    for (let above = head.header.number + 1; above <= this.#best.header.number; above++) {
      store.deleteCanonical(batch, above)
    }
    this.#place(batch, executed)
    store.placeIndex.lower(batch, head.header.number - connected.length)
    store.putHead(batch, head.hash)
  }

  /** What leads from one tip to another: hashes of blocks to leave, newest first, and of blocks to join, oldest first. */
  async #path(from: Head, to: Head): Promise<{ left: Uint8Array[]; joined: Uint8Array[]; fork: Head }> {
    const { pacer } = this.#components
    const left: Uint8Array[] = []
    const joined: Uint8Array[] = []
    let a = from
    let b = to
    while (!equalBytes(a.hash, b.hash)) {
      if (a.header.number >= b.header.number) {
        left.push(a.hash)
        a = this.#parent(a)
      } else {
        joined.push(b.hash)
        b = this.#parent(b)
      }
      await pacer.pause()
    }
    return { left, joined: joined.reverse(), fork: a }
  }

  #parent({ header }: Head): Head {
    return present(this.#components.index.head(header.parentHash))
  }
}

function present<Found>(found: Found | undefined): Found {
  if (found === undefined) throw damaged('a block of the chain is missing')
  return found
}

function sideEvent(head: Head): ChainEvent {
  return { type: 'side', head }
}
