import type { Key } from '../primitives/bytes.ts'
import { equalBytes, toKey } from '../primitives/bytes.ts'
import type { AccountValue } from '../state/account-value.ts'
import type { AccountChange, Layer } from '../state/layer.ts'
import type { State } from '../state/state.ts'
import { type Database, damaged } from '../store/database.ts'
import { keys } from '../store/schema.ts'
import type { AccountJournal } from './account-journal.ts'
import type { BlockExecutor } from './block-executor.ts'
import type { BlockIndex, IndexEntry } from './block-index.ts'
import type { ChainStore } from './chain-store.ts'

export interface StateKeeperOptions {
  /** Most blocks whose states are kept in memory: reorgs within them cost nothing, and RPC can look at them. */
  readonly layers: number
  /** Account changes in blocks whose states are kept; big blocks leave fewer than `layers`, but never below three. */
  readonly layerChanges: number
  /** Account changes kept in memory; past it the older ones go to disk. Some 500 bytes each on their way there. */
  readonly unflushedChanges: number
  /** Blocks below the state on disk whose journals are kept, to undo them in a deep reorg. */
  readonly undoBlocks: number
}

export interface StateKeeperComponents {
  readonly state: State
  readonly store: ChainStore
  readonly index: BlockIndex
  readonly executor: BlockExecutor
  readonly database: Database
  /** Replaces the state on disk by that of the genesis block. */
  readonly writeGenesis: (genesisHash: Uint8Array) => Promise<void>
}

/**
 * Decides which states are held: moves the one on disk forward as blocks come, and gets one back that is not held, by
 * doing journalled account changes again or undoing them, never by recovering a signature.
 */
export class StateKeeper {
  readonly #options: StateKeeperOptions
  readonly #components: StateKeeperComponents
  #flushing: Promise<void> | undefined
  /** Where the flush under way goes; states that do not descend from it are dropped. */
  #flushTarget: Layer | undefined
  #prunedBelow = 0

  constructor(options: StateKeeperOptions, components: StateKeeperComponents) {
    this.#options = options
    this.#components = components
  }

  /** Whether states may be added that no head builds on: they and what waits to be written are bounded together. */
  get hasRoom(): boolean {
    const { state } = this.#components
    const { layers, unflushedChanges } = this.#options
    return state.held < 4 * layers && state.unflushed < 2 * unflushedChanges
  }

  /**
   * The state after a block that has been executed, also if it has to be got back.
   * Cost: free if held; else proportional to the changes between it and the nearest state held; beyond the journals, all
   * blocks from genesis on are executed again. @throws StoreError.
   */
  async layerOf(entry: IndexEntry): Promise<Layer> {
    return (await this.#fromJournals(entry)) ?? (await this.rebuild(entry))
  }

  /**
   * Gets the head's state back at a start; to be called before anything is read from the state. A flush that a kill has
   * interrupted goes on afterwards, while the node does other work. @throws StoreError.
   */
  async recover(head: IndexEntry): Promise<void> {
    const { state } = this.#components
    const target = await this.#reachInterrupted()
    // What else is held then is of no block: only the flush makes a state of it that another branch can begin from.
    if (target !== undefined && !this.#descends(head, target)) await state.flush(target)
    await this.layerOf(head)
    if (target !== undefined && state.interrupted !== undefined) this.#startFlush(target)
  }

  /** The state that an interrupted flush was leading to; undefined: none was. */
  async #reachInterrupted(): Promise<Layer | undefined> {
    const { state, index } = this.#components
    if (state.interrupted === undefined) return undefined
    const target = index.get(state.interrupted)
    const from = index.get(state.disk.blockHash)
    const disk = state.layer(state.disk.blockHash)
    if (target === undefined || from === undefined || disk === undefined) {
      throw damaged('its state is on the way to an unknown block')
    }
    // What sixteenths that are through already hold is put there again, which changes nothing.
    const way = this.#wayBetween(from, target)
    if (way === undefined) throw damaged(`a journal before block ${target.header.number} is missing`)
    return this.#advance(disk, target, way)
  }

  #descends(entry: IndexEntry, ancestor: Layer): boolean {
    let at: IndexEntry | undefined = entry
    while (at !== undefined && at.header.number > ancestor.number) at = this.#parent(at)
    return at !== undefined && equalBytes(at.hash, ancestor.blockHash)
  }

