import type { Ancestry, Engine } from '../consensus/engine.ts'
import type { Block } from '../primitives/block.ts'
import { equalBytes, fromKey, type Key, toKey } from '../primitives/bytes.ts'
import type { Clock } from '../primitives/clock.ts'
import { BlockError, type BlockErrorCode, StateUnavailableError, StoreError, TxError } from '../primitives/errors.ts'
import { MAX_BAD_BLOCKS, MAX_HELD_SECONDS } from '../primitives/limits.ts'
import type { RecoveredTransaction, Transaction } from '../primitives/transaction.ts'
import type { Layer } from '../state/layer.ts'
import type { State } from '../state/state.ts'
import type { Pacer } from '../trie/update.ts'
import type { BlockExecutor } from './block-executor.ts'
import { type BlockIndex, entryOn, type IndexEntry } from './block-index.ts'
import type { ChainStore } from './chain-store.ts'
import type { Committer } from './committer.ts'
import { FutureBlocks } from './future-blocks.ts'
import { checkHeader } from './header-rules.ts'
import type { StateKeeper } from './state-keeper.ts'
import { checkTransactionStateless } from './transaction-rules.ts'
import { transactionsRoot } from './transactions-root.ts'
import type { ChainParams, Head, ImportOutcome } from './types.ts'

/** With its own body, or after its parent, a block of the same hash may be valid: anyone can send it with another body. */
const NOT_THE_HEADERS_FAULT: ReadonlySet<BlockErrorCode> = new Set(['bad-transactions-root', 'unknown-parent'])

/** Recovers senders, somewhere off the main thread; results in the order of `transactions`. */
export type RecoverSenders = (
  transactions: readonly Transaction[],
) => Promise<readonly (RecoveredTransaction | TxError)[]>

export interface ImporterComponents {
  readonly params: ChainParams
  readonly engine: Engine
  readonly clock: Clock
  readonly pacer: Pacer
  readonly recover: RecoverSenders
  readonly store: ChainStore
  readonly index: BlockIndex
  readonly state: State
  readonly keeper: StateKeeper
  readonly executor: BlockExecutor
  readonly committer: Committer
}

/**
 * The way of a block: header rules at once, cheapest first; then body and senders, several blocks at a time; then execution,
 * one block after the other in order of arrival; then the committer. A block may be handed over before its parent is
 * through.
 */
export class Importer {
  readonly #components: ImporterComponents
  readonly #running = new Map<Key, Promise<ImportOutcome>>()
  /** Of these, blocks whose turn to execute is not over: nothing can be said yet of what builds on them. */
  readonly #unjudged = new Set<Key>()
  /** Insertion order is age. */
  readonly #bad = new Set<Key>()
  /** Blocks whose body is known to be their header's. */
  readonly #rooted = new WeakSet<Block>()
  readonly #future: FutureBlocks
  /** Ends when the blocks that arrived before have executed. */
  #turn: Promise<void> = Promise.resolve()

