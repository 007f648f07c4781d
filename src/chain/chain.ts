import type { Engine, Finality } from '../consensus/engine.ts'
import { hashHeader } from '../crypto/hashes.ts'
import { keccak256 } from '../crypto/keccak.ts'
import type { Account } from '../primitives/account.ts'
import { type Block, blockLength, encodeTransactions } from '../primitives/block.ts'
import { EMPTY_BYTES, equalBytes, fromKey, type Key } from '../primitives/bytes.ts'
import type { Clock } from '../primitives/clock.ts'
import { StateUnavailableError, StoreError } from '../primitives/errors.ts'
import type { HashedHeader, Header } from '../primitives/header.ts'
import { buildGenesisState, type GenesisState, writeGenesisState } from '../state/genesis-state.ts'
import type { Layer } from '../state/layer.ts'
import { State } from '../state/state.ts'
import { type Database, damaged } from '../store/database.ts'
import { keys } from '../store/schema.ts'
import type { Pacer } from '../trie/update.ts'
import { BlockExecutor, type BuiltOutcome, type TransactionOffers } from './block-executor.ts'
import { BlockIndex, entryOn, type IndexEntry } from './block-index.ts'
import { ChainStore } from './chain-store.ts'
import { Committer } from './committer.ts'
import { type CreateExecution, createTransferExecution } from './execution.ts'
import type { Genesis } from './genesis.ts'
import { HeaderBranch } from './header-branch.ts'
import { Importer, type RecoverSenders } from './importer.ts'
import { type RewindComponents, rewind } from './rewind.ts'
import { StateKeeper, type StateKeeperOptions } from './state-keeper.ts'
import { transactionsRoot } from './transactions-root.ts'
import type { ChainEvent, ChainParams, Head, ImportOutcome } from './types.ts'

export interface ChainOptions extends Partial<StateKeeperOptions> {
  readonly genesis: Genesis
  /** Bytes of state kept in memory for reading, beyond what is not on disk yet. */
  readonly stateCacheBytes?: number
}

export interface ChainComponents {
  readonly database: Database
  readonly engine: Engine
  readonly clock: Clock
  readonly pacer: Pacer
  readonly recover: RecoverSenders
  readonly createExecution?: CreateExecution
}

const LAYOUT_VERSION = 2

const DEFAULTS = {
  layers: 128,
  layerChanges: 20_000,
  /** The more changes are merged at a time, the fewer nodes are written for each; a node does them again after a kill. */
  unflushedChanges: 500_000,
  unflushedBytes: 128 * 1024 * 1024,
  undoBlocks: 4096,
  stateCacheBytes: 160 * 1024 * 1024,
} as const

/**
 * The ledger of one network on one database: judges blocks, keeps the states they lead to, follows the branch with the
 * most work. Knows no peers, no pool and no engine but the one it was given.
 */
export class Chain {
  readonly params: ChainParams
  readonly genesisHash: Uint8Array
  readonly #engine: Engine
  readonly #pacer: Pacer
  readonly #store: ChainStore
  readonly #index: BlockIndex
  readonly #state: State
  readonly #executor: BlockExecutor
  readonly #keeper: StateKeeper
  readonly #rewinding: RewindComponents
  readonly #importer: Importer
  readonly #listeners = new Set<(event: ChainEvent) => void>()
  #head: IndexEntry

  /**
   * Opens the chain in `database`, creating it from the genesis if the database is empty. After a crash the state of its
   * head is got back later: see `recovered`.
   * @throws StoreError if the database is damaged, of another version or of another genesis.
   */
  static async open(options: ChainOptions, components: ChainComponents): Promise<Chain> {
    const store = new ChainStore(components.database)
    await prepareGenesis(options.genesis, components, store)
    await store.openIndex(components.pacer)
    const chain = new Chain(options, components, store)
    await chain.#recoverState(components.database)
    return chain
  }

