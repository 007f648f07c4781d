import { randomBytes } from 'node:crypto'
import type { PrivateKey } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { BlockGossip } from '../p2p/block-gossip.ts'
import type { KnownTransaction } from '../p2p/compact-matching.ts'
import { Gossip, type GossipCounts } from '../p2p/gossip.ts'
import { GossipWatchdog } from '../p2p/gossip-watchdog.ts'
import { HeaderGossip } from '../p2p/header-gossip.ts'
import { createHost, type Host } from '../p2p/host.ts'
import { blockRequests, claimOf, syncRequests } from '../p2p/peer-requests.ts'
import { PropagationWatch } from '../p2p/propagation.ts'
import { RequestClient } from '../p2p/reqresp/client.ts'
import { requestStatus } from '../p2p/reqresp/protocols/status.ts'
import { RequestServer } from '../p2p/reqresp/server.ts'
import { type PeerSession, PeerSessions } from '../p2p/sessions.ts'
import { SyncDriver } from '../p2p/sync/driver.ts'
import type { SyncProgress } from '../p2p/sync/types.ts'
import { topicsOf } from '../p2p/topics.ts'
import { TransactionGossip } from '../p2p/transaction-gossip.ts'
import { wirePrefix } from '../p2p/wire/names.ts'
import { type Status, WIRE_VERSION } from '../p2p/wire/status.ts'
import type { TransactionPool } from '../pool/pool.ts'
import { toHex } from '../primitives/bytes.ts'
import type { Clock } from '../primitives/clock.ts'
import type { Header } from '../primitives/header.ts'
import type { Ledger } from './ledger.ts'
import { lightBackend } from './light-backend.ts'
import type { Logger } from './logger.ts'
import { listenAddresses, type NetworkOptions } from './network-options.ts'
import { peerBackend } from './peer-backend.ts'
import type { RecentBlocks } from './recent-blocks.ts'
import { createPacer, monotonicMs } from './system.ts'
import { packageVersion } from './version.ts'

export interface NetworkComponents {
  readonly ledger: Ledger
  readonly pool: TransactionPool
  readonly recent: RecentBlocks
  readonly privateKey: PrivateKey
  readonly clock: Clock
  readonly logger: Logger
  /** What makes going on impossible. */
  readonly onFailure: (error: Error) => void
}

/** Blocks at a height of the chain that a block of the same height may share transactions with. */
const MAX_SIBLINGS = 3
/** Milliseconds between two attempts to reach bootnodes. */
const BOOTNODE_RETRY_MS = 5_000

/** A full node among others: everything of `p2p` put together with its chain and pool. */
export class Network {
  readonly watch: PropagationWatch
  readonly #options: NetworkOptions
  readonly #parts: NetworkComponents
  readonly #host: Host
  readonly #server: RequestServer
  readonly #sessions: PeerSessions
  readonly #sync: SyncDriver
  readonly #gossip: Gossip
  readonly #blocks: BlockGossip
  readonly #headers: HeaderGossip
  readonly #transactions: TransactionGossip
  readonly #watchdog: GossipWatchdog
  /** What undoes each step of the start. */
  readonly #undo: (() => void)[] = []

  /** Makes it, without a connection yet. */
  static async create(options: NetworkOptions, components: NetworkComponents): Promise<Network> {
    const prefix = wirePrefix(components.ledger.chain.genesisHash)
    const host = await createHost(
      {
        prefix,
        topics: topicsOf(prefix),
        listen: listenAddresses(options),
        maxPeers: options.maxPeers,
        agent: { name: 'idobata', version: packageVersion() },
      },
      { privateKey: components.privateKey, standing: () => 0 },
    )
    return new Network(options, components, host, prefix)
  }

