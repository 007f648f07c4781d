import { checkLedgerRules, checkTransactionStateless } from '../chain/transaction-rules.ts'
import type { ChainEvent } from '../chain/types.ts'
import { keccak256Key } from '../crypto/keccak.ts'
import { Miner } from '../miner/miner.ts'
import { PoolJournal } from '../pool/journal.ts'
import { createJournalStore } from '../pool/journal-store.ts'
import { DEFAULT_POOL_OPTIONS } from '../pool/limits.ts'
import { TransactionPool } from '../pool/pool.ts'
import type { Clock } from '../primitives/clock.ts'
import type { NodeBackend, PoolBackend } from '../rpc/backend.ts'
import { ClockWatch } from './clock-watch.ts'
import { healthOf } from './health.ts'
import { TransactionIntake } from './intake.ts'
import { type Ledger, type LedgerOptions, openLedger } from './ledger.ts'
import { type Logger, silentLogger } from './logger.ts'
import { type Mining, type MiningOptions, prepareMining } from './mining.ts'
import { RecentBlocks } from './recent-blocks.ts'
import { createRpc } from './rpc.ts'
import { chainBackend } from './rpc-backends.ts'
import { type CompleteRpcOptions, completeRpcOptions, type RpcOptions } from './rpc-options.ts'
import type { NodeStatus } from './status.ts'
import { monotonicMs, random, systemClock } from './system.ts'
import { clientVersion } from './version.ts'

export interface FullNodeOptions extends LedgerOptions {
  /** Where to serve JSON-RPC; absent: nowhere. */
  readonly http?: RpcOptions
  /** Absent: the node makes no blocks. */
  readonly mining?: MiningOptions
}

export interface FullNodeComponents {
  /** The machine's, unless a test has its own. */
  readonly clock?: Clock
  readonly logger?: Logger
}

/**
 * A full node: a ledger on disk, a pool, a miner if asked for, and JSON-RPC. Nothing runs before `start`.
 */
export function createFullNode(options: FullNodeOptions, components: FullNodeComponents = {}): FullNode {
  return new FullNode(options, { clock: systemClock, logger: silentLogger, ...components })
}

interface Running {
  readonly ledger: Ledger
  readonly pool: TransactionPool
  readonly miner: Miner | undefined
  readonly recent: RecentBlocks
}

export class FullNode {
  readonly #options: FullNodeOptions
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #failed = Promise.withResolvers<Error>()
  /** What undoes each step of the start, in the order of the steps. */
  readonly #undo: (() => Promise<void> | void)[] = []
  #running: Running | undefined
  #rpcUrl: string | undefined

  constructor(options: FullNodeOptions, { clock, logger }: Required<FullNodeComponents>) {
    this.#options = options
    this.#clock = clock
    this.#logger = logger
  }

  /** Resolves with what makes going on impossible, a full disk for example; whoever started the node should stop it. */
  get failed(): Promise<Error> {
    return this.#failed.promise
  }

  /** Where JSON-RPC is served; undefined where it is not. */
  get rpcUrl(): string | undefined {
    return this.#rpcUrl
  }

