import { noise } from '@chainsafe/libp2p-noise'
import { type Identify, type IdentifyPush, identify, identifyPush } from '@libp2p/identify'
import type { ConnectionGater, Libp2p, PrivateKey } from '@libp2p/interface'
import { FaultTolerance } from '@libp2p/interface'
import { type Ping, ping } from '@libp2p/ping'
import { webSockets } from '@libp2p/websockets'
import { createLibp2p, type Libp2pOptions, type ServiceFactoryMap } from 'libp2p'
import { BoundedDatastore } from './bounded-datastore.ts'
import { boundedYamux } from './bounded-yamux.ts'
import { createGossipRouter, type GossipRouter } from './gossip-router.ts'
import type { InboundMeter } from './inbound-meter.ts'
import {
  ADDRESS_LIMITS,
  CONNECTION_LIMITS,
  IDENTIFY_LIMITS,
  IDENTIFY_PUSH_LIMITS,
  PEER_STORE_LIMITS,
  PING_INBOUND_STREAMS,
  PING_INTERVAL_MS,
  PING_OUTBOUND_STREAMS,
  PING_TIMEOUT_MS,
  SPARE_CONNECTIONS,
  WEBSOCKET_LIMITS,
} from './limits.ts'
import { meteredProtocols } from './metered-protocols.ts'
import type { Topics } from './topics.ts'

export interface BaseHostOptions {
  /** What all protocol names of the network begin with, `/idobata/<digest>`. */
  readonly prefix: string
  readonly topics: Topics
  readonly maxPeers: number
  /** Name and version of the program. */
  readonly agent: { readonly name: string; readonly version: string }
}

export interface HostComponents {
  /** Ed25519; the peer id is made from it. */
  readonly privateKey: PrivateKey
  /** Who may connect, at each step of a connection; absent: everybody. */
  readonly gater?: ConnectionGater
  /** See `GossipRouterOptions`. */
  readonly standing: (peerId: string) => number
  /** Counts what peers send to libp2p's own protocols; absent: nobody does. */
  readonly meter?: InboundMeter
  /** See `GossipRouterOptions`; nor does the DHT tell anybody of them. */
  readonly forBlocksAlone?: (peerId: string) => boolean
}

/** What every host does. */
export interface BaseServices extends Record<string, unknown> {
  readonly identify: Identify
  readonly identifyPush: IdentifyPush
  readonly ping: Ping
  readonly gossip: GossipRouter
}

export type BaseHost = Libp2p<BaseServices>

/** What a host has beyond that, in libp2p's own terms. */
export interface HostExtras<S extends object> {
  readonly listen: readonly string[]
  readonly announce: readonly string[]
  readonly transports: NonNullable<Libp2pOptions['transports']>
  readonly encrypters: NonNullable<Libp2pOptions['connectionEncrypters']>
  readonly peerDiscovery: NonNullable<Libp2pOptions['peerDiscovery']>
  /** Factories of the services that `S` names. */
  readonly services: { readonly [K in keyof S]?: unknown }
}

/**
 * A libp2p node with every bound set, not yet started, and nothing in it that a browser has not: WebSocket, Noise, yamux. All
 * protocols but gossipsub's own carry the network's prefix, so that peers of another network have nothing to say to each other.
 * By itself it dials and is not dialled; `extras` are what a node that has sockets adds.
 */
export async function createBaseHost<S extends object = object>(
  { prefix, topics, maxPeers, agent }: BaseHostOptions,
  { privateKey, gater, standing, meter, forBlocksAlone }: HostComponents,
  extras?: HostExtras<S>,
): Promise<Libp2p<BaseServices & S>> {
  const maxConnections = maxPeers + SPARE_CONNECTIONS
  // The libraries put a slash before it.
  const protocolPrefix = prefix.slice(1)
  const connected = () => new Set(host.getPeers().map((peer) => `/peers/${peer.toCID()}`))
  const host: Libp2p<BaseServices & S> = await createLibp2p<BaseServices & S>({
    start: false,
    datastore: new BoundedDatastore(connected),
    privateKey,
    nodeInfo: { ...agent, userAgent: `${agent.name}/${agent.version}` },
    addresses: {
      ...ADDRESS_LIMITS,
      listen: [...(extras?.listen ?? [])],
      appendAnnounce: [...(extras?.announce ?? [])],
    },
    transports: [webSockets(WEBSOCKET_LIMITS), ...(extras?.transports ?? [])],
    peerDiscovery: extras?.peerDiscovery ?? [],
    transportManager: { faultTolerance: FaultTolerance.FATAL_ALL },
    connectionEncrypters: [noise(), ...(extras?.encrypters ?? [])],
    streamMuxers: [boundedYamux()],
    connectionManager: { ...CONNECTION_LIMITS, maxConnections },
    connectionMonitor: {
      pingInterval: PING_INTERVAL_MS,
      pingTimeout: { minTimeout: PING_TIMEOUT_MS, maxTimeout: PING_TIMEOUT_MS },
      protocolPrefix,
    },
    ...(gater && { connectionGater: gater }),
    peerStore: PEER_STORE_LIMITS,
    services: {
      identify: identify({ ...IDENTIFY_LIMITS, protocolPrefix }),
      identifyPush: identifyPush({ ...IDENTIFY_PUSH_LIMITS, protocolPrefix }),
      ping: ping({
        protocolPrefix,
        timeout: PING_TIMEOUT_MS,
        maxInboundStreams: PING_INBOUND_STREAMS,
        maxOutboundStreams: PING_OUTBOUND_STREAMS,
      }),
      ...(meter && { meter: meteredProtocols(meter, prefix) }),
      gossip: createGossipRouter({ topics, standing, meter, forBlocksAlone }),
      ...extras?.services,
    } as ServiceFactoryMap<BaseServices & S>,
  })
  return host
}
