import { checkLedgerRules, checkTransactionStateless } from '../chain/transaction-rules.ts'
import type { ChainEvent } from '../chain/types.ts'
import { Miner } from '../miner/miner.ts'
import { PoolJournal } from '../pool/journal.ts'
import { createJournalStore } from '../pool/journal-store.ts'
import { DEFAULT_POOL_OPTIONS } from '../pool/limits.ts'
import { TransactionPool } from '../pool/pool.ts'
import { toHex } from '../primitives/bytes.ts'
import type { Clock } from '../primitives/clock.ts'
import { ClockWatch } from './clock-watch.ts'
import { DevControl } from './dev-control.ts'
import { DevTime } from './dev-time.ts'
import { type CompleteOptions, completeOptions, type FullNodeOptions } from './full-options.ts'
import { healthOf, isFirst } from './health.ts'
import { historyBackend } from './history-backend.ts'
import { type Ledger, openLedger } from './ledger.ts'
import { ledgerEvents } from './ledger-events.ts'
import { loadNetwork } from './load-network.ts'
import { type Logger, silentLogger } from './logger.ts'
import { type Mining, prepareMining } from './mining.ts'
import type { Network } from './network.ts'
import type { WatchedNetwork } from './network-backend.ts'
import type { NetworkOptions } from './network-options.ts'
import { nodeBackend } from './node-backend.ts'
import { OneByOne } from './one-by-one.ts'
import { ask, type ProviderRequest } from './provider.ts'
import { RecentBlocks } from './recent-blocks.ts'
import { createRpc, type Rpc } from './rpc.ts'
import { chainBackend, minerBackend, poolBackend } from './rpc-backends.ts'
import { RpcEvents } from './rpc-events.ts'
import type { NodeHead, NodeStatus } from './status.ts'
import { createPacer, monotonicMs, random, systemClock } from './system.ts'

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
  /** Absent in a node that is alone, and at first in every other. */
  network: Network | undefined
  readonly recent: RecentBlocks
  readonly rpc: Rpc
}

export class FullNode {
  readonly #given: FullNodeOptions
  readonly #clock: Clock
  readonly #logger: Logger
  /** One for all that goes through the blocks of a reorg, or of a long answer. */
  readonly #pacer = createPacer()
  readonly #failed = Promise.withResolvers<Error>()
  /** Starts and stops. */
  readonly #steps = new OneByOne()
  /** What undoes each step of the start, in the order of the steps. */
  readonly #undo: (() => Promise<void> | void)[] = []
  readonly #headListeners = new Set<(head: NodeHead) => void>()
  /** To be called when catching up begins or ends, so that subscribers hear of it at once. */
  #tellSync = () => {}
  #running: Running | undefined
  #rpcUrl: string | undefined

  constructor(options: FullNodeOptions, { clock, logger }: Required<FullNodeComponents>) {
    this.#given = options
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

  /** Multiaddrs that peers can call, with the peer id; none in a node that is alone. */
  get addresses(): readonly string[] {
    return this.#running?.network?.addresses ?? []
  }

  /**
   * From the ground up, RPC after all that it answers from: whoever can ask gets true answers. Peers come last.
   * @throws ConfigError, GenesisError, StoreError; the operating system's error if RPC cannot listen. Nothing runs then. Error if it
   *   runs already, and it goes on.
   */
  start(): Promise<void> {
    return this.#steps.run(async () => {
      if (this.#running) throw new Error('the node runs already')
      try {
        await this.#start()
      } catch (error) {
        await this.#stop()
        throw error
      }
    })
  }

  /** Answers what has been asked, writes everything, lets the directory go; after a start under way. Does nothing if nothing runs. */
  stop(): Promise<void> {
    return this.#steps.run(() => this.#stop())
  }

  async #stop(): Promise<void> {
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

  /**
   * Asks the node, as over JSON-RPC but in this process, by an EIP-1193 request: so the node is a provider for
   * viem's `custom` and ethers' `BrowserProvider`. Every method the node has is open to its own program.
   * @throws ProviderError where JSON-RPC would answer with an error; Error if the node does not run.
   */
  request(request: ProviderRequest): Promise<unknown> {
    const { rpc } = this.#alive()
    return ask(rpc.answer, request)
  }

