import type { Engine } from '../consensus/engine.ts'
import type { Block } from '../primitives/block.ts'
import { equalBytes, type Key, toKey } from '../primitives/bytes.ts'
import type { RecoveredTransaction } from '../primitives/transaction.ts'
import { type Database, damaged, type WriteBatch } from '../store/database.ts'
import type { Pacer } from '../trie/update.ts'
import type { Outcome } from './block-executor.ts'
import type { BlockIndex, IndexEntry } from './block-index.ts'
import type { ChainStore } from './chain-store.ts'
import type { ChainEvent, ExecutedBlock, HeadEvent } from './types.ts'

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

  constructor(components: CommitterComponents, head: IndexEntry, announce: (event: ChainEvent) => void) {
    this.#components = components
    this.#best = head
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
  rewound(head: IndexEntry, disconnected: readonly ExecutedBlock[]): void {
    this.#best = head
    this.#announce({ type: 'head', head, connected: [], disconnected, rewound: true })
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
      const best = this.#best
      try {
        await this.#write(group)
      } catch (error) {
        this.#best = best
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
    const { database, store, pacer } = this.#components
    const batch = database.batch()
    const fresh = new Map<Key, ExecutedBlock>()
    const settled: { commit: Commit; outcome: 'head' | 'side'; event: ChainEvent }[] = []
    for (const commit of group) {
      const { entry, block, execution } = commit
      store.putBlock(batch, block, entry.totalDifficulty)
      await pacer.pause()
      if (execution !== undefined) {
        const { transactions, outcome } = execution
        const executed = { block, transactions, receipts: outcome.receipts }
        await store.putExecution(batch, executed, outcome.steps, pacer)
        fresh.set(toKey(block.hash), executed)
      }
      await pacer.pause()
      const event = execution === undefined ? undefined : this.#choose(entry, fresh)
      if (event?.type === 'head') await this.#follow(batch, event)
      settled.push(
        event?.type === 'head'
          ? { commit, outcome: 'head', event }
          : { commit, outcome: 'side', event: event ?? { type: 'side', head: entry } },
      )
    }
    await batch.write({ sync: true })
    for (const { commit, outcome, event } of settled) {
      this.#components.index.unpin(commit.entry)
      this.#announce(event)
      commit.resolve(outcome)
    }
  }

  /** Makes `entry` the best tip if it wins. */
  #choose(entry: IndexEntry, fresh: ReadonlyMap<Key, ExecutedBlock>): ChainEvent {
    const { engine, index, store } = this.#components
    const head = this.#best
    if (!this.wouldWin(entry)) return { type: 'side', head: entry }
    const { left, joined, fork } = this.#path(head, entry)
    if (!engine.reorgsFinal && left.length > 0) {
      const { finalized } = engine.finality(head.header, index.ancestry(head))
      if (fork.header.number < finalized) return { type: 'finality-conflict', head, challenger: entry, finalized }
    }
    const load = ({ hash, header }: IndexEntry): ExecutedBlock => {
      const block = fresh.get(toKey(hash)) ?? store.executed(hash)
      if (block === undefined) throw damaged(`block ${header.number} is missing`)
      return block
    }
    this.#best = entry
    return { type: 'head', head: entry, connected: joined.map(load), disconnected: left.map(load) }
  }

  /** Writes what a new head changes in the canonical chain and its indexes. */
  async #follow(batch: WriteBatch, { head, connected, disconnected }: HeadEvent): Promise<void> {
    const { store, index, pacer } = this.#components
    for (const block of disconnected) store.deleteCanonical(batch, block)
    for (const block of connected) {
      const entry = index.get(block.block.hash)
      if (entry === undefined) throw damaged(`header ${block.block.header.number} is missing`)
      await store.putCanonical(batch, block, entry.historyNodes, pacer)
    }
    store.putHead(batch, head.hash)
  }

  /** What leads from one tip to another: blocks to leave, newest first, and blocks to join, oldest first. */
  #path(from: IndexEntry, to: IndexEntry): { left: IndexEntry[]; joined: IndexEntry[]; fork: IndexEntry } {
    const left: IndexEntry[] = []
    const joined: IndexEntry[] = []
    let a = from
    let b = to
    while (!equalBytes(a.hash, b.hash)) {
      if (a.header.number >= b.header.number) {
        left.push(a)
        a = this.#parent(a)
      } else {
        joined.push(b)
        b = this.#parent(b)
      }
    }
    return { left, joined: joined.reverse(), fork: a }
  }

  #parent({ header }: IndexEntry): IndexEntry {
    const parent = this.#components.index.get(header.parentHash)
    if (parent === undefined) throw damaged(`header ${header.number - 1} is missing`)
    return parent
  }
}
