import { type Account, EMPTY_TRIE_ROOT } from '../primitives/account.ts'
import { equalBytes, type Key, toKey } from '../primitives/bytes.ts'
import { StateUnavailableError } from '../primitives/errors.ts'
import { type Database, damaged, type WriteBatch } from '../store/database.ts'
import { MissingNodeError, type Pacer } from '../trie/update.ts'
import { AccountNodes } from './account-nodes.ts'
import { proveAccount } from './account-proof.ts'
import { AccountUpdate, hashOfRoot, type UpdatedTrie } from './account-update.ts'
import { type AccountValue, decodeAccountValue } from './account-value.ts'
import type { Handle } from './arena.ts'
import type { AccountChange, Derived, Layer, Root } from './layer.ts'
import { Loader } from './loader.ts'
import { evictionAge, sweep } from './sweep.ts'
import { deleteNode, putStateMarker, putUnstored, readStateMarker } from './write.ts'

/** Records put between two looks at the clock. */
const PACED_RECORDS = 1024

/** Share by which nodes in memory may grow between two sweeps. */
const SWEEP_GROWTH = 1.25

export interface StateOptions {
  /** Bytes of trie nodes and accounts to keep in memory beyond those not yet on disk. */
  readonly cacheBytes: number
}

/** Work that goes on: what its layer leads to, and nodes made or used since it began, are not swept. */
interface Pin {
  readonly layer: Layer
  readonly since: number
}

export interface StateComponents {
  readonly database: Database
  readonly pacer: Pacer
}

/**
 * The accounts at recent blocks. One version is on disk: every inner trie node under its path, leaves inside their
 * parents, so that nothing is ever garbage. Above it stand layers in memory, one a block, forks included.
 *
 * `flush` moves the disk forward to a layer in one atomic batch, with the marker that says which block it is the
 * state of; a crash leaves either the old version or the new one.
 */
export class State {
  readonly #options: StateOptions
  readonly #database: Database
  readonly #nodes = new AccountNodes()
  readonly #pacer: Pacer
  readonly #loader: Loader
  readonly #layers = new Map<Key, Layer>()
  readonly #pins = new Set<Pin>()
  #disk: Layer
  /** Bytes of nodes in memory at which the next sweep is due. */
  #sweepAtBytes = 0
  /** Nodes made before this generation and not reached from a layer are gone. */
  #sweptBefore = 0

  private constructor(options: StateOptions, components: StateComponents, disk: Layer) {
    this.#options = options
    this.#database = components.database
    this.#pacer = components.pacer
    this.#loader = new Loader(components.database, this.#nodes, components.pacer)
    this.#disk = disk
    this.#layers.set(toKey(disk.blockHash), disk)
  }

  /**
   * Opens the state on disk.
   * @param numberOf tells a block's number by its hash.
   * @throws StoreError if there is none or its root node is damaged.
   */
  static open(
    options: StateOptions,
    components: StateComponents,
    numberOf: (blockHash: Uint8Array) => number | undefined,
  ): State {
    return new State(options, components, readDiskLayer(components.database, numberOf))
  }

  /** The block whose state is on disk. */
  get disk(): { readonly blockHash: Uint8Array; readonly number: number } {
    return this.#disk
  }

  /** Account changes held in memory only, over all layers: what a flush would write and a crash would replay. */
  get unflushed(): number {
    let changed = 0
    for (const layer of this.#layers.values()) changed += layer.changed + layer.carried
    return changed
  }

  /** The state after a block; undefined if it is not held. */
  layer(blockHash: Uint8Array): Layer | undefined {
    return this.#layers.get(toKey(blockHash))
  }

  /**
   * Accounts in the order of `accountKeys`; undefined: proven absent. Their paths are in memory afterwards.
   * Cost: a microsecond each from memory, else up to three reads with their hashes.
   * @throws StoreError, StateUnavailableError.
   */
  async read(layer: Layer, accountKeys: readonly Key[]): Promise<(Account | undefined)[]> {
    const values = await this.readValues(layer, accountKeys)
    return values.map((value) => (value === undefined ? undefined : decodeAccountValue(value)))
  }

  /** As `read`, in the form in which the state keeps accounts. */
  readValues(layer: Layer, accountKeys: readonly Key[]): Promise<(AccountValue | undefined)[]> {
    return this.#pinned(layer, () =>
      this.#loader.load(layer, accountKeys, (what) => (this.#holds(layer) ? damaged(what) : new StateUnavailableError())),
    )
  }