  private constructor(options: ChainOptions, components: ChainComponents, store: ChainStore) {
    const { genesis } = options
    const { database, engine, clock, pacer, recover } = components
    const genesisHash = database.get(keys.meta('genesis'))!
    this.params = genesis.params
    this.genesisHash = genesisHash
    this.#engine = engine
    this.#pacer = pacer
    this.#store = store
    this.#index = new BlockIndex(store, genesis.params.chainId)
    const index = this.#index
    const headHash = store.headHash()
    const head = headHash && index.get(headHash)
    if (head === undefined) throw damaged('the head block is missing')
    this.#head = head
    const cacheBytes = options.stateCacheBytes ?? DEFAULTS.stateCacheBytes
    this.#state = State.open({ cacheBytes }, { database, pacer }, (hash) => index.get(hash)?.header.number)
    const state = this.#state
    const createExecution = components.createExecution ?? createTransferExecution
    this.#executor = new BlockExecutor({ state, engine, createExecution, pacer })
    const executor = this.#executor
    const writeGenesis = async (hash: Uint8Array) =>
      writeGenesisState(database, await buildGenesisState(genesis.accounts), hash)
    this.#keeper = new StateKeeper(
      { ...DEFAULTS, ...options },
      { state, store, index, executor, database, writeGenesis },
    )
    const keeper = this.#keeper
    const committer = new Committer({ database, store, index, engine, pacer }, head, (event) => this.#announce(event))
    this.#rewinding = { database, store, index, keeper, committer }
    const { params } = genesis
    this.#importer = new Importer({
      params,
      engine,
      clock,
      pacer,
      recover,
      store,
      index,
      state,
      keeper,
      executor,
      committer,
    })
  }

  /**
   * Resolves when states can be built on. After a kill that takes some seconds, which the first call, or what first needs
   * it, begins; the head's accounts can be read before. @throws StoreError if the state is damaged.
   */
  recovered(): Promise<void> {
    return this.#keeper.recovered()
  }

  /** The tip of the canonical chain. */
  get head(): Head {
    return this.#head
  }

  /** Records by hash and number; reads only. */
  get store(): ChainStore {
    return this.#store
  }

  /** Judges a block and takes it in. @throws BlockError if it is invalid or its parent unknown; StoreError. */
  import(block: Block): Promise<ImportOutcome> {
    return this.#importer.import(block)
  }

  /** Calls `listener` after every change; the returned function ends that. */
  subscribe(listener: (event: ChainEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** The account after a block, at once but for the first moments after a kill; undefined: there is none. @throws StateUnavailableError, StoreError. */
  account(accountKey: Key, blockHash: Uint8Array): Account | undefined | Promise<Account | undefined> {
    if (this.#keeper.isStarting) return this.accounts([accountKey], blockHash).then(([account]) => account)
    return this.#state.readOne(blockHash, accountKey)
  }

  /** Several accounts after a block, in the order of `accountKeys`. @throws StateUnavailableError, StoreError. */
  async accounts(accountKeys: readonly Key[], blockHash: Uint8Array): Promise<(Account | undefined)[]> {
    const atStart = await this.#keeper.accountsAtStart(accountKeys, blockHash)
    return atStart ?? this.#state.read(this.#layer(blockHash), accountKeys)
  }

  /** EIP-1186 account proof after a block. @throws StateUnavailableError, StoreError. */
  async prove(accountKey: Key, blockHash: Uint8Array): Promise<Uint8Array[]> {
    await this.recovered()
    return this.#state.prove(this.#layer(blockHash), accountKey)
  }

  /** Which canonical blocks wallets may call safe and finalized. */
  finality(): Finality {
    return this.#engine.finality(this.#head.header, this.#index.ancestry(this.#head))
  }

  /** Address of the account that a known block sets beside what its transactions do; nearly always none. */
  readonly overridden = (header: Header): Uint8Array | undefined => this.#engine.override?.(header)?.address

  /** Whether a block has been refused before: by its header or by what executing it showed. The newest 1,024 are remembered. */
  isBad(hash: Uint8Array): boolean {
    return this.#importer.isBad(hash)
  }

  /** Whether a block is held, or on its way to be, on whatever branch. Cost: a look-up in memory, else one read. */
  has(hash: Uint8Array): boolean {
    return this.#index.get(hash) !== undefined
  }

  /** Headers to be verified on top of a known block, before their bodies are there; undefined: it is not known. */
  branch(hash: Uint8Array): HeaderBranch | undefined {
    const base = this.#index.get(hash)
    const known = (wanted: Uint8Array) => this.#index.get(wanted)?.header
    return base && new HeaderBranch(base, { params: this.params, engine: this.#engine, known })
  }

  /** Begins on headers that a branch is about to be extended by: see `Engine.recoverSeals`. */
  async recoverSeals(headers: readonly HashedHeader[]): Promise<void> {
    await this.#engine.recoverSeals?.(headers)
  }

  /**
   * Checks that a body is the one its header names, before the parents are there; `import` does not do so again.
   * @throws BlockError. Lets other work of the thread run in between.
   */
  checkBody(block: Block): Promise<void> {
    return this.#importer.checkRoot(block)
  }

  /** What the engine may look up about a child of a known block. */
  ancestry(parentHash: Uint8Array) {
    const parent = this.#index.get(parentHash)
    return parent === undefined ? undefined : this.#index.ancestry(parent)
  }

  /**
   * Builds a block on a known parent out of what `offers` brings, unsealed.
   * @param header  final in all that does not follow from the transactions. @throws StateUnavailableError, StoreError.
   */
  async build(
    header: Header,
    offers: TransactionOffers,
  ): Promise<{ readonly block: Block; readonly built: BuiltOutcome }> {
    await this.recovered()
    const built = await this.#executor.build(header, this.#layer(header.parentHash), offers)
    const transactions = built.transactions.map(({ tx }) => tx)
    const sealed: Header = {
      ...header,
      ...built.fields,
      transactionsRoot: fromKey(await transactionsRoot(transactions, this.#pacer)),
    }
    const body = encodeTransactions(transactions)
    return { block: { ...hashHeader(sealed), transactions, body, sizeBytes: blockLength(sealed, body) }, built }
  }

  /**
   * Goes back to the canonical block `number`, and forgets all that came after it: see `rewind`. For development
   * networks: nodes that follow others would only be told of the same blocks again.
   * @returns false if the head is below it.
   */
  rewind(number: number, beforeWrite: (head: Head) => void): Promise<boolean> {
    return this.#importer.exclusively(async () => {
      const hash = this.#store.canonicalHash(number)
      const target = hash && this.#index.get(hash)
      if (target === undefined) return false
      if (number < this.#head.header.number) await rewind(target, this.#rewinding, beforeWrite)
      return true
    })
  }

  /** Finishes what is under way and writes the state, so that the next start has nothing to catch up on. */
  async close(): Promise<void> {
    await this.#importer.stop()
    await this.#store.placeIndex.stop()
    await this.#keeper.flushAll(this.#head)
  }

  #layer(blockHash: Uint8Array): Layer {
    const layer = this.#state.layer(blockHash)
    if (layer === undefined) throw new StateUnavailableError()
    return layer
  }

  #announce(event: ChainEvent): void {
    if (event.type === 'head') this.#head = this.#index.get(event.head.hash)!
    for (const listener of this.#listeners) {
      try {
        listener(event)
      } catch (error) {
        // The block is on disk whatever a listener makes of it. Its error is a bug, for the process to end with.
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }

  async #recoverState(database: Database): Promise<void> {
    if (database.get(keys.meta('rebuilding')) !== undefined) await this.#keeper.rebuild(this.#head)
    else await this.#keeper.recover(this.#head)
  }
}

/**
 * Writes the genesis block into an empty database, or checks that the one there is this one.
 * @throws StoreError if it is not, or is damaged.
 */
export async function prepareGenesis(
  genesis: Genesis,
  { database, engine, pacer }: Pick<ChainComponents, 'database' | 'engine' | 'pacer'>,
  store: ChainStore,
): Promise<void> {
  const version = database.get(keys.meta('version'))
  if (version !== undefined && version[0] !== LAYOUT_VERSION) {
    const remedy = 'use the version of idobata that wrote it, or another --datadir'
    throw new StoreError(`the database has layout version ${version[0]}, this is ${LAYOUT_VERSION}`, remedy)
  }
  const digest = database.get(keys.meta('genesisDigest'))
  const known = database.get(keys.meta('genesis'))
  // All were written in one batch. Taken for an empty database, a damaged one would be overwritten.
  const written = [version, digest, known, store.headHash()].filter((record) => record !== undefined).length
  if (written !== 0 && written !== 4) throw damaged('it does not say which chain it holds')
  if (digest !== undefined && equalBytes(digest, genesis.digest)) return
  const state = await buildGenesisState(genesis.accounts)
  const { hash, header } = hashHeader({ ...genesis.header, stateRoot: fromKey(state.stateRoot) })
  if (known === undefined) await writeGenesisBlock({ hash, header }, genesis, state)
  else if (!equalBytes(known, hash)) {
    const remedy = 'give the genesis file it was made with (--genesis), or another --datadir'
    throw new StoreError(`the database is of another genesis: ${shortHex(known)}, not ${shortHex(hash)}`, remedy)
  } else if (!equalBytes(database.get(keys.meta('rules')) ?? EMPTY_BYTES, rulesDigest(genesis))) {
    const remedy = 'give the genesis file it was made with (--genesis), or another --datadir'
    throw new StoreError('the genesis file has other rules than the database was made with', remedy)
  }

  async function writeGenesisBlock(block: Pick<Block, 'hash' | 'header'>, source: Genesis, genesisState: GenesisState) {
    await writeGenesisState(database, genesisState, block.hash)
    const body = encodeTransactions([])
    const whole = { ...block, transactions: [], body, sizeBytes: blockLength(block.header, body) }
    const entry = entryOn(block.hash, block.header, undefined, engine.weight(block.header))
    const batch = database.batch()
    store.putBlock(batch, whole, entry.totalDifficulty)
    const executed = { block: whole, transactions: [], receipts: [] }
    await store.putExecution(batch, executed, [], pacer)
    store.putCanonical(batch, entry, entry.historyNodes)
    store.putHead(batch, block.hash)
    batch.put(keys.meta('genesis'), block.hash)
    batch.put(keys.meta('genesisDigest'), source.digest)
    batch.put(keys.meta('rules'), rulesDigest(source))
    batch.put(keys.meta('version'), new Uint8Array([LAYOUT_VERSION]))
    await batch.write({ sync: true })
  }
}

/** Changes with everything in a genesis that blocks are judged by and its block does not show. */
function rulesDigest({ params, engine }: Genesis): Uint8Array {
  const { chainId, maxGasLimit, maxBlockBytes } = params
  const { gasLimitTarget: _, ...settings } = engine.settings
  const sorted = Object.entries(settings).sort(([a], [b]) => (a < b ? -1 : 1))
  const rules = [`${chainId}`, `${maxGasLimit}`, `${maxBlockBytes}`, engine.name, sorted]
  return keccak256(new TextEncoder().encode(JSON.stringify(rules)))
}

function shortHex(hash: Uint8Array): string {
  return `0x${[...hash.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, '0')).join('')}…`
}
