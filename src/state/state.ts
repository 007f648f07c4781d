import { type Account, EMPTY_TRIE_ROOT } from '../primitives/account.ts'
import { equalBytes, type Key, toKey } from '../primitives/bytes.ts'
import { StateUnavailableError } from '../primitives/errors.ts'
import { type Database, damaged } from '../store/database.ts'
import type { NodeFactory, TrieNode } from '../trie/node.ts'
import { proveKey } from '../trie/proof.ts'
import { MissingNodeError, type Pacer, type TrieUpdate, updateTriePaced } from '../trie/update.ts'
import { type AccountValue, decodeAccountValue } from './account-value.ts'
import { evict } from './evict.ts'
import type { AccountChange, Derived, Layer } from './layer.ts'
import { Loader } from './loader.ts'
import { NodeWriter, putStateMarker, readStateMarker, unstoredNodes } from './write.ts'

/** Records put between two looks at the clock. */
const PACED_RECORDS = 1024

export interface StateOptions {
  /** Bytes of trie nodes and accounts to keep in memory beyond those not yet on disk. */
  readonly cacheBytes: number
}

export interface StateComponents {
  readonly database: Database
  readonly factory: NodeFactory<AccountValue>
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
  readonly #factory: NodeFactory<AccountValue>
  readonly #pacer: Pacer
  readonly #loader: Loader
  readonly #layers = new Map<Key, Layer>()
  #disk: Layer
  #trimmedSlot = 0

  private constructor(options: StateOptions, components: StateComponents, disk: Layer) {
    this.#options = options
    this.#database = components.database
    this.#factory = components.factory
    this.#pacer = components.pacer
    this.#loader = new Loader(components.database, components.factory, components.pacer)
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
    return this.#loader.load(layer, accountKeys, (what) => this.#unreadable(layer, what))
  }

  /** EIP-1186 account proof: nodes from the root down. @throws StoreError, StateUnavailableError. */
  async prove(layer: Layer, key: Key): Promise<Uint8Array[]> {
    await this.readValues(layer, [key])
    return proveKey(this.#factory, layer.root, key)
  }

  /**
   * The state that `changes` (distinct keys) make of `base`. Quickest where they were read before. Lets other work run
   * in between. @throws StoreError, StateUnavailableError.
   */
  async derive(base: Layer, changes: readonly AccountChange[]): Promise<Derived> {
    this.#factory.generation++
    const { root, removed } = await this.#update(base, changes)
    return { base, root, stateRoot: this.#factory.rootHash(root), removed, changes }
  }

  async #update(base: Layer, changes: readonly AccountChange[]): Promise<TrieUpdate<AccountValue>> {
    for (;;) {
      try {
        return await updateTriePaced(this.#factory, base.root, changes, this.#pacer)
      } catch (error) {
        if (!(error instanceof MissingNodeError)) throw error
        // A changed key, or what stands beside a deleted one and has to move up: any key below it leads there.
        const sibling = error.path.padEnd(32, '\0').slice(0, 32)
        await this.readValues(base, [sibling, ...changes.map(({ key }) => key)])
      }
    }
  }

  /** Makes a derived state that of a block. @throws StateUnavailableError if a flush has dropped what it builds on. */
  add(derived: Derived, blockHash: Uint8Array, number: number): Layer {
    if (this.layer(derived.base.blockHash) !== derived.base) throw new StateUnavailableError()
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

  /** Forgets the states of blocks above `number`; the one on disk is not among them. */
  dropAbove(number: number): void {
    for (const [hashKey, layer] of this.#layers) if (layer.number > number) this.#layers.delete(hashKey)
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
    const writer = new NodeWriter(this.#factory)
    for (let layer: Layer | undefined = target; layer !== this.#disk; layer = layer.base) {
      if (layer === undefined) throw new StateUnavailableError()
      for (const place of layer.removed) writer.delete(batch, place)
    }
    const written: TrieNode<AccountValue>[] = []
    for (const placed of unstoredNodes(target.root)) {
      writer.put(batch, placed)
      written.push(placed.node)
      if (written.length % PACED_RECORDS === 0) await this.#pacer.pause()
    }
    putStateMarker(batch, target.blockHash, this.#factory.rootHash(target.root))
    this.#retain(target)
    await batch.write({ sync: false })
    for (let i = 0; i < written.length; i++) {
      const node = written[i]!
      if (node.kind !== 'leaf') node.stored = true
      if (i % PACED_RECORDS === 0) await this.#pacer.pause()
    }
  }

  /**
   * Brings one sixteenth of the memory back within its budget, in turn; keys are hashes, so sixteenths are alike.
   * @param newest  the layer that new blocks build on. Cost: see `evict`; some milliseconds at the default budget.
   */
  trim(newest: Layer): void {
    const { root } = newest
    if (typeof root !== 'object' || root.kind !== 'branch') return
    this.#trimmedSlot = (this.#trimmedSlot + 1) % 16
    const subtree = root.children[this.#trimmedSlot]
    evict(subtree, this.#factory.generation, this.#options.cacheBytes / 16)
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

  #unreadable(layer: Layer, what: string): Error {
    const held = this.#layers.get(toKey(layer.blockHash)) === layer
    return held ? damaged(what) : new StateUnavailableError()
  }
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