  /** Calls `listener`, which must not throw, after every new head once the node runs. @returns what ends that. */
  onHead(listener: (head: NodeHead) => void): () => void {
    this.#headListeners.add(listener)
    return () => this.#headListeners.delete(listener)
  }

  /** @throws Error if the node does not run. */
  status(): NodeStatus {
    const { ledger, pool, miner, network, recent } = this.#alive()
    const { hash, header } = ledger.chain.head
    return {
      number: header.number,
      hash,
      transactions: recent.block(hash)?.transactions.length ?? 0,
      peers: network?.sessions.length ?? 0,
      ...pool.status(),
      hashrate: Math.round(miner?.status().hashrate ?? 0),
    }
  }

  #alive(): Running {
    if (!this.#running) throw new Error('the node does not run')
    return this.#running
  }

  async #start(): Promise<void> {
    const { options, discard } = await completeOptions(this.#given)
    this.#undo.push(discard)
    const mining = await this.#prepareMining(options)
    const ledger = await this.#openLedger(options, mining)
    const { chain } = ledger
    const recent = new RecentBlocks(chain.store.executed(chain.head.hash))
    chain.subscribe((event) => {
      if (event.type === 'head') recent.apply(event)
      this.#tell(event)
    })
    const pool = await this.#startPool(ledger)
    const time = options.dev ? new DevTime(this.#clock, chain.head.header.timestamp) : undefined
    const miner = mining && this.#startMiner(ledger, pool, mining, time)
    const dev = miner && time && this.#startDev(ledger, pool, miner, time)
    const networkBackend = options.network && Promise.withResolvers<WatchedNetwork>()
    const rpc = this.#createRpc(options, networkBackend?.promise, { ledger, pool, miner, recent, dev })
    const running: Running = { ledger, pool, miner, network: undefined, recent, rpc }
    this.#running = running
    this.#watchClock(ledger)
    if (options.http) {
      this.#rpcUrl = await rpc.start()
      this.#logger.info('JSON-RPC is served', { url: this.#rpcUrl })
    }
    // Once it answers: both have this thread alone.
    chain.recovered().catch((error) => this.#failed.resolve(error))
    if (options.network) {
      const started = this.#startNetwork(options.network, options.datadir, ledger, pool, recent)
      networkBackend?.resolve(started.then(({ backend }) => backend))
      running.network = (await started).network
    }
    ledger.startRecovery().catch((error) => this.#failed.resolve(error))
  }

  async #prepareMining(options: CompleteOptions): Promise<Mining | undefined> {
    if (!options.mining) return undefined
    const mining = await prepareMining(options.mining, options, { clock: this.#clock })
    this.#undo.push(() => mining.searcher?.stop())
    return mining
  }

  async #openLedger(options: CompleteOptions, mining: Mining | undefined): Promise<Ledger> {
    const ledger = await openLedger(options, {
      clock: this.#clock,
      logger: this.#logger,
      known: (hashKey) => this.#running?.pool.lookup(hashKey),
      nonceSearch: mining?.searcher,
      signer: mining?.signer,
    })
    this.#undo.push(() => ledger.close())
    ledger.database.onFailure((error) => this.#failed.resolve(error))
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
      pause: () => this.#pacer.pause(),
      onError: (error) => this.#logger.error(`pool: ${(error as Error).message}`),
    })
    this.#undo.push(() => pool.stop())
    await pool.start()
    return pool
  }

  async #startNetwork(
    options: NetworkOptions,
    datadir: string,
    ledger: Ledger,
    pool: TransactionPool,
    recent: RecentBlocks,
  ): Promise<{ readonly network: Network; readonly backend: WatchedNetwork }> {
    const { Network, loadNodeKey, networkBackend } = await loadNetwork()
    const network = await Network.create(options, {
      ledger,
      pool,
      recent,
      privateKey: await loadNodeKey(datadir),
      datadir,
      clock: this.#clock,
      logger: this.#logger,
      onSyncChange: () => this.#tellSync(),
      onFailure: (error) => this.#failed.resolve(error),
    })
    this.#undo.push(() => network.stop())
    await network.start()
    this.#logger.info('listening for peers', { peerId: network.peerId, addresses: network.addresses.join(' ') })
    return { network, backend: networkBackend(network) }
  }

  #startMiner({ chain, engine }: Ledger, pool: TransactionPool, mining: Mining, time: DevTime | undefined): Miner {
    const { searcher } = mining
    const miner = new Miner(
      {
        coinbase: mining.coinbase,
        sealsAtTimestamp: engine.requiredMiner !== undefined && engine.maxFutureSeconds !== undefined,
        oneByOne: time !== undefined,
      },
      {
        chain,
        pool,
        engine,
        clock: this.#clock,
        random,
        log: this.#logger,
        ...(time && { timestamp: () => time.nextBlock }),
        ...(searcher && { hashrate: () => searcher.hashRate() }),
      },
    )
    this.#undo.push(() => miner.stop())
    miner.start()
    this.#logger.info(mining.description)
    return miner
  }

