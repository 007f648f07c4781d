import type { PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey, peerIdFromString } from '@libp2p/peer-id'
import type { LightClient } from '../light/client.ts'
import type { LightFault } from '../light/types.ts'
import type { BaseHost, BaseHostOptions, HostComponents } from '../p2p/base-host.ts'
import { Gossip, type TopicHandler } from '../p2p/gossip.ts'
import { GossipWatchdog } from '../p2p/gossip-watchdog.ts'
import { InboundMeter } from '../p2p/inbound-meter.ts'
import type { PeerStore } from '../p2p/peers/connector.ts'
import type { SavedPeers } from '../p2p/peers/saved-peers.ts'
import { RequestClient } from '../p2p/reqresp/client.ts'
import { connectionsOf } from '../p2p/reqresp/connections.ts'
import { requestPeers } from '../p2p/reqresp/protocols/peers.ts'
import { requestStatus } from '../p2p/reqresp/protocols/status.ts'
import { requestTransactions } from '../p2p/reqresp/protocols/txs.ts'
import { RequestServer } from '../p2p/reqresp/server.ts'
import { DISCOURAGED_SCORE } from '../p2p/scoring.ts'
import { type PeerSession, PeerSessions } from '../p2p/sessions.ts'
import { topicsOf } from '../p2p/topics.ts'
import type { GossipVerdict } from '../p2p/verdict.ts'
import { decodeHeaderAnnouncement } from '../p2p/wire/headers.ts'
import { wirePrefix } from '../p2p/wire/names.ts'
import { type Status, WIRE_VERSION } from '../p2p/wire/status.ts'
import { encodeTransactionList } from '../p2p/wire/transactions.ts'
import type { Clock } from '../primitives/clock.ts'
import { DecodeError } from '../primitives/errors.ts'
import type { HashedHeader } from '../primitives/header.ts'
import type { Transaction } from '../primitives/transaction.ts'
import type { Logger } from './logger.ts'
import type { Route } from './network.ts'
import { signedRecords } from './peer-records.ts'
import { Peering } from './peering.ts'
import { packageVersion } from './version.ts'

export interface LightNetworkOptions {
  readonly genesisHash: Uint8Array
  /** Multiaddrs, with peer ids, to begin at. */
  readonly bootnodes: readonly string[]
  readonly maxPeers: number
  /** Whether peers are asked for addresses of others. */
  readonly exchange: boolean
  /** Whether private addresses that others tell of are worth anything. */
  readonly privateAddresses: boolean
}

export interface LightNetworkComponents {
  /** With the transports that there are where this runs. */
  readonly createHost: (options: BaseHostOptions, components: HostComponents) => Promise<BaseHost>
  readonly privateKey: PrivateKey
  /** Of the last run. */
  readonly savedPeers: SavedPeers | undefined
  readonly peerStore: PeerStore
  readonly clock: Clock
  readonly logger: Logger
}

interface Connected {
  readonly host: BaseHost
  readonly peering: Peering
  readonly meter: InboundMeter
}

/** What the network tells, and asks of, the client that follows the chain. */
type Follower = Pick<LightClient, 'head' | 'addPeer' | 'removePeer' | 'announce'>

/** Peers asked for a transaction that is in no block: the pools of honest ones hold nearly the same. */
const MAX_POOLS_ASKED = 3

/** What each fault of a peer deserves. An honest node may be slow, behind or on a branch; none proves what is not so. */
const PENALTIES = {
  'bad-proof': 'ban',
  'false-claim': 'discourage',
  withheld: 'discourage',
  'stale-head': 'discourage',
  'unconfirmed-head': 'discourage',
} as const satisfies Record<LightFault, 'ban' | 'discourage'>

