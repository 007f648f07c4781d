import { randomBytes } from 'node:crypto'
import { publicKeyToProtobuf } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey, peerIdFromString } from '@libp2p/peer-id'
import { isExemptFromNetworkCaps } from '../p2p/address-class.ts'
import { BlockGossip } from '../p2p/block-gossip.ts'
import type { KnownTransaction } from '../p2p/compact-matching.ts'
import { Gossip, type GossipCounts } from '../p2p/gossip.ts'
import { GossipWatchdog } from '../p2p/gossip-watchdog.ts'
import { HeaderGossip } from '../p2p/header-gossip.ts'
import { createHost, type Host } from '../p2p/host.ts'
import { InboundMeter } from '../p2p/inbound-meter.ts'
import { blockRequests, claimOf, syncRequests } from '../p2p/peer-requests.ts'
import { hostOf } from '../p2p/peers/network-group.ts'
import { PropagationWatch } from '../p2p/propagation.ts'
import { RequestClient } from '../p2p/reqresp/client.ts'
import { connectionsOf } from '../p2p/reqresp/connections.ts'
import { requestPeers } from '../p2p/reqresp/protocols/peers.ts'
import { requestStatus } from '../p2p/reqresp/protocols/status.ts'
import { RequestServer } from '../p2p/reqresp/server.ts'
import { DISCOURAGED_SCORE, SCORE_THRESHOLDS } from '../p2p/scoring.ts'
import { type PeerSession, PeerSessions } from '../p2p/sessions.ts'
import { type Sighted, SightingGossip } from '../p2p/sighting-gossip.ts'
import { SyncDriver } from '../p2p/sync/driver.ts'
import { PENALTIES } from '../p2p/sync/faults.ts'
import type { SyncProgress } from '../p2p/sync/types.ts'
import { type Topics, topicsOf } from '../p2p/topics.ts'
import { TransactionGossip } from '../p2p/transaction-gossip.ts'
import type { GossipVerdict } from '../p2p/verdict.ts'
import { wirePrefix } from '../p2p/wire/names.ts'
import { type Status, WIRE_VERSION } from '../p2p/wire/status.ts'
import type { TransactionPool } from '../pool/pool.ts'
import { toHex } from '../primitives/bytes.ts'
import type { Clock } from '../primitives/clock.ts'
import type { Header } from '../primitives/header.ts'
import type { Ledger } from './ledger.ts'
import { lightBackend } from './light-backend.ts'
import type { Logger } from './logger.ts'
import { announcedAddresses, discoveryOptions, listenAddresses, type NetworkOptions } from './network-options.ts'
import { peerBackend } from './peer-backend.ts'
import { createPeerStore, loadPeers } from './peer-file.ts'
import { signedRecords } from './peer-records.ts'
import { Peering } from './peering.ts'
import type { RecentBlocks } from './recent-blocks.ts'
import { createPacer, monotonicMs, random } from './system.ts'
import { packageVersion } from './version.ts'

export interface NetworkComponents {
  readonly ledger: Ledger
  readonly pool: TransactionPool
  readonly recent: RecentBlocks
  readonly privateKey: PrivateKey
  readonly datadir: string
  readonly clock: Clock
  readonly logger: Logger
  /** Catching up begins or ends: `progress`. */
  readonly onSyncChange: () => void
  /** What makes going on impossible. */
  readonly onFailure: (error: Error) => void
}

/** `mapped`: it came in by a port that a router forwards to us. */
export type Route = 'direct' | 'mapped' | 'relayed'

/** What stands before the rest of a network is made. */
interface Connected {
  readonly host: Host
  readonly peering: Peering
  readonly meter: InboundMeter
}

/** What of a network's options the constructor needs. */
interface FixedOptions {
  readonly prefix: string
  readonly minimumWork: bigint
  /** Whether the operator has had a port forwarded. */
  readonly isForwarded: boolean
  /** Whether to take part in the `sighting` topic. */
  readonly sightings: boolean
}