  /** What has to be undone and done on the way from one block to another; undefined: the journals do not reach so far. */
  #wayBetween(from: IndexEntry, to: IndexEntry): Way | undefined {
    const { store } = this.#components
    const way: Leg[] = []
    const joined: IndexEntry[] = []
    let left: IndexEntry | undefined = from
    let right: IndexEntry | undefined = to
    while (left !== undefined && right !== undefined && !equalBytes(left.hash, right.hash)) {
      if (left.header.number > right.header.number) {
        const journal = store.journal(left.header.number, left.hash)
        if (journal === undefined) return undefined
        way.push({ journal, side: 'before' })
        left = this.#parent(left)
      } else {
        joined.push(right)
        right = this.#parent(right)
      }
    }
    for (const { header, hash } of joined.reverse()) {
      const journal = store.journal(header.number, hash)
      if (journal === undefined) return undefined
      way.push({ journal, side: 'after' })
    }
    return way
  }

  async #fromJournals(entry: IndexEntry): Promise<Layer | undefined> {
    const { state, index } = this.#components
    const missing: IndexEntry[] = []
    let at: IndexEntry | undefined = entry
    let layer: Layer | undefined
    let onDisk = index.get(state.disk.blockHash)
    for (;;) {
      layer = state.layer(at.hash)
      if (layer !== undefined) break
      while (onDisk !== undefined && onDisk.header.number > at.header.number) onDisk = this.#parent(onDisk)
      if (onDisk !== undefined && equalBytes(onDisk.hash, at.hash)) {
        layer = await this.#undoTo(at)
        if (layer === undefined) return undefined
        break
      }
      missing.push(at)
      at = this.#parent(at)
      if (at === undefined) return undefined
    }
    const runs = this.#runs(missing.reverse())
    if (runs === undefined) return undefined
    for (const { entry: next, way } of runs) layer = await this.#advance(layer, next, way)
    return layer
  }

  /** The way through consecutive blocks, in runs: those too far back to get a layer of their own are merged into one. */
  #runs(entries: readonly IndexEntry[]): Run[] | undefined {
    const { store } = this.#components
    const { layers, layerChanges } = this.#options
    const runs: { readonly entry: IndexEntry; readonly way: Leg[] }[] = []
    let changes = 0
    for (const entry of entries.toReversed()) {
      const journal = store.journal(entry.header.number, entry.hash)
      if (journal === undefined) return undefined
      changes += journal.count
      const full = runs.length > layers || (runs.length > MIN_LAYERS && changes > layerChanges)
      if (runs.length === 0 || !full) runs.unshift({ entry, way: [] })
      runs[0]!.way.unshift({ journal, side: 'after' })
    }
    return runs
  }

  #parent({ header }: IndexEntry): IndexEntry | undefined {
    return header.number === 0 ? undefined : this.#components.index.get(header.parentHash)
  }

  /**
   * Starts from genesis and runs every block up to `target` again. Other states are gone meanwhile. A crash
   * in between is known by the mark, and the next start begins anew.
   */
  async rebuild(target: IndexEntry): Promise<Layer> {
    return this.#alone(() => this.#rebuild(target))
  }

  /** Runs what writes the state on disk as a flush does: after the one under way, and none starts meanwhile. */
  async #alone<Result>(work: () => Promise<Result>): Promise<Result> {
    while (this.#flushing !== undefined) await this.#flushing
    const result = work()
    this.#flushTarget = undefined
    this.#flushing = result
      .then(() => undefined)
      .finally(() => {
        this.#flushing = undefined
      })
    this.#flushing.catch(() => undefined)
    return result
  }

  /**
   * Gets ready for all blocks above `target`, an ancestor of the head, to be deleted: its state is held afterwards, and
   * the one on disk is of no later block. @throws StoreError.
   */
  async retreat(target: IndexEntry): Promise<void> {
    const { state } = this.#components
    await this.#alone(async () => {
      const layer = (await this.#fromJournals(target)) ?? (await this.#rebuild(target))
      if (state.disk.number > target.header.number) await state.flush(layer)
    })
  }

  /** Blocks above `number` are deleted: their states go too. */
  dropAbove(number: number): void {
    this.#components.state.dropAbove(number)
  }

  async #rebuild(target: IndexEntry): Promise<Layer> {
    const { state, store, executor, database, writeGenesis, index } = this.#components
    await markRebuilding(database, true)
    const genesisHash = store.canonicalHash(0)
    if (genesisHash === undefined) throw damaged('it has no genesis block')
    // Who reads meanwhile is told that there is no state, not that it is damaged.
    state.forget()
    await writeGenesis(genesisHash)
    let layer = state.reload((hash) => index.get(hash)?.header.number)
    for (const hash of this.#branch(target)) {
      const block = store.executed(hash)
      if (block === undefined) throw damaged(`a block before ${target.header.number} is missing`)
      const { header } = block.block
      const { derived } = await executor.execute(header, block.transactions, layer)
      layer = state.add(derived, hash, header.number)
      if (state.unflushed > this.#options.unflushedChanges) await state.flush(layer)
      state.trim(layer)
    }
    if (layer.base !== undefined) await state.flush(layer)
    await markRebuilding(database, false)
    return layer
  }

  /** Hashes from block 1 to `target`, oldest first. */
  #branch(target: IndexEntry): Uint8Array[] {
    const hashes: Uint8Array[] = []
    for (let at: IndexEntry | undefined = target; at !== undefined && at.header.number > 0; at = this.#parent(at)) {
      hashes.push(at.hash)
    }
    return hashes.reverse()
  }

  /** The state after an ancestor of the block whose state is on disk. */
  async #undoTo(target: IndexEntry): Promise<Layer | undefined> {
    const { state, index } = this.#components
    const from = index.get(state.disk.blockHash)
    const way = from && this.#wayBetween(from, target)
    const disk = state.layer(state.disk.blockHash)
    return way && disk && this.#advance(disk, target, way)
  }

  async #advance(from: Layer, to: IndexEntry, way: Way): Promise<Layer> {
    const { state } = this.#components
    const derived = await (from.base === undefined
      ? state.deriveFromDisk(changesByParts(way))
      : state.derive(from, changesOf(way)))
    if (derived.stateRoot !== toKey(to.header.stateRoot)) {
      state.discard(derived)
      throw damaged(`the journal of block ${to.header.number} does not lead to its state`)
    }
    return state.add(derived, to.hash, to.header.number)
  }

  /**
   * To be called after a block that others will build on is on disk, journal included. Starts moving the state on disk
   * forward, up to that block at most, when there is enough to move; waits only when writing cannot keep up.
   */
  async settle(head: IndexEntry): Promise<void> {
    const { layers, unflushedChanges } = this.#options
    const { state } = this.#components
    const newest = state.layer(head.hash)
    if (newest === undefined) return
    state.trim(newest)
    if (this.#flushing === undefined) this.#squash(newest)
    else await this.untilSafe(head.hash)
    const tooMany = state.unflushed > unflushedChanges || head.header.number - state.disk.number > layers
    if (!tooMany) return
    if (this.#flushing !== undefined) {
      if (state.unflushed > 2 * unflushedChanges) await this.#flushing
      return
    }
    this.#startFlush(this.#chooseFlushTarget(newest))
  }

  #startFlush(target: Layer): void {
    this.#flushTarget = target
    this.#flushing = this.#flush(target).finally(() => {
      this.#flushing = undefined
    })
    // Whoever waits for it sees the failure. The database tells the node of a failed write; after any other the state
    // on disk is as it was, and the next head tries again.
    this.#flushing.catch(() => undefined)
  }

  /** Waits while a flush is under way that drops the state after this block. @throws StoreError. */
  async untilSafe(blockHash: Uint8Array): Promise<void> {
    if (this.#flushing === undefined) return
    let at = this.#components.state.layer(blockHash)
    while (at !== undefined && at !== this.#flushTarget) at = at.base
    if (at === undefined) await this.#flushing
  }

  /** Writes everything up to `head`; for a clean stop. */
  async flushAll(head: IndexEntry): Promise<void> {
    await this.#flushing
    const layer = this.#components.state.layer(head.hash)
    if (layer !== undefined && !equalBytes(head.hash, this.#components.state.disk.blockHash)) {
      await this.#components.state.flush(layer)
    }
  }

  async #flush(target: Layer): Promise<void> {
    const { state, store } = this.#components
    await state.flush(target)
    const below = state.disk.number - this.#options.undoBlocks
    // In strides: a range deletion looks at every record it passes.
    if (below - this.#prunedBelow >= this.#options.undoBlocks / 4) {
      await store.pruneJournals(below)
      this.#prunedBelow = below
    }
  }

  /** Keeps the states of as many recent blocks as the options allow. */
  #squash(newest: Layer): void {
    const { layers, layerChanges } = this.#options
    let changes = 0
    let kept = 0
    for (let layer: Layer | undefined = newest; layer?.base !== undefined; layer = layer.base) {
      changes += layer.changed
      kept++
      if (kept >= layers || (kept >= MIN_LAYERS && changes > layerChanges)) {
        this.#components.state.squash(layer)
        return
      }
    }
  }

  /** The newest ancestor with which at least half of what is unflushed, or of the blocks, goes to disk. */
  #chooseFlushTarget(newest: Layer): Layer {
    const { layers, unflushedChanges } = this.#options
    let changes = 0
    let blocks = 0
    let layer = newest
    for (;;) {
      changes += layer.changed + layer.carried
      blocks++
      const { base } = layer
      if (base?.base === undefined || changes > unflushedChanges / 2 || blocks > layers / 2) return layer
      layer = base
    }
  }
}