  private constructor(options: NetworkOptions, components: NetworkComponents, host: Host, prefix: string) {
    const { ledger, pool, clock, logger } = components
    const { chain, engine, database, recover } = ledger
    this.#options = options
    this.#parts = components
    this.#host = host
    this.watch = new PropagationWatch(clock)
    const { watch } = this
    const onError = (error: unknown) => logger.error(`network: ${(error as Error).message}`)
    const catchingUp = () => this.#sync.progress !== undefined
    const client = new RequestClient({ prefix }, { clock, connectionTo: (peer) => this.#connectionTo(peer) })
    this.#blocks = new BlockGossip(
      { maxFutureSeconds: engine.maxFutureSeconds },
      {
        chain,
        requests: blockRequests(client),
        clock,
        watch,
        candidates: (header) => this.#candidates(header),
        isAnnounced: (transaction) => this.#transactions.isAnnounced(transaction),
        randomBytes: (length) => new Uint8Array(randomBytes(length)),
        publish: (data) => this.#gossip.publish('block', data),
        neighbours: () => this.#gossip.neighbours('block'),
        catchingUp,
        onUnknownParent: (peer) => this.#sync.heard(peer),
        onWrongBody: (peer) => this.#report(peer, 'a body that is not the one its header names'),
        onRefused: ({ hash, header }, error, peer) =>
          logger.warn(`block refused: ${error.message}`, { number: header.number, hash: toHex(hash), peer }),
        onError,
      },
    )
    this.#headers = new HeaderGossip({
      chain,
      clock,
      publish: (data) => this.#gossip.publish('header', data),
      catchingUp,
      onUnknownBlock: (peer) => this.#sync.heard(peer),
    })
    this.#transactions = new TransactionGossip({
      pool,
      recover,
      clock,
      watch,
      publish: (data) => this.#gossip.publish('tx', data),
      hasListeners: () => this.#gossip.hasListeners('tx'),
    })
    this.#gossip = new Gossip(
      { topics: topicsOf(prefix) },
      {
        router: host.services.gossip,
        handlers: { tx: this.#transactions, block: this.#blocks, header: this.#headers },
        onReject: (peer, topic) => this.#report(peer, `an invalid message on the ${topic} topic`),
        onSubscription: () => this.#transactions.peerListens(),
        onError,
      },
    )
    this.#watchdog = new GossipWatchdog(host, clock)
    this.#sessions = new PeerSessions({
      genesisHash: chain.genesisHash,
      clock,
      ask: (peer) => requestStatus(client, peer, this.#status()),
      hangUp: (peer) => void this.disconnect(peer),
      onReady: (session) => this.#onReady(session),
      onGone: ({ peer }) => {
        this.#sync.disconnected(peer)
        logger.debug('peer gone', { peer })
      },
      onStranger: (peer) => logger.debug('peer of another network', { peer }),
    })
    this.#sync = new SyncDriver(
      { minimumWork: 0n, maxFutureSeconds: engine.maxFutureSeconds },
      {
        chain,
        requests: syncRequests(
          client,
          () => this.#status(),
          (peer, status) => this.#sessions.heard(peer, status),
        ),
        clock,
        pacer: createPacer(),
        secret: () => new Uint8Array(randomBytes(32)),
        report: (peer, fault) => this.#report(peer, fault.message),
        onChange: () => this.#gossip.listenToTransactions(!this.#sync.farBehind),
        onFailure: components.onFailure,
      },
    )
    const arriving = (hash: Uint8Array) => this.#blocks.arriving(hash)
    this.#server = new RequestServer(
      { prefix },
      {
        host,
        backend: {
          ...peerBackend({ chain, database, lookup: (key) => pool.lookup(key), arriving }),
          light: lightBackend({ chain, provesWork: engine.name === 'pow', pacer: createPacer(), monotonicMs }),
          status: (peer, theirs) => {
            this.#sessions.heard(peer, theirs)
            return this.#status()
          },
          peerRecords: (peer, count) => this.#peerRecords(peer, count),
        },
        clock,
        onOffence: (peer, offence) => this.#report(peer, offence),
        onError,
      },
    )
  }

  get peerId(): string {
    return this.#host.peerId.toString()
  }

  /** Multiaddrs under which others can connect, with the peer id. */
  get addresses(): readonly string[] {
    return this.#host.getMultiaddrs().map(String)
  }

  get sessions(): readonly PeerSession[] {
    return [...this.#sessions.ready.values()]
  }

  get progress(): SyncProgress | undefined {
    return this.#sync.progress
  }

  get counts(): GossipCounts {
    return this.#gossip.counts
  }

  /** Listens, and calls the bootnodes. @throws the operating system's error if it cannot listen. */
  async start(): Promise<void> {
    const { ledger, pool, logger } = this.#parts
    this.#undo.push(
      ledger.chain.subscribe((event) => {
        this.#blocks.follow(event)
        this.#headers.follow(event)
      }),
      pool.subscribe((changes) => this.#transactions.follow(changes)),
    )
    this.#host.addEventListener('connection:open', ({ detail: connection }) => {
      if (this.#host.getConnections(connection.remotePeer).length > 1) return
      this.#sessions.connected(connection).catch((error) => logger.error(`network: ${(error as Error).message}`))
    })
    this.#host.addEventListener('peer:disconnect', ({ detail: peer }) => this.#sessions.disconnected(peer.toString()))
    await this.#server.start()
    await this.#host.start()
    this.#gossip.start(true)
    this.#undo.push(() => this.#gossip.stop())
    this.#sync.start()
    this.#watchdog.start()
    this.#undo.push(() => this.#watchdog.stop(), this.#keepBootnodes())
  }

  async stop(): Promise<void> {
    for (const undo of this.#undo.splice(0).reverse()) undo()
    this.#transactions.stop()
    await this.#server.stop()
    await this.#sync.stop()
    await this.#host.stop()
  }

  /** @param address  a multiaddr with a peer id. @throws Error if it cannot be reached. */
  async connect(address: string): Promise<void> {
    await this.#host.dial(multiaddr(address))
  }

  async disconnect(peer: string): Promise<void> {
    await this.#host.hangUp(peerIdFromString(peer)).catch(() => undefined)
  }

  #onReady(session: PeerSession): void {
    this.#sync.connected(session.peer, session.outbound, claimOf(session.status))
    this.#parts.logger.debug('peer', { peer: session.peer, address: session.address, agent: session.status.agent })
  }

  #connectionTo(peer: string) {
    return this.#host.getConnections(peerIdFromString(peer)).find(({ status }) => status === 'open')
  }

  #status(): Status {
    const { chain } = this.#parts.ledger
    const { hash, header, totalDifficulty } = chain.head
    return {
      version: WIRE_VERSION,
      genesisHash: chain.genesisHash,
      headHash: hash,
      number: header.number,
      totalDifficulty,
      oldestBody: 0,
      serves: { headers: true, bodies: true, txs: true, proof: true, history: true },
      agent: `idobata/${packageVersion()}`,
    }
  }

  #report(peer: string, what: string): void {
    this.#parts.logger.debug('peer misbehaved', { peer, what })
  }

  /** What a block may hold that is at hand: the pool's transactions, and those of the blocks in its place. */
  *#candidates({ number }: Header): Generator<KnownTransaction, void, undefined> {
    const { pool, recent, ledger } = this.#parts
    yield* pool.transactions()
    yield* this.#transactions.underway
    const { chain } = ledger
    const top = Math.min(chain.head.header.number, number + MAX_SIBLINGS - 1)
    for (let at = number; at <= top; at++) {
      const hash = chain.store.canonicalHash(at)
      yield* (hash && recent.block(hash)?.transactions) ?? []
    }
  }

  /** Signed by those peers themselves, as they gave them to us. */
  async #peerRecords(asker: string, count: number): Promise<Uint8Array[]> {
    const records: Uint8Array[] = []
    for (const { peer } of this.sessions) {
      if (records.length === count) break
      if (peer === asker) continue
      const { peerRecordEnvelope } = await this.#host.peerStore.get(peerIdFromString(peer))
      if (peerRecordEnvelope !== undefined) records.push(peerRecordEnvelope)
    }
    return records
  }

  #keepBootnodes(): () => void {
    const { clock } = this.#parts
    const bootnodes = this.#options.bootnodes.map((address): Multiaddr => multiaddr(address))
    let cancel = () => {}
    const call = () => {
      for (const address of bootnodes) this.#host.dial(address).catch(() => undefined)
      cancel = clock.after(BOOTNODE_RETRY_MS, call)
    }
    call()
    return () => cancel()
  }
}