  /**
   * From the ground up, RPC last: whoever can ask gets true answers.
   * @throws ConfigError, GenesisError, StoreError; the operating system's error if RPC cannot listen. Nothing runs then.
   */
  async start(): Promise<void> {
    try {
      await this.#start()
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  /** Answers what has been asked, writes everything, lets the directory go. Does nothing if nothing runs. */
  async stop(): Promise<void> {
    for (const undo of this.#undo.splice(0).reverse()) {
      try {
        await undo()
      } catch (error) {
        // The rest must be let go all the same; the database's own failure has been told already.
        this.#logger.error(`stopping: ${(error as Error).message}`)
      }
    }
    this.#running = undefined
    this.#rpcUrl = undefined
  }

  /** @throws Error if the node does not run. */
  status(): NodeStatus {
    if (!this.#running) throw new Error('the node does not run')
    const { ledger, pool, miner, recent } = this.#running
    const { hash, header } = ledger.chain.head
    return {
      number: header.number,
      hash,
      transactions: recent.block(hash)?.transactions.length ?? 0,
      peers: 0,
      ...pool.status(),
      hashrate: Math.round(miner?.status().hashrate ?? 0),
    }
  }

  async #start(): Promise<void> {
    const { http } = this.#options
    const rpcOptions = http && completeRpcOptions(http, this.#options)
    const mining = await this.#prepareMining()
    const ledger = await this.#openLedger(mining)
    const { chain } = ledger
    const recent = new RecentBlocks(chain.store.executed(chain.head.hash))
    chain.subscribe((event) => {
      if (event.type === 'head') recent.apply(event)
      this.#tell(event)
    })
    const pool = await this.#startPool(ledger)
    const miner = mining && this.#startMiner(ledger, pool, mining)
    this.#running = { ledger, pool, miner, recent }
    this.#watchClock(ledger)
    if (rpcOptions) await this.#serve(rpcOptions, this.#running)
  }

  async #prepareMining(): Promise<Mining | undefined> {
    const { mining: options } = this.#options
    if (!options) return undefined
    const mining = await prepareMining(options, this.#options, { clock: this.#clock })
    this.#undo.push(() => mining.searcher?.stop())
    return mining
  }

  async #openLedger(mining: Mining | undefined): Promise<Ledger> {
    const ledger = await openLedger(this.#options, {
      clock: this.#clock,
      logger: this.#logger,
      known: (hashKey) => this.#running?.pool.lookup(hashKey),
      nonceSearch: mining?.searcher,
      signer: mining?.signer,
    })
    this.#undo.push(() => ledger.close())
    ledger.database.onFailure((error) => this.#failed.resolve(error))
    ledger.ready.catch((error) => this.#failed.resolve(error))
    return ledger
  }

  async #startPool({ chain, database, recover }: Ledger): Promise<TransactionPool> {
    const pool = new TransactionPool(DEFAULT_POOL_OPTIONS, {
      chain,
      clock: this.#clock,
      journal: new PoolJournal({ store: createJournalStore(database) }),
      checkRules(tx) {
        checkTransactionStateless(tx, chain.params.chainId)
        checkLedgerRules(tx)
      },
      recover,
      onError: (error) => this.#logger.error(`pool: ${(error as Error).message}`),
    })
    this.#undo.push(() => pool.stop())
    await pool.start()
    return pool
  }

  #startMiner({ chain, engine }: Ledger, pool: TransactionPool, mining: Mining): Miner {
    const { searcher } = mining
    const miner = new Miner(
      {
        coinbase: mining.coinbase,
        sealsAtTimestamp: engine.requiredMiner !== undefined && engine.maxFutureSeconds !== undefined,
      },
      {
        chain,
        pool,
        engine,
        clock: this.#clock,
        random,
        log: this.#logger,
        ...(searcher && { hashrate: () => searcher.hashRate() }),
      },
    )
    this.#undo.push(() => miner.stop())
    miner.start()
    this.#logger.info(mining.description)
    return miner
  }

  #watchClock({ chain, engine }: Ledger): void {
    const watch = new ClockWatch(
      { maxAheadSec: engine.maxFutureSeconds },
      {
        clock: this.#clock,
        monotonicMs,
        headTimestamp: () => chain.head.header.timestamp,
        warn: (message) => this.#logger.warn(message),
      },
    )
    this.#undo.push(() => watch.stop())
    watch.start()
  }

  async #serve(options: CompleteRpcOptions, { ledger, pool, miner, recent }: Running): Promise<void> {
    const { chain, database, recover } = ledger
    const node = nodeBackend(miner)
    const rpc = await createRpc(options, {
      chain,
      pool,
      backends: { chain: chainBackend({ chain, database, recent, recover }), pool: poolBackend(ledger, pool), node },
      health: () => healthOf(node, this.#options.datadir),
      clock: this.#clock,
      logger: this.#logger,
    })
    this.#undo.push(() => rpc.stop())
    this.#rpcUrl = await rpc.start()
    this.#logger.info('JSON-RPC is served', { url: this.#rpcUrl })
  }

  #tell(event: ChainEvent): void {
    if (event.type === 'finality-conflict') {
      this.#logger.error('a branch with more weight contradicts a finalized block and is not followed', {
        finalized: event.finalized,
        branch: event.challenger.header.number,
      })
    } else if (event.type === 'head' && event.disconnected.length > 0) {
      this.#logger.info('reorganised', { left: event.disconnected.length, joined: event.connected.length })
    }
  }
}

function poolBackend({ chain, recover }: Ledger, pool: TransactionPool): PoolBackend {
  const intake = new TransactionIntake({
    check: (tx) => pool.check(tx),
    recover,
    admit: (transactions) => pool.addBatch(transactions, 'local'),
  })
  return {
    minTip: DEFAULT_POOL_OPTIONS.minTip,
    submit: (raw) => intake.submit(raw),
    async nonce(address) {
      const account = await chain.account(keccak256Key(address), chain.head.hash)
      return pool.pendingNonce(address, account?.nonce ?? 0n)
    },
    get: async (hash) => pool.get(hash),
  }
}

function nodeBackend(miner: Miner | undefined): NodeBackend {
  return {
    clientVersion: clientVersion(),
    syncing: () => undefined,
    listening: () => false,
    peerCount: () => 0,
    mining: () => miner?.status().mining ?? false,
    hashrate: () => miner?.status().hashrate ?? 0,
    coinbase: () => miner?.status().coinbase,
  }
}