  #startDev(ledger: Ledger, pool: TransactionPool, miner: Miner, time: DevTime): DevControl {
    const dev = new DevControl({
      ledger,
      chain: ledger.chain,
      pool,
      miner,
      time,
      clock: this.#clock,
      onError: (error) => this.#logger.error(`mining: ${(error as Error).message}`),
    })
    this.#undo.push(() => dev.stop())
    return dev
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

  #createRpc(
    { http, datadir, network: networkOptions }: CompleteOptions,
    network: Promise<WatchedNetwork> | undefined,
    parts: Omit<Running, 'rpc' | 'network'> & { readonly dev: DevControl | undefined },
  ): Rpc {
    const { ledger, pool, miner, recent, dev } = parts
    const { chain, engine, database, recover } = ledger
    const node = nodeBackend({
      miner,
      network: () => this.#running?.network,
      needsPeers: () => networkOptions !== undefined && !isFirst(networkOptions, node),
      clock: this.#clock,
    })
    const pooled = poolBackend(ledger, pool)
    const pacer = this.#pacer
    const onError = (error: unknown) => this.#logger.error(`events: ${(error as Error).message}`)
    const events = new RpcEvents({
      follow: ledgerEvents({ chain, pool, pacer, onError }),
      syncing: node.syncing,
      clock: this.#clock,
    })
    this.#tellSync = () => events.tellSync()
    const history = historyBackend(ledger)
    const health = () => healthOf(node, datadir, networkOptions)
    const rpc = createRpc(http, {
      events,
      backends: {
        chain: chainBackend({ chain, engine, database, recent, recover, pacer }),
        pool: dev ? dev.sealing(pooled) : pooled,
        node,
        ...(history && { history }),
        ...(miner && { miner: minerBackend(miner, engine) }),
        ...(dev && { dev }),
      },
      network,
      health,
      createMetrics: async (wsConnections) =>
        (await import('./metrics.ts')).createMetrics({ chain, pool, health, wsConnections, network, pacer }),
      clock: this.#clock,
      logger: this.#logger,
    })
    this.#undo.push(() => rpc.stop())
    return rpc
  }

  #tell(event: ChainEvent): void {
    if (event.type === 'finality-conflict') {
      this.#logger.error('a branch with more weight contradicts a finalized block and is not followed', {
        finalized: event.finalized,
        branch: event.challenger.header.number,
      })
    } else if (event.type === 'head') {
      const { disconnected, connected, head, rewound } = event
      if (disconnected.length > 0) {
        this.#logger.info(rewound ? 'went back' : 'reorganised', {
          left: disconnected.length,
          joined: connected.length,
        })
      }
      const { number, timestamp } = head.header
      for (const listener of this.#headListeners) listener({ number, hashHex: toHex(head.hash), timestamp })
    }
  }
}