/** A light node among full ones: it serves nothing, follows headers, asks, and hands in transactions. */
export class LightNetwork {
  readonly peering: Peering
  readonly client: RequestClient
  readonly #options: LightNetworkOptions
  readonly #parts: LightNetworkComponents
  readonly #host: BaseHost
  readonly #connectionTo: ReturnType<typeof connectionsOf>
  readonly #sessions: PeerSessions
  readonly #server: RequestServer
  readonly #gossip: Gossip
  readonly #watchdog: GossipWatchdog
  #follower: Follower | undefined
  #receivedBytes = 0

  /** Makes it, without a connection yet. @throws Error if a bootnode is no address. */
  static async create(options: LightNetworkOptions, components: LightNetworkComponents): Promise<LightNetwork> {
    const { privateKey, savedPeers, peerStore, clock, logger } = components
    const prefix = wirePrefix(options.genesisHash)
    const peering: Peering = new Peering(
      { ...options, self: peerIdFromPrivateKey(privateKey).toString() },
      {
        host: () => network.#host,
        saved: savedPeers,
        store: peerStore,
        requestPeers: (peer, count, signal) => requestPeers(network.client, peer, count, { signal }),
        untilReady: (peer) => network.#sessions.untilReady(peer),
        clock,
        onHangUp: (peer, reason) => logger.debug('hanging up', { peer, reason }),
        onError: (error) => logger.error(`peers: ${(error as Error).message}`),
      },
    )
    const meter = new InboundMeter({
      clock,
      onFlood: (peer) => peering.penalize(peer, 'discourage', 'a flood of messages'),
    })
    const host = await components.createHost(
      {
        prefix,
        topics: topicsOf(prefix),
        maxPeers: options.maxPeers,
        agent: { name: 'idobata-light', version: packageVersion() },
      },
      {
        privateKey,
        gater: peering.gater,
        standing: (peer) => (peering.bans.isDiscouraged(peer) ? DISCOURAGED_SCORE : 0),
        meter,
      },
    )
    const network = new LightNetwork(options, components, { host, peering, meter }, prefix)
    return network
  }