  constructor(components: ImporterComponents) {
    this.#components = components
    this.#future = new FutureBlocks(components.clock, (block) => {
      // Nobody waits for it: a refusal needs no answer, and a peer will offer again what failed for another reason.
      this.import(block).catch(() => undefined)
    })
  }

  /** @throws BlockError if the block is invalid or its parent unknown; StoreError. */
  import(block: Block): Promise<ImportOutcome> {
    const key = toKey(block.hash)
    const running = this.#running.get(key)
    if (running !== undefined) {
      return running.catch((error: unknown) => {
        if (error instanceof BlockError && !NOT_THE_HEADERS_FAULT.has(error.code)) throw error
        if (error instanceof StoreError) throw error
        // The header came with another body first, or something failed here: this one is judged by itself.
        return this.import(block)
      })
    }
    const task = this.#import(block).finally(() => this.#running.delete(key))
    this.#running.set(key, task)
    return task
  }

  isBad(hash: Uint8Array): boolean {
    return this.#bad.has(toKey(hash))
  }

  /** Runs `work` while no block executes or is on its way to disk: after those that arrived before, ahead of later ones. */
  exclusively<Result>(work: () => Promise<Result>): Promise<Result> {
    return this.#inTurn(Promise.resolve(), async () => {
      await this.#components.committer.settled()
      return work()
    })
  }

  /** Drops held blocks and waits for those under way. */
  async stop(): Promise<void> {
    this.#future.stop()
    await Promise.allSettled([...this.#running.values()])
  }

  async #import(block: Block): Promise<ImportOutcome> {
    const { hash, header, sizeBytes } = block
    const { params, engine, index, clock, committer, keeper } = this.#components
    if (this.#bad.has(toKey(hash))) throw new BlockError('known-bad')
    if (index.get(hash) !== undefined) return 'known'
    const { maxBlockBytes } = params
    if (maxBlockBytes !== undefined && sizeBytes > maxBlockBytes) {
      throw new BlockError('oversized', { sizeBytes, limitBytes: maxBlockBytes })
    }
    const heldParent = this.#future.get(header.parentHash)
    const parent = index.get(header.parentHash) ?? heldParent?.entry
    if (parent === undefined) throw this.#withoutParent(block)
    checkHeader(header, parent.header, params)
    engine.verifyHeader(block, parent.header, this.#ancestry(parent))
    const entry = entryOn(hash, header, parent, engine.weight(header))
    const dueMs = Math.max(this.#dueMs(block), heldParent?.dueMs ?? 0)
    if (dueMs > clock.nowMs() || heldParent !== undefined) {
      const laterMs = dueMs - clock.nowMs() - MAX_HELD_SECONDS * 1_000
      // Not bad: its time may come, and somebody will offer it again.
      if (laterMs > 0) {
        const { timestamp } = header
        throw new BlockError('timestamp-in-future', { timestamp, limit: Math.floor(timestamp - laterMs / 1_000) })
      }
      await this.checkRoot(block)
      this.#future.hold({ block, entry, dueMs })
      return 'future'
    }
    index.pin(entry)
    const key = toKey(hash)
    this.#unjudged.add(key)
    try {
      const executed = await this.#inTurn(this.#checkBody(block), async (transactions) => {
        const run = await this.#execute(entry, parent, transactions)
        this.#unjudged.delete(key)
        return run
      })
      const outcome = await committer.commit(entry, block, executed)
      if (outcome === 'head') await keeper.settle(entry)
      await this.#holdHead()
      return outcome
    } catch (error) {
      index.remove(hash)
      this.#unjudged.delete(key)
      this.#noteRefusal(hash, error)
      if (error instanceof BlockError) await this.#holdHead()
      throw error
    }
  }

  /**
   * Gets the head's state back where a flush along another branch, or a branch that was tried and refused, has dropped
   * it: miners and wallets need it now, not once the next block comes.
   */
  async #holdHead(): Promise<void> {
    const { state, store, index, keeper } = this.#components
    const missing = async (): Promise<IndexEntry | undefined> => {
      const hash = store.headHash()
      if (hash === undefined) return undefined
      await keeper.untilSafe(hash)
      return state.layer(hash) === undefined ? index.get(hash) : undefined
    }
    if ((await missing()) === undefined) return
    await this.#inTurn(Promise.resolve(), async () => {
      for (let head = await missing(); head !== undefined; head = await missing()) {
        try {
          await keeper.layerOf(head)
        } catch (error) {
          // A flush has dropped what it is built from: what is on disk now is nearer.
          if (!(error instanceof StateUnavailableError)) throw error
        }
      }
    })
  }

  #withoutParent({ hash, header }: Block): BlockError {
    if (!this.#bad.has(toKey(header.parentHash))) return new BlockError('unknown-parent')
    this.#markBad(hash)
    return new BlockError('known-bad')
  }

  /** What the engine may look up about a child of `parent`, which may be one that waits for its time. */
  #ancestry(parent: IndexEntry): Ancestry {
    const ancestry = this.#components.index.ancestry(parent)
    return { ...ancestry, header: (hash) => this.#future.get(hash)?.entry.header ?? ancestry.header(hash) }
  }

  /** From when on the clock allows a block. */
  #dueMs({ header }: Block): number {
    return (header.timestamp - (this.#components.engine.maxFutureSeconds ?? Number.POSITIVE_INFINITY)) * 1000
  }

  #noteRefusal(hash: Uint8Array, error: unknown): void {
    if (error instanceof BlockError && !NOT_THE_HEADERS_FAULT.has(error.code)) this.#markBad(hash)
  }

  #markBad(hash: Uint8Array): void {
    this.#bad.add(toKey(hash))
    if (this.#bad.size > MAX_BAD_BLOCKS) this.#bad.delete(this.#bad.values().next().value!)
  }

  /** Whether the body is the header's, once for each object. @throws BlockError. */
  async checkRoot(block: Block): Promise<void> {
    if (this.#rooted.has(block)) return
    const root = fromKey(await transactionsRoot(block.transactions, this.#components.pacer))
    if (!equalBytes(root, block.header.transactionsRoot)) throw new BlockError('bad-transactions-root')
    this.#rooted.add(block)
  }

  /** Body rules that need no state, cheapest first. @returns the transactions with their senders. */
  async #checkBody(block: Block): Promise<readonly RecoveredTransaction[]> {
    const { params, pacer, recover } = this.#components
    const { transactions } = block
    await this.checkRoot(block)
    for (let i = 0; i < transactions.length; i++) {
      refuseBlock(i, () => checkTransactionStateless(transactions[i]!, params.chainId))
      if (i % PACED_TRANSACTIONS === 0) await pacer.pause()
    }
    const recovered = await recover(transactions)
    return recovered.map((result, i) => {
      if (result instanceof TxError) refuseBlock(i, () => raise(result))
      return result as RecoveredTransaction
    })
  }

  /** Runs `work` on what `input` brings, after the blocks that arrived before; their failures are their own. */
  #inTurn<Input, Result>(input: Promise<Input>, work: (input: Input) => Promise<Result>): Promise<Result> {
    const result = Promise.all([input, this.#turn]).then(([ready]) => work(ready))
    // A failing body must not let the next block overtake the ones before it.
    this.#turn = Promise.allSettled([result, this.#turn]).then(() => undefined)
    return result
  }

  async #execute(entry: IndexEntry, parent: IndexEntry, transactions: readonly RecoveredTransaction[]) {
    const { executor, state, committer, index, keeper } = this.#components
    if (this.#bad.has(toKey(parent.hash))) throw new BlockError('known-bad')
    await keeper.recovered()
    for (;;) {
      // Refused for its body or for a failure here, and perhaps come again: nothing may be stored on top of what is not.
      if (index.get(parent.hash) === undefined || this.#unjudged.has(toKey(parent.hash))) {
        throw new BlockError('unknown-parent')
      }
      let base = state.layer(parent.hash)
      // Off the recent states: run it only once its branch has won, as every step there costs a rebuilt state. So, too, when
      // branches that have not won hold much memory already: nothing but a new head frees it.
      if ((base === undefined || !keeper.hasRoom) && !committer.wouldWin(entry)) return undefined
      try {
        base ??= await this.#reach(parent)
        const outcome = await executor.execute(entry.header, transactions, base)
        state.add(outcome.derived, entry.hash, entry.header.number)
        return { transactions, outcome }
      } catch (error) {
        // A flush has dropped this side branch's states meanwhile: decide again.
        const held = base !== undefined && state.layer(parent.hash) === base
        if (!(error instanceof StateUnavailableError) || held) throw error
      }
    }
  }

  /** The state after a block on a branch that was left waiting: executes what was not executed yet. */
  async #reach(target: IndexEntry): Promise<Layer> {
    const { store, index, keeper, state, committer } = this.#components
    // The last of them may not have been written yet.
    await committer.settled()
    const waiting: Uint8Array[] = []
    let at: Head = target
    while (!store.isExecuted(at.hash)) {
      if (this.#bad.has(toKey(at.hash))) throw new BlockError('known-bad')
      waiting.push(at.hash)
      const parent = index.head(at.header.parentHash)
      if (parent === undefined) throw new BlockError('unknown-parent')
      at = parent
    }
    const base = index.get(at.hash)
    if (base === undefined) throw new BlockError('unknown-parent')
    let layer = await keeper.layerOf(base)
    // Executed, and on their way to disk: while one batch is synced the next gathers.
    const writing: Promise<void>[] = []
    try {
      for (const hash of waiting.reverse()) {
        if (writing.length === MAX_UNWRITTEN) await writing.shift()
        const next = index.get(hash)
        const block = store.block(hash)
        if (next === undefined || block === undefined) throw new BlockError('unknown-parent')
        const executed = await this.#run(block, layer)
        layer = state.add(executed.outcome.derived, next.hash, next.header.number)
        const written = committer.commit(next, block, executed).then(() => keeper.settle(next))
        // Its failure is heard below, when its turn comes.
        written.catch(() => undefined)
        writing.push(written)
      }
      await Promise.all(writing)
    } finally {
      await Promise.allSettled(writing)
    }
    return layer
  }

  /** Judges and executes a block that was left waiting. @throws BlockError; StoreError, StateUnavailableError. */
  async #run(block: Block, parent: Layer) {
    try {
      const transactions = await this.#checkBody(block)
      return { transactions, outcome: await this.#components.executor.execute(block.header, transactions, parent) }
    } catch (error) {
      this.#noteRefusal(block.hash, error)
      throw error
    }
  }
}

/** Transactions between two looks at the clock, below a millisecond. */
const PACED_TRANSACTIONS = 512
/** Blocks that wait for a batch while a branch is caught up with: they share its sync; none of their states can be flushed before. */
const MAX_UNWRITTEN = 8

function raise(error: unknown): never {
  throw error
}

/** Turns what a transaction does wrong into what its block does wrong. */
function refuseBlock(index: number, check: () => void): void {
  try {
    check()
  } catch (error) {
    if (!(error instanceof TxError)) throw error
    throw new BlockError('bad-transaction', { ...error.facts, index, tx: error.code })
  }
}