  /** EIP-1186 account proof: nodes from the root down. @throws StoreError, StateUnavailableError. */
  async prove(layer: Layer, key: Key): Promise<Uint8Array[]> {
    return this.#pinned(layer, async () => {
      await this.readValues(layer, [key])
      return proveAccount(this.#nodes, handleOf(layer.root), key)
    })
  }

  /**
   * The state that `changes` (distinct keys) make of `base`. Quickest where they were read before. Lets other work run
   * in between. @throws StoreError, StateUnavailableError.
   */
  async derive(base: Layer, changes: readonly AccountChange[]): Promise<Derived> {
    const generation = ++this.#nodes.generation
    if (changes.length === 0) {
      const { root } = base
      return { base, root, generation, stateRoot: this.#rootHash(root), removed: [], changes }
    }
    const { root, rootHash, removed } = await this.#pinned(base, () => this.#update(base, changes))
    return { base, root: root === 0 ? undefined : root, generation, stateRoot: rootHash, removed, changes }
  }

  async #update(base: Layer, changes: readonly AccountChange[]): Promise<UpdatedTrie> {
    if (typeof base.root === 'string') await this.readValues(base, [changes[0]!.key])
    for (;;) {
      try {
        return await new AccountUpdate(this.#nodes, changes).apply(handleOf(base.root), this.#pacer)
      } catch (error) {
        if (!(error instanceof MissingNodeError)) throw error
        // A changed key, or what stands beside a deleted one and has to move up: any key below it leads there.
        const sibling = error.path.padEnd(32, '\0').slice(0, 32)
        await this.readValues(base, [sibling, ...changes.map(({ key }) => key)])
      }
    }
  }

  #rootHash(root: Root): Key {
    return typeof root === 'string' ? root : hashOfRoot(this.#nodes, root ?? 0)
  }

  /** Runs work on a layer, whose nodes stay meanwhile. @throws StateUnavailableError if the layer is not held. */
  async #pinned<T>(layer: Layer, work: () => Promise<T>): Promise<T> {
    if (!this.#holds(layer)) throw new StateUnavailableError()
    const pin: Pin = { layer, since: this.#nodes.generation }
    this.#pins.add(pin)
    try {
      return await work()
    } finally {
      this.#pins.delete(pin)
    }
  }

  #holds(layer: Layer): boolean {
    return this.layer(layer.blockHash) === layer
  }

  /** Makes a derived state that of a block. @throws StateUnavailableError if a flush has dropped what it builds on. */
  add(derived: Derived, blockHash: Uint8Array, number: number): Layer {
    if (!this.#holds(derived.base) || derived.generation < this.#sweptBefore) throw new StateUnavailableError()
    const layer: Layer = {
      blockHash,
      number,
      root: derived.root,
      base: derived.base,
      removed: derived.removed,
      changed: derived.changes.length,
      carried: 0,
    }
    this.#layers.set(toKey(blockHash), layer)
    return layer
  }

  /** Forgets all layers, before the disk is written anew. */
  forget(): void {
    this.#layers.clear()
  }

  /** Starts again from the disk, which someone else has written. */
  reload(numberOf: (blockHash: Uint8Array) => number | undefined): Layer {
    this.#layers.clear()
    this.#disk = readDiskLayer(this.#database, numberOf)
    this.#layers.set(toKey(this.#disk.blockHash), this.#disk)
    return this.#disk
  }

  /**
   * Gives up the states before `oldest` that are not on disk, side branches included: their share of the memory is the
   * nodes that later blocks have replaced. What they changed is carried by the layers above, until a flush.
   */
  squash(oldest: Layer): void {
    for (let given = oldest.base; given !== undefined && given !== this.#disk; given = oldest.base) {
      oldest.removed = [...given.removed, ...oldest.removed]
      oldest.carried += given.changed + given.carried
      oldest.base = given.base
    }
    for (const [hashKey, layer] of this.#layers) {
      if (layer !== this.#disk && layer.number < oldest.number) this.#layers.delete(hashKey)
    }
    this.#dropOrphans()
  }

  /**
   * Moves the disk to `target` in one batch. Layers that do not descend from it are gone afterwards. Other work of
   * the thread goes on meanwhile, derivations from other layers included. One flush at a time.
   * @throws StoreError, after which the database refuses every write.
   */
  async flush(target: Layer): Promise<void> {
    const batch = this.#database.batch()
    for (let layer: Layer | undefined = target; layer !== this.#disk; layer = layer.base) {
      if (layer === undefined) throw new StateUnavailableError()
      for (const place of layer.removed) deleteNode(batch, place)
    }
    const written = await this.#pinned(target, () => this.#putUnstored(target, batch))
    putStateMarker(batch, target.blockHash, this.#rootHash(target.root))
    this.#retain(target)
    await batch.write({ sync: false })
    // From below, so that no node counts as stored, and may be evicted, before those that it leads to.
    for (let i = written.length - 1; i >= 0; i--) {
      this.#nodes.markStored(written[i]!)
      if (i % PACED_RECORDS === 0) await this.#pacer.pause()
    }
  }

  async #putUnstored(target: Layer, batch: WriteBatch): Promise<Handle[]> {
    const written: Handle[] = []
    if (typeof target.root !== 'number') return written
    for (const node of putUnstored(this.#nodes, target.root, () => batch)) {
      written.push(node)
      if (written.length % PACED_RECORDS === 0) await this.#pacer.pause()
    }
    return written
  }

  /**
   * Frees what no layer leads to any more, and brings what is on disk too back within its budget, where enough has
   * come together. Cost: see `sweep`; some 20 ms at a million accounts, every few blocks.
   */
  trim(): void {
    const { arena, generation } = this.#nodes
    if (arena.usedBytes < this.#sweepAtBytes) return
    // What was derived last may not have become a layer yet.
    const keepFrom = Math.min(generation, ...[...this.#pins].map(({ since }) => since))
    this.#sweptBefore = keepFrom
    this.#sweep(keepFrom, 0)
    const { cacheBytes } = this.#options
    const evictBefore = arena.usedBytes <= cacheBytes ? 0 : evictionAge(this.#nodes, cacheBytes, keepFrom)
    if (evictBefore > 0) this.#sweep(keepFrom, evictBefore)
    this.#sweepAtBytes = arena.usedBytes * SWEEP_GROWTH
  }

  #sweep(keepFrom: number, evictBefore: number): void {
    const held = [...this.#layers.values(), ...[...this.#pins].map(({ layer }) => layer)]
    const roots = held.map(({ root }) => root).filter((root) => typeof root === 'number')
    sweep(this.#nodes, roots, { keepFrom, evictBefore })
  }

  #retain(target: Layer): void {
    target.base = undefined
    this.#disk = target
    this.#dropOrphans()
  }

  /** Forgets layers that no longer lead down to the disk. */
  #dropOrphans(): void {
    for (const [hashKey, layer] of this.#layers) {
      let at: Layer | undefined = layer
      while (at !== undefined && at !== this.#disk && this.layer(at.blockHash) === at) at = at.base
      if (at !== this.#disk) this.#layers.delete(hashKey)
    }
  }
}

/** Of a root that is in memory. */
function handleOf(root: Root): Handle {
  return typeof root === 'number' ? root : 0
}

function readDiskLayer(database: Database, numberOf: (blockHash: Uint8Array) => number | undefined): Layer {
  const marker = readStateMarker(database)
  if (marker === undefined) throw damaged('there is no state in it')
  const { blockHash, stateRoot } = marker
  const number = numberOf(blockHash)
  if (number === undefined) throw damaged('its state belongs to an unknown block')
  const root = equalBytes(stateRoot, EMPTY_TRIE_ROOT) ? undefined : toKey(stateRoot)
  return { blockHash, number, root, base: undefined, removed: [], changed: 0, carried: 0 }
}