/** Blocks at a height of the chain that a block of the same height may share transactions with. */
const MAX_SIBLINGS = 3
/** Milliseconds between two looks at round trips. */
const MEASURE_MS = 10_000

/** A full node among others: everything of `p2p` put together with its chain and pool. */
export class Network {
  readonly watch: PropagationWatch
  readonly peering: Peering
  readonly #parts: NetworkComponents
  readonly #host: Host
  readonly #isForwarded: boolean
  readonly #connectionTo: ReturnType<typeof connectionsOf>
  readonly #client: RequestClient
  readonly #server: RequestServer
  readonly #sessions: PeerSessions
  readonly #sync: SyncDriver
  readonly #gossip: Gossip
  readonly #blocks: BlockGossip
  readonly #headers: HeaderGossip
  readonly #transactions: TransactionGossip
  /** Absent where this node takes no part in them. */
  readonly #sightings: SightingGossip | undefined
  readonly #watchdog: GossipWatchdog
  /** What undoes each step of the start. */
  readonly #undo: (() => void)[] = []

  /** Makes it, without a connection yet. @throws ConfigError if a bootnode is no address. */
  static async create(options: NetworkOptions, components: NetworkComponents): Promise<Network> {
    const { privateKey, datadir, ledger, clock, logger } = components
    const prefix = wirePrefix(ledger.chain.genesisHash)
    const discovery = discoveryOptions(options)
    const peering: Peering = new Peering(
      {
        self: peerIdFromPrivateKey(privateKey).toString(),
        bootnodes: options.bootnodes,
        maxPeers: options.maxPeers,
        exchange: options.exchange ?? false,
        privateAddresses: discovery.privateAddresses,
      },
      {
        host: () => network.#host,
        saved: await loadPeers(datadir),
        store: createPeerStore(datadir),
        requestPeers: (peer, count, signal) => requestPeers(network.#client, peer, count, { signal }),
        untilReady: (peer) => network.#sessions.untilReady(peer),
        clock,
        onHangUp: (peer, reason) => logger.debug('hanging up', { peer, reason }),
        onError: (error) => logger.error(`peers: ${(error as Error).message}`),
      },
    )
    const meter = new InboundMeter({
      clock,
      onFlood: (peer) => peering.penalize(peer, 'discourage', 'a flood of gossip or questions'),
    })
    const host = await createHost(
      {
        prefix,
        topics: topicsOf(prefix),
        listen: listenAddresses(options),
        announce: announcedAddresses(options),
        maxPeers: options.maxPeers,
        discovery,
        agent: { name: 'idobata', version: packageVersion() },
      },
      {
        privateKey,
        gater: peering.gater,
        standing: (peer) => (peering.bans.isDiscouraged(peer) ? DISCOURAGED_SCORE : 0),
        meter,
        forBlocksAlone: (peer) => peering.manager.isBlockOnly(peer),
      },
    )
    const network = new Network(
      {
        prefix,
        minimumWork: options.minimumWork ?? 0n,
        isForwarded: options.externalAddress !== undefined,
        sightings: options.sightings ?? false,
      },
      components,
      {
        host,
        peering,
        meter,
      },
    )
    return network
  }

  private constructor(
    { prefix, minimumWork, isForwarded, sightings }: FixedOptions,
    components: NetworkComponents,
    { host, peering, meter }: Connected,
  ) {
    const { ledger, pool, clock, logger } = components
    const { chain, engine, database, recover } = ledger
    this.#parts = components
    this.#host = host
    this.#connectionTo = connectionsOf(host)
    this.peering = peering
    this.#isForwarded = isForwarded
    this.watch = new PropagationWatch(clock)
    const { watch } = this
    const onError = (error: unknown) => logger.error(`network: ${(error as Error).message}`)
    // By work that was shown: whoever only claims a longer chain must not silence us.
    const catchingUp = () => this.#sync.farBehind
    const client = new RequestClient({ prefix }, { clock, connectionTo: this.#connectionTo })
    this.#client = client
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
        onWrongBody: (peer) => peering.penalize(peer, 'ban', 'a body that is not the one its header names'),
        onGivenUp: (peers) => {
          for (const peer of peers) this.#sync.heard(peer)
        },
        onWithholding: (peer) => peering.penalize(peer, 'discourage', 'blocks announced that nobody brings'),
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
      random,
      publish: (data) => this.#gossip.publish('tx', data),
      hasListeners: () => this.#gossip.hasListeners('tx'),
      onFlood: (peer) => peering.penalize(peer, 'discourage', 'a flood of transactions of no use'),
    })
    const { privateKey } = components
    this.#sightings = sightings
      ? new SightingGossip({
          chain,
          genesisHash: chain.genesisHash,
          watch,
          clock,
          publicKey: publicKeyToProtobuf(privateKey.publicKey),
          sign: async (bytes) => privateKey.sign(bytes),
          publish: (data) => this.#gossip.publish('sighting', data),
          onError,
        })
      : undefined
    this.#gossip = new Gossip(
      { topics: topicsOf(prefix) },
      {
        router: host.services.gossip,
        meter,
        handlers: {
          tx: this.#transactions,
          block: this.#blocks,
          header: this.#headers,
          ...(this.#sightings && { sighting: this.#sightings }),
        },
        onVerdict: (peer, topic, verdict) => this.#onVerdict(peer, topic, verdict),
        onSubscription: () => this.#transactions.peerListens(),
        onError,
      },
    )
    this.#watchdog = new GossipWatchdog(host, clock)
    this.#sessions = new PeerSessions({
      genesisHash: chain.genesisHash,
      clock,
      ask: (peer) => requestStatus(client, peer, this.#status()),
      hangUp: (peer) => void this.hangUp(peer),
      onReady: (session) => this.#onReady(session),
      onGone: ({ peer }) => {
        this.#sync.disconnected(peer)
        peering.disconnected(peer)
        logger.debug('peer gone', { peer })
      },
      onStranger: (peer) => logger.debug('peer of another network', { peer }),
      onError,
    })
    this.#sync = new SyncDriver(
      { minimumWork, maxFutureSeconds: engine.maxFutureSeconds },
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
        report: (peer, fault) => {
          const penalty = PENALTIES[fault.code]
          if (penalty !== 'none') peering.penalize(peer, penalty, fault.message)
        },
        onChange: () => {
          this.#gossip.listenToTransactions(!this.#sync.farBehind)
          components.onSyncChange()
        },
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
        onOffence: (peer, offence) => {
          if (offence === 'flood') peering.penalize(peer, 'discourage', 'a flood of requests')
          else logger.debug('bad request', { peer, offence })
        },
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

  /** Milliseconds; undefined: not measured yet. */
  roundTripMs(peer: string): number | undefined {
    const rtt = this.#connectionTo(peer)?.rtt
    return rtt === undefined ? undefined : Math.round(rtt)
  }

  /** How well a peer behaves in gossip; below zero: not well. */
  scoreOf(peer: string): number {
    return Math.round(100 * this.#host.services.gossip.getScore(peer)) / 100
  }

  /** The way between a peer and this node. */
  routeOf({ address, outbound }: PeerSession): Route {
    if (address.includes('/p2p-circuit')) return 'relayed'
    const host = hostOf(address)
    const fromOutside = !outbound && host !== undefined && !isExemptFromNetworkCaps(host)
    return fromOutside && (this.#isForwarded || this.#host.services.reachability.isMapped()) ? 'mapped' : 'direct'
  }

  nowMs(): number {
    return this.#parts.clock.nowMs()
  }

  /** How far catching up is; undefined while nobody has shown that we are behind by more than a few blocks. */
  get progress(): SyncProgress | undefined {
    return this.#sync.farBehind ? this.#sync.progress : undefined
  }

  /** When others say that they first saw a block; undefined: this node takes no part in that. */
  sightings(hash: Uint8Array): readonly Sighted[] | undefined {
    return this.#sightings?.of(hash)
  }

  get counts(): GossipCounts {
    return this.#gossip.counts
  }

  /** Listens, and calls the bootnodes. @throws the operating system's error if it cannot listen. */
  async start(): Promise<void> {
    const { ledger, pool } = this.#parts
    this.#undo.push(
      ledger.chain.subscribe((event) => {
        this.#blocks.follow(event)
        this.#headers.follow(event)
      }),
      pool.subscribe((changes) => this.#transactions.follow(changes)),
      this.watch.subscribe((block) => this.#sightings?.follow(block)),
    )
    this.#host.addEventListener('connection:open', ({ detail }) => this.#sessions.connected(detail))
    this.#host.addEventListener('connection:close', ({ detail }) => {
      const others = this.#host.getConnections(detail.remotePeer).filter((other) => other !== detail)
      this.#sessions.disconnected(detail, others)
    })
    await this.#server.start()
    await this.#host.start()
    this.#host.services.reachability.trustInterfaces()
    this.#gossip.start(true)
    this.#transactions.start()
    this.#undo.push(() => this.#gossip.stop())
    this.#sync.start()
    this.#watchdog.start()
    this.#undo.push(() => this.#watchdog.stop(), this.#measure())
    this.peering.start()
  }

  async stop(): Promise<void> {
    for (const undo of this.#undo.splice(0).reverse()) undo()
    this.#transactions.stop()
    this.#headers.stop()
    this.#sightings?.stop()
    // Before the requests that it waits for end, and before the ledger that it imports into.
    await this.#blocks.stop()
    await this.peering.stop()
    await this.#server.stop()
    await this.#sync.stop()
    await this.#host.stop()
  }

  async hangUp(peer: string): Promise<void> {
    await this.#host.hangUp(peerIdFromString(peer)).catch(() => undefined)
  }

  #onReady(session: PeerSession): void {
    this.peering.connected(session)
    const { headers, bodies } = session.status.serves
    if (headers && bodies) this.#sync.connected(session.peer, session.outbound, claimOf(session.status))
    this.#parts.logger.debug('peer', { peer: session.peer, address: session.address, agent: session.status.agent })
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

  #onVerdict(peer: string, topic: keyof Topics, verdict: GossipVerdict): void {
    const { clock } = this.#parts
    if (verdict === 'accept' && (topic === 'tx' || topic === 'block')) {
      this.peering.manager.brought(peer, topic === 'tx' ? 'transaction' : 'block', clock.nowMs())
    }
    // One invalid message may be a fault of the program; several are none of an honest one.
    if (verdict === 'reject' && this.#host.services.gossip.getScore(peer) <= SCORE_THRESHOLDS.graylistThreshold) {
      this.peering.penalize(peer, 'ban', `invalid messages on the ${topic} topic`)
    }
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
  #peerRecords(asker: string, count: number): Promise<Uint8Array[]> {
    const { manager } = this.peering
    // Nobody is told of those who are to be left when all others are an attacker's.
    const others = this.sessions.map(({ peer }) => peer).filter((peer) => peer !== asker && !manager.isBlockOnly(peer))
    return signedRecords(this.#host.peerStore, others, count)
  }

  /** Tells the peer manager how near peers are, now and then. */
  #measure(): () => void {
    const { clock } = this.#parts
    let cancel = () => {}
    const measure = () => {
      for (const { remotePeer, rtt } of this.#host.getConnections()) {
        if (rtt !== undefined) this.peering.manager.pinged(remotePeer.toString(), rtt)
      }
      cancel = clock.after(MEASURE_MS, measure)
    }
    measure()
    return () => cancel()
  }
}
