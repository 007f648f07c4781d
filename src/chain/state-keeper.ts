import type { Account } from '../primitives/account.ts'
import { equalBytes, type Key, toKey } from '../primitives/bytes.ts'
import { StateUnavailableError } from '../primitives/errors.ts'
import { type AccountValue, decodeAccountValue } from '../state/account-value.ts'
import type { Layer } from '../state/layer.ts'
import type { State } from '../state/state.ts'
import { type Database, damaged } from '../store/database.ts'
import { keys } from '../store/schema.ts'
import { AccountOverlay, type Leg, type Way } from './account-overlay.ts'
import type { BlockExecutor } from './block-executor.ts'
import type { BlockIndex, IndexEntry } from './block-index.ts'
import type { ChainStore } from './chain-store.ts'

export interface StateKeeperOptions {
  /** Most blocks whose states are kept in memory: reorgs within them cost nothing, and RPC can look at them. */
  readonly layers: number
  /** Account changes in blocks whose states are kept; big blocks leave fewer than `layers`, but never below three. */
  readonly layerChanges: number
  /** Account changes kept in memory; past it the older ones go to disk. */
  readonly unflushedChanges: number
  /** Bytes of trie nodes that these have made; past it they go likewise. */
  readonly unflushedBytes: number
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
  /** After a start, until the states are held. */
  #start: { readonly head: IndexEntry; overlay: AccountOverlay | undefined; done?: Promise<void> } | undefined

  constructor(options: StateKeeperOptions, components: StateKeeperComponents) {
    this.#options = options
    this.#components = components
  }

  /** Whether states may be added that no head builds on: they and what waits to be written are bounded together. */
  get hasRoom(): boolean {
    return this.#components.state.held < 4 * this.#options.layers && !this.#isUnflushed(2)
  }

  /** Whether more waits for the disk than the options say, or than `times` as much. */
  #isUnflushed(times: number): boolean {
    const { state } = this.#components
    const { unflushedChanges, unflushedBytes } = this.#options
    return state.unflushed > times * unflushedChanges || state.unflushedBytes > times * unflushedBytes
  }

  /**
   * The state after a block that has been executed, also if it has to be got back.
   * Cost: free if held; else proportional to the changes between it and the nearest state held; beyond the journals, all
   * blocks from genesis on are executed again. @throws StoreError.
   */
  async layerOf(entry: IndexEntry): Promise<Layer> {
    await this.recovered()
    return this.#layerOf(entry)
  }

  async #layerOf(entry: IndexEntry): Promise<Layer> {
    return (await this.#fromJournals(entry)) ?? (await this.rebuild(entry))
  }

  /**
   * To be called at a start, before anything is read from the state. What the head's accounts are can be told at once, see
   * `accountsAtStart`: everything else waits for `recovered`. Where no journals lead to the head, its state is made here.
   * Cost: reading the journals between the state on disk and the head. @throws StoreError.
   */
  async recover(head: IndexEntry): Promise<void> {
    const overlay = this.#overlayOf(head)
    if (overlay === undefined) await this.#recover(head)
    else this.#start = { head, overlay }
  }

  /**
   * Resolves when the states are held that a start has to get back; the first call begins with it. A flush that a kill has
   * interrupted goes on afterwards, while the node does other work. @throws StoreError.
   */
  recovered(): Promise<void> {
    const start = this.#start
    if (start === undefined) return Promise.resolve()
    start.done ??= this.#recover(start.head).then(
      () => {
        this.#start = undefined
      },
      (error) => {
        // What the journals said may be as wrong as what they lead to.
        start.overlay = undefined
        throw error
      },
    )
    return start.done
  }

  /** Whether states are still to be got back. */
  get isStarting(): boolean {
    return this.#start !== undefined
  }

  /**
   * Accounts after the head, at a start whose state is still to be got back: as the journals have them, whose records carry
   * checksums, and the rest from disk, checked by hash. Waits for the state where another block's is asked for.
   * @returns undefined: the states are held. @throws StoreError.
   */
  async accountsAtStart(
    accountKeys: readonly Key[],
    blockHash: Uint8Array,
  ): Promise<(Account | undefined)[] | undefined> {
    const { state } = this.#components
    const start = this.#start
    if (start === undefined) return undefined
    const { head, overlay } = start
    const disk = state.layer(state.disk.blockHash)
    if (overlay !== undefined && disk !== undefined && equalBytes(blockHash, head.hash)) {
      try {
        const values = accountKeys.map((key) => overlay.get(key))
        const rest = await state.readValues(
          disk,
          accountKeys.filter((_, i) => values[i] === undefined),
        )
        let next = 0
        return values.map((found) => decoded(found === undefined ? rest[next++] : found.value))
      } catch (error) {
        // The disk has moved on meanwhile.
        if (!(error instanceof StateUnavailableError)) throw error
      }
    }
    await this.recovered()
    return undefined
  }

  /** What the journals make of the state on disk; undefined: they do not lead to the head, or there is nothing to make. */
  #overlayOf(head: IndexEntry): AccountOverlay | undefined {
    const { state, index } = this.#components
    const from = index.get(state.disk.blockHash)
    if (from === undefined) return undefined
    const target = state.interrupted === undefined ? from : index.get(state.interrupted)
    // A flush that left the head's branch is finished first.
    if (target === undefined) return undefined
    if (!this.#descends(head, { number: target.header.number, blockHash: target.hash })) return undefined
    const toTarget = this.#wayBetween(from, target)
    const toHead = this.#wayBetween(target, head)
    if (toTarget === undefined || toHead === undefined || toTarget.length + toHead.length === 0) return undefined
    return new AccountOverlay([...toTarget, ...toHead])
  }

  async #recover(head: IndexEntry): Promise<void> {
    const { state } = this.#components
    const target = await this.#reachInterrupted()
    // What else is held then is of no block: only the flush makes a state of it that another branch can begin from.
    if (target !== undefined && !this.#descends(head, target)) await state.flush(target)
    await this.#layerOf(head)
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

  #descends(entry: IndexEntry, ancestor: Pick<Layer, 'number' | 'blockHash'>): boolean {
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
    await this.recovered()
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
      if (this.#isUnflushed(1)) await state.flush(layer)
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
    const parts = new AccountOverlay(way).parts()
    const derived = await (from.base === undefined
      ? state.deriveFromDisk(parts)
      : state.derive(from, [...parts].flat()))
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
    const { state } = this.#components
    const newest = state.layer(head.hash)
    if (newest === undefined) return
    state.trim(newest)
    if (this.#flushing === undefined) this.#squash(newest)
    else await this.untilSafe(head.hash)
    if (!this.#isUnflushed(1) && head.header.number - state.disk.number <= this.#options.layers) return
    if (this.#flushing !== undefined) {
      if (this.#isUnflushed(2)) await this.#flushing
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
    await this.#start?.done?.catch(() => undefined)
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

function decoded(value: AccountValue | undefined): Account | undefined {
  return value === undefined ? undefined : decodeAccountValue(value)
}
