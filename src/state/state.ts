import { type Account, EMPTY_TRIE_ROOT } from '../primitives/account.ts'
import { equalBytes, type Key, toKey } from '../primitives/bytes.ts'
import { StateUnavailableError } from '../primitives/errors.ts'
import { type Database, damaged, type WriteBatch } from '../store/database.ts'
import { nibbleAt } from '../trie/node.ts'
import type { Pacer } from '../trie/update.ts'
import { KEY_BYTES } from './account-leaf.ts'
import { AccountNodes, BRANCH } from './account-nodes.ts'
import { proveAccount } from './account-proof.ts'
import { AccountUpdate, hashOfRoot, MissingNodeError, type UpdatedTrie } from './account-update.ts'
import { type AccountValue, decodeAccountValue } from './account-value.ts'
import type { Handle } from './arena.ts'
import { evict } from './evict.ts'
import type { AccountChange, Derived, Layer, Root, RootHolder } from './layer.ts'
import { Loader } from './loader.ts'
import { putFlushMarker, putStateMarker, readStateMarker } from './state-marker.ts'
import { deleteNode, putRoot, putUnstored } from './write.ts'

/** Records put between two looks at the clock. */
const PACED_RECORDS = 1024

export interface StateOptions {
  /** Bytes of trie nodes and accounts to keep in memory beyond those not yet on disk. */
  readonly cacheBytes: number
}