/** A block's journal, and which side of it leads on: `after` to do its steps again, `before` to undo them. */
interface Leg {
  readonly journal: AccountJournal
  readonly side: 'before' | 'after'
}

type Way = readonly Leg[]

interface Run {
  readonly entry: IndexEntry
  readonly way: Way
}

/** Blocks whose states are kept however large they are: short reorgs are everyday. */
const MIN_LAYERS = 3

/** Says that the state on disk is not to be trusted until it has been built anew, or that it is again. @throws StoreError. */
export async function markRebuilding(database: Database, rebuilding: boolean): Promise<void> {
  const batch = database.batch()
  if (rebuilding) batch.put(keys.meta('rebuilding'), new Uint8Array([1]))
  else batch.delete(keys.meta('rebuilding'))
  await batch.write({ sync: true })
}

/** What a way makes of the accounts, or of those whose keys begin with a nibble. */
function changesOf(way: Way, nibble?: number): AccountChange[] {
  const values = new Map<Key, AccountValue | undefined>()
  for (const { journal, side } of way) {
    for (const step of journal.steps(nibble)) values.set(step.key, step[side])
  }
  const changes: AccountChange[] = []
  for (const [key, value] of values) changes.push({ key, value })
  return changes
}

/** The same by sixteenths, each made when it is taken: all at once are 100 MB after a kill amid large blocks. */
function* changesByParts(way: Way): Generator<AccountChange[]> {
  for (let nibble = 0; nibble < 16; nibble++) yield changesOf(way, nibble)
}
