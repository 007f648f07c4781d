import { type Account, EMPTY_TRIE_ROOT } from '../primitives/account.ts'
import { equalBytes, type Key, toKey } from '../primitives/bytes.ts'
import { StateUnavailableError } from '../primitives/errors.ts'
import { type Database, damaged, type WriteBatch } from '../store/database.ts'
import type { Pacer } from '../trie/update.ts'
import { AccountNodes } from './account-nodes.ts'
import { proveAccount } from './account-proof.ts'
import { AccountUpdate, hashOfRoot, MissingNodeError, type UpdatedTrie } from './account-update.ts'
import { type AccountValue, decodeAccountValue } from './account-value.ts'
import type { Handle } from './arena.ts'
import { evict } from './evict.ts'
import type { AccountChange, Derived, Layer, Root } from './layer.ts'
import { Loader } from './loader.ts'
import { deleteNode, putStateMarker, putUnstored, readStateMarker } from './write.ts'

/** Records put between two looks at the clock. */
const PACED_RECORDS = 1024

export interface StateOptions {
  /** Bytes of trie nodes and accounts to keep in memory beyond those not yet on disk. */
  readonly cacheBytes: number
}

/** Generations that are never evicted: what was loaded for a block should still be there when it executes. */
const MIN_AGE = 8

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
  /** Generations in which work began that goes on: what was used since is not evicted. */
  readonly #working = new Set<{ readonly since: number }>()
  #disk: Layer
  #trimmedSlot = 0

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

  /** Blocks whose states are held. */
  get held(): number {
    return this.#layers.size
  }

  /** Bytes that trie nodes take in memory. */
  get memoryBytes(): number {
    return this.#nodes.arena.usedBytes
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
    return this.#pinned(layer, () => this.#loader.load(handleOf(layer.root), accountKeys, this.#unreadable(layer)))
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
    this.#nodes.generation++
    if (changes.length === 0) {
      const { root } = base
      if (typeof root === 'number') this.#nodes.retain(root)
      return { base, root, stateRoot: this.#rootHash(root), removed: [], changes }
    }
    const { root, rootHash, removed } = await this.#pinned(base, () => this.#update(base, changes))
    return { base, root: root === 0 ? undefined : root, stateRoot: rootHash, removed, changes }
  }

  /** Forgets a derived state that will not become a block's. */
  discard({ root }: Derived): void {
    if (typeof root === 'number') this.#nodes.release(root)
  }

  async #update(base: Layer, changes: readonly AccountChange[]): Promise<UpdatedTrie> {
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
    this.#loader.loadRoot(layer, this.#unreadable(layer))
    const root = handleOf(layer.root)
    const mark = { since: this.#nodes.generation }
    if (root !== 0) this.#nodes.retain(root)
    this.#working.add(mark)
    try {
      return await work()
    } finally {
      this.#working.delete(mark)
      if (root !== 0) this.#nodes.release(root)
    }
  }

  /** Makes the error for what cannot be read: of a layer that is dropped nothing more can be said. */
  #unreadable(layer: Layer): (what: string) => Error {
    return (what) => (this.#holds(layer) ? damaged(what) : new StateUnavailableError())
  }

  #holds(layer: Layer): boolean {
    return this.layer(layer.blockHash) === layer
  }

  /** Makes a derived state that of a block. @throws StateUnavailableError if a flush has dropped what it builds on. */
  add(derived: Derived, blockHash: Uint8Array, number: number): Layer {
    if (!this.#holds(derived.base)) {
      this.discard(derived)
      throw new StateUnavailableError()
    }
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
    for (const layer of this.#layers.values()) this.#drop(layer)
  }

  #drop(layer: Layer): void {
    this.#layers.delete(toKey(layer.blockHash))
    if (typeof layer.root === 'number') this.#nodes.release(layer.root)
  }

  /** Forgets the states of blocks above `number`; the one on disk is not among them. */
  dropAbove(number: number): void {
    for (const [hashKey, layer] of this.#layers) if (layer.number > number) this.#layers.delete(hashKey)
  }

  /** Starts again from the disk, which someone else has written. */
  reload(numberOf: (blockHash: Uint8Array) => number | undefined): Layer {
    this.forget()
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
    for (const layer of this.#layers.values()) {
      if (layer !== this.#disk && layer.number < oldest.number) this.#drop(layer)
    }
    this.#dropOrphans()
    this.#leaveToDisk(this.#disk)
  }

  /** The version on disk need not be in memory, as far as others do not share it. */
  #leaveToDisk(layer: Layer): void {
    const { root } = layer
    if (typeof root !== 'number' || !this.#nodes.isStored(root)) return
    layer.root = this.#rootHash(root)
    this.#nodes.release(root)
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
    this.#moveDisk(target)
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
   * Brings one sixteenth of the memory back within its budget, in turn; keys are hashes, so sixteenths are alike.
   * @param newest  the layer that new blocks build on. Cost: see `evict`; a millisecond at a million accounts.
   */
  trim({ root }: Layer): void {
    const nodes = this.#nodes
    if (typeof root !== 'number' || nodes.arena.usedBytes <= this.#options.cacheBytes) return
    this.#trimmedSlot = (this.#trimmedSlot + 1) % Math.max(1, nodes.childCount(root))
    const subtree = nodes.childCount(root) === 0 ? 0 : nodes.childAt(root, this.#trimmedSlot)
    if (subtree === 0) return
    const keepFrom = Math.min(nodes.generation - MIN_AGE, ...[...this.#working].map(({ since }) => since))
    evict(nodes, subtree, keepFrom, this.#options.cacheBytes / 16)
  }

  #moveDisk(target: Layer): void {
    target.base = undefined
    this.#disk = target
    this.#dropOrphans()
  }

  /** Forgets layers that no longer lead down to the disk. */
  #dropOrphans(): void {
    for (const layer of this.#layers.values()) {
      let at: Layer | undefined = layer
      while (at !== undefined && at !== this.#disk && this.layer(at.blockHash) === at) at = at.base
      if (at !== this.#disk) this.#drop(layer)
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
