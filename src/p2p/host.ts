import { noise } from '@chainsafe/libp2p-noise'
import { quic } from '@chainsafe/libp2p-quic'
import { yamux } from '@chainsafe/libp2p-yamux'
import { type Identify, type IdentifyPush, identify, identifyPush } from '@libp2p/identify'
import type { ConnectionGater, Libp2p, PrivateKey } from '@libp2p/interface'
import { FaultTolerance } from '@libp2p/interface'
import { type Ping, ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { tls } from '@libp2p/tls'
import { webSockets } from '@libp2p/websockets'
import { createLibp2p } from 'libp2p'
import { BoundedDatastore } from './bounded-datastore.ts'
import {
  type DiscoveryOptions,
  type DiscoveryServices,
  discoveryServices,
  lanDiscovery,
  relayListenAddresses,
  relayTransports,
} from './discovery.ts'
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
  QUIC_LIMITS,
  SPARE_CONNECTIONS,
  TCP_LIMITS,
  WEBSOCKET_LIMITS,
  YAMUX_LIMITS,
} from './limits.ts'
import { meteredProtocols } from './metered-protocols.ts'
import { type Reachability, reachability } from './reachability.ts'
import type { Topics } from './topics.ts'

export interface HostOptions {
  /** What all protocol names of the network begin with, `/idobata/<digest>`. */
  readonly prefix: string
  readonly topics: Topics
  /** Multiaddrs to listen on; none: only to dial. What they name decides which transports listen. */
  readonly listen: readonly string[]
  /** Multiaddrs told to others in addition, a forwarded port for example. */
  readonly announce?: readonly string[]
  readonly maxPeers: number
  readonly discovery: DiscoveryOptions
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
  /** See `GossipRouterOptions`. */
  readonly forBlocksAlone?: (peerId: string) => boolean
}

export interface HostServices extends DiscoveryServices, Record<string, unknown> {
  readonly identify: Identify
  readonly identifyPush: IdentifyPush
  readonly ping: Ping
  readonly gossip: GossipRouter
  readonly reachability: Reachability
}

export type Host = Libp2p<HostServices>

/**
 * A libp2p node with every bound set, not yet started. TCP, WebSocket and QUIC; Noise or TLS, whichever the other prefers;
 * yamux. All protocols but gossipsub's own carry the network's prefix, so that peers of another network have nothing
 * to say to each other.
 */
export async function createHost(options: HostOptions, components: HostComponents): Promise<Host> {
  const { prefix, topics, listen, announce, maxPeers, discovery, agent } = options
  const { privateKey, gater, standing, meter, forBlocksAlone } = components
  const maxConnections = maxPeers + SPARE_CONNECTIONS
  // The libraries put a slash before it.
  const protocolPrefix = prefix.slice(1)
  const connected = () => new Set(host.getPeers().map((peer) => `/peers/${peer.toCID()}`))
  const host: Host = await createLibp2p<HostServices>({
    start: false,
    datastore: new BoundedDatastore(connected),
    privateKey,
    nodeInfo: { ...agent, userAgent: `${agent.name}/${agent.version}` },
    addresses: {
      ...ADDRESS_LIMITS,
      listen: [...listen, ...relayListenAddresses(discovery)],
      appendAnnounce: [...(announce ?? [])],
    },
    transports: [
      tcp({ ...TCP_LIMITS, maxConnections }),
      webSockets(WEBSOCKET_LIMITS),
      quic(QUIC_LIMITS),
      ...relayTransports(discovery),
    ],
    peerDiscovery: lanDiscovery(discovery, prefix),
    transportManager: { faultTolerance: FaultTolerance.FATAL_ALL },
    connectionEncrypters: [noise(), tls()],
    streamMuxers: [yamux(YAMUX_LIMITS)],
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
      reachability,
      ...discoveryServices(discovery, prefix),
    },
  })
  return host
}