/** Generations that are never evicted: what was loaded for a block should still be there when it executes. */
const MIN_AGE = 8
/** By what share of its budget the memory may grow by reading before a sixteenth of it is brought back: a few ms for some thousand accounts. */
const READ_GROWTH = 1 / 256

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
  #interrupted: Uint8Array | undefined
  #trimmedSlot = 0
  /** What the memory held after the last sixteenth was brought back. */
  #trimmedBytes = 0

  private constructor(
    options: StateOptions,
    components: StateComponents,
    { disk, interrupted }: ReturnType<typeof readDiskLayer>,
  ) {
    this.#interrupted = interrupted
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

  /**
   * Hash of the block that a flush was leading to when the process was killed: until the account changes up to there have
   * been applied to the disk's layer, and flushed, that layer is the state of no block.
   */
  get interrupted(): Uint8Array | undefined {
    return this.#interrupted
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

  /** Bytes of trie nodes that are not on disk, those that a flush is writing included. */
  get unflushedBytes(): number {
    return this.#nodes.unstoredBytes
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

  /**
   * One account after a block, at once: nothing else runs meanwhile, so that nothing has to be kept from it. Cost: see `Loader.loadOne`.
   * @throws StoreError, StateUnavailableError.
   */
  readOne(blockHash: Uint8Array, accountKey: Key): Account | undefined {
    const layer = this.layer(blockHash)
    if (layer === undefined) throw new StateUnavailableError()
    const unreadable = this.#unreadable(layer)
    this.#loader.loadRoot(layer, unreadable)
    const value = this.#loader.loadOne(handleOf(layer.root), accountKey, unreadable)
    this.#trimRead(layer)
    return value === undefined ? undefined : decodeAccountValue(value)
  }

  /** As `read`, in the form in which the state keeps accounts. */
  async readValues(layer: Layer, accountKeys: readonly Key[]): Promise<(AccountValue | undefined)[]> {
    const values = await this.#pinned(layer, () =>
      this.#loader.load(handleOf(layer.root), accountKeys, this.#unreadable(layer)),
    )
    this.#trimRead(layer)
    return values
  }

  /** Between two blocks clients may read any number of accounts: what they have loaded leaves the memory as it does with a block. */
  #trimRead(layer: Layer): void {
    const { cacheBytes } = this.#options
    const grown = this.memoryBytes - Math.max(this.#trimmedBytes, cacheBytes)
    if (grown <= cacheBytes * READ_GROWTH || !this.#holds(layer)) return
    this.#nodes.generation++
    this.trim(layer)
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
      return { base, root, stateRoot: this.#rootHash(root), removed: [], changed: 0 }
    }
    const { root, rootHash, removed } = await this.#pinned(base, () =>
      this.#update(handleOf(base.root), changes, this.#unreadable(base)),
    )
    return { base, root: root === 0 ? undefined : root, stateRoot: rootHash, removed, changed: changes.length }
  }

  /**
   * What changes make of the state on disk, where they are very many: they come in parts (distinct keys over all of them),
   * and what a part has replaced leaves the memory before the next is read, as far as it was not there already. So they need the
   * memory of the nodes that they lead to once. @throws StoreError, StateUnavailableError.
   */
  async deriveFromDisk(parts: Iterable<readonly AccountChange[]>): Promise<Derived> {
    const nodes = this.#nodes
    const base = this.#disk
    const unreadable = this.#unreadable(base)
    // A root of its own, where it can be read: what is loaded below the layer's would stay with it.
    const stored = typeof base.root === 'number' && nodes.isStored(base.root)
    const made: RootHolder = { root: stored ? this.#rootHash(base.root) : base.root }
    if (typeof made.root === 'number') nodes.retain(made.root)
    const removed: Key[] = []
    let changed = 0
    nodes.generation++
    const mark = { since: nodes.generation }
    this.#working.add(mark)
    try {
      for (const changes of parts) {
        if (changes.length === 0) continue
        this.#loader.loadRoot(made, unreadable)
        const before = handleOf(made.root)
        const keys = changes.map(({ key }) => key)
        await this.#loader.load(before, keys, unreadable)
        const updated = await this.#update(before, changes, unreadable)
        if (before !== 0) nodes.release(before)
        made.root = updated.root === 0 ? undefined : updated.root
        for (const place of updated.removed) removed.push(place)
        changed += changes.length
      }
      return { base, root: made.root, stateRoot: this.#rootHash(made.root), removed, changed }
    } catch (error) {
      if (typeof made.root === 'number') nodes.release(made.root)
      throw error
    } finally {
      this.#working.delete(mark)
    }
  }

  /** Forgets a derived state that will not become a block's. */
  discard({ root }: Derived): void {
    if (typeof root === 'number') this.#nodes.release(root)
  }

  /** The root is retained by the caller. */
  async #update(
    root: Handle,
    changes: readonly AccountChange[],
    unreadable: (what: string) => Error,
  ): Promise<UpdatedTrie> {
    for (;;) {
      try {
        return await new AccountUpdate(this.#nodes, changes).apply(root, this.#pacer)
      } catch (error) {
        if (!(error instanceof MissingNodeError)) throw error
        // A changed key, or what stands beside a deleted one and has to move up: any key below it leads there.
        const sibling = error.path.padEnd(32, '\0').slice(0, 32)
        await this.#loader.load(root, [sibling, ...changes.map(({ key }) => key)], unreadable)
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
      changed: derived.changed,
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
    for (const layer of this.#layers.values()) if (layer.number > number) this.#drop(layer)
  }

  /** Starts again from the disk, which someone else has written. */
  reload(numberOf: (blockHash: Uint8Array) => number | undefined): Layer {
    this.forget()
    const { disk, interrupted } = readDiskLayer(this.#database, numberOf)
    this.#disk = disk
    this.#interrupted = interrupted
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
   * Moves the disk to `target`. Layers that do not descend from it are gone afterwards. Other work of the thread goes on
   * meanwhile, derivations from other layers included. One flush at a time.
   *
   * A large state goes by sixteenths, each in a batch of its own with the root that the disk then has; the marker of the
   * block comes last. A kill in between leaves a state of neither block, but a whole one: see `interrupted`.
   * @throws StoreError, after which the database refuses every write.
   */
  async flush(target: Layer): Promise<void> {
    const removed = this.#removedBelow(target)
    const root = handleOf(target.root)
    const mixed = this.#mixedRoot(root)
    this.#moveDisk(target)
    if (mixed !== 0) await this.#flushSixteenths(target, mixed, removed)
    const batch = this.#database.batch()
    if (mixed === 0) for (const place of removed) deleteNode(batch, place)
    const written = await this.#putUnstored(batch, root)
    putStateMarker(batch, target.blockHash, this.#rootHash(target.root))
    await this.#write(batch, written)
    target.changed = 0
    target.carried = 0
    this.#interrupted = undefined
  }

  /** Places where the disk has a node and `target` has none. */
  #removedBelow(target: Layer): Key[] {
    const removed: Key[] = []
    for (let layer: Layer | undefined = target; layer !== this.#disk; layer = layer.base) {
      if (layer === undefined) throw new StateUnavailableError()
      removed.push(...layer.removed)
    }
    return removed
  }

  /** A copy of the disk's root to put the new sixteenths into; 0 where this root or that one has not sixteen. */
  #mixedRoot(root: Handle): Handle {
    const nodes = this.#nodes
    this.#loader.loadRoot(this.#disk, this.#unreadable(this.#disk))
    const before = handleOf(this.#disk.root)
    const divided = (node: Handle) => node !== 0 && nodes.kind(node) === BRANCH && nodes.childCount(node) === 16
    if (!divided(before) || !divided(root)) return 0
    const mixed = nodes.copy(before)
    for (let slot = 0; slot < 16; slot++) nodes.setChildAt(mixed, slot, 0)
    return mixed
  }

  async #flushSixteenths(target: Layer, mixed: Handle, removed: readonly Key[]): Promise<void> {
    const nodes = this.#nodes
    const root = handleOf(target.root)
    for (let slot = 0; slot < 16; slot++) {
      const batch = this.#database.batch()
      const gone = removed.filter((place) => nibbleAt(place, 2) === slot)
      for (const place of gone) deleteNode(batch, place)
      const written = await this.#putUnstored(batch, nodes.childAt(root, slot), slot)
      if (written.length + gone.length === 0) continue
      const hashAt = nodes.hashAt(root, slot)
      nodes.arena.bytes.copyWithin(nodes.hashAt(mixed, slot), hashAt, hashAt + KEY_BYTES)
      putRoot(nodes, batch, mixed)
      putFlushMarker(batch, target.blockHash, hashOfRoot(nodes, mixed))
      await this.#write(batch, written)
    }
    nodes.free(mixed)
  }

  async #putUnstored(batch: WriteBatch, node: Handle, nibble?: number): Promise<Handle[]> {
    const written: Handle[] = []
    if (node === 0) return written
    for (const put of putUnstored(this.#nodes, node, () => batch, nibble)) {
      written.push(put)
      if (written.length % PACED_RECORDS === 0) await this.#pacer.pause()
    }
    return written
  }

  async #write(batch: WriteBatch, written: readonly Handle[]): Promise<void> {
    await batch.write({ sync: false })
    // From below, so that no node counts as stored, and may be evicted, before those that it leads to.
    for (let i = written.length - 1; i >= 0; i--) {
      this.#nodes.markStored(written[i]!)
      if (i % PACED_RECORDS === 0) await this.#pacer.pause()
    }
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
    this.#trimmedBytes = nodes.arena.usedBytes
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

function readDiskLayer(database: Database, numberOf: (blockHash: Uint8Array) => number | undefined) {
  const marker = readStateMarker(database)
  if (marker === undefined) throw damaged('there is no state in it')
  const { blockHash } = marker
  const number = numberOf(blockHash)
  if (number === undefined) throw damaged('its state belongs to an unknown block')
  const root = equalBytes(marker.root, EMPTY_TRIE_ROOT) ? undefined : toKey(marker.root)
  const disk: Layer = { blockHash, number, root, base: undefined, removed: [], changed: 0, carried: 0 }
  return { disk, interrupted: marker.target }
}