  private constructor(
    options: LightNetworkOptions,
    components: LightNetworkComponents,
    { host, peering, meter }: Connected,
    prefix: string,
  ) {
    const { clock, logger } = components
    this.#options = options
    this.#parts = components
    this.#host = host
    this.#connectionTo = connectionsOf(host)
    this.peering = peering
    const onError = (error: unknown) => logger.error(`network: ${(error as Error).message}`)
    this.client = new RequestClient(
      { prefix },
      { clock, connectionTo: this.#connectionTo, onReceived: (bytes) => this.#received(bytes) },
    )
    this.#sessions = new PeerSessions({
      genesisHash: options.genesisHash,
      clock,
      ask: (peer) => requestStatus(this.client, peer, this.status()),
      hangUp: (peer) => void this.hangUp(peer),
      onReady: (session) => this.#onReady(session),
      onGone: ({ peer }) => {
        this.#follower?.removePeer(peer)
        peering.disconnected(peer)
        logger.debug('peer gone', { peer })
      },
      onStranger: (peer) => logger.debug('peer of another network', { peer }),
      onError,
    })
    this.#server = new RequestServer(
      { prefix },
      {
        host,
        backend: {
          status: (peer, theirs) => {
            this.#sessions.heard(peer, theirs)
            return this.status()
          },
          peerRecords: (peer, count) => {
            const others = this.sessions.map((session) => session.peer).filter((other) => other !== peer)
            return signedRecords(host.peerStore, others, count)
          },
        },
        clock,
        onOffence: (peer, offence) => {
          if (offence === 'flood') peering.penalize(peer, 'discourage', 'a flood of requests')
        },
        onError,
      },
    )
    const header: TopicHandler = { handle: async (data, from) => this.#judge(data, from) }
    this.#gossip = new Gossip(
      { topics: topicsOf(prefix) },
      { router: host.services.gossip, handlers: { header }, meter, onVerdict() {}, onSubscription() {}, onError },
    )
    this.#watchdog = new GossipWatchdog(host, clock)
  }

  get peerId(): string {
    return this.#host.peerId.toString()
  }

  /** None: nobody can call it. */
  readonly addresses: readonly string[] = []

  get sessions(): readonly PeerSession[] {
    return [...this.#sessions.ready.values()]
  }

  /** Of answers and announcements, since the start. */
  get receivedBytes(): number {
    return this.#receivedBytes
  }

  /** The way between a peer and this node, which nobody calls. */
  routeOf({ address }: PeerSession): Route {
    return address.includes('/p2p-circuit') ? 'relayed' : 'direct'
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

  nowMs(): number {
    return this.#parts.clock.nowMs()
  }

  /** Begins to call peers. @param follower  hears of them and of what they announce. */
  async start(follower: Follower): Promise<void> {
    this.#follower = follower
    this.#host.addEventListener('connection:open', ({ detail }) => this.#sessions.connected(detail))
    this.#host.addEventListener('connection:close', ({ detail }) => {
      const others = this.#host.getConnections(detail.remotePeer).filter((other) => other !== detail)
      this.#sessions.disconnected(detail, others)
    })
    await this.#server.start()
    await this.#host.start()
    this.#gossip.start(false)
    this.#watchdog.start()
    this.peering.start()
  }

  async stop(): Promise<void> {
    this.#gossip.stop()
    this.#watchdog.stop()
    await this.peering.stop()
    await this.#server.stop()
    await this.#host.stop()
  }

  async hangUp(peer: string): Promise<void> {
    await this.#host.hangUp(peerIdFromString(peer)).catch(() => undefined)
  }

  /** A peer has done what it must not, or is of no use. */
  penalize(peer: string, fault: LightFault): void {
    this.#parts.logger.debug('peer at fault', { peer, fault })
    this.peering.penalize(peer, PENALTIES[fault], fault)
  }

  /** A peer has told how it stands. */
  heard(peer: string, status: Status): void {
    this.#sessions.heard(peer, status)
  }

  /** How this node stands: it serves nothing. */
  status(): Status {
    const { hash, header, totalDifficulty } = this.#follower!.head
    return {
      version: WIRE_VERSION,
      genesisHash: this.#options.genesisHash,
      headHash: hash,
      number: header.number,
      totalDifficulty,
      oldestBody: header.number,
      serves: { headers: false, bodies: false, txs: false, proof: false, history: false },
      agent: `idobata-light/${packageVersion()}`,
    }
  }

  /** Hands a transaction, EIP-2718 encoded, to peers. @returns how many it went to. */
  async send(raw: Uint8Array): Promise<number> {
    // Published to nobody it would count as published, for minutes.
    if (!this.#gossip.hasListeners('tx')) return 0
    return this.#gossip.publish('tx', encodeTransactionList([raw]))
  }

  /** A transaction in the pool of one of the peers, under the hash asked for: its signature is for the caller to check. */
  async pooled(hash: Uint8Array): Promise<Transaction | undefined> {
    for (const { peer } of this.sessions.filter(({ status }) => status.serves.txs).slice(0, MAX_POOLS_ASKED)) {
      const [found] = await requestTransactions(this.client, peer, [hash]).catch(() => [])
      if (found) return found.transaction
    }
    return undefined
  }

  #received(bytes: number): void {
    this.#receivedBytes += bytes
  }

  #onReady(session: PeerSession): void {
    this.peering.connected(session)
    const { headers, proof } = session.status.serves
    if (headers && proof) this.#follower?.addPeer(session.peer)
    this.#parts.logger.debug('peer', { peer: session.peer, address: session.address, agent: session.status.agent })
  }

  #judge(data: Uint8Array, from: string): GossipVerdict {
    this.#received(data.length)
    let header: HashedHeader
    try {
      header = decodeHeaderAnnouncement(data)
    } catch (error) {
      if (error instanceof DecodeError) return 'reject'
      throw error
    }
    return this.#follower!.announce(from, header)
  }
}
