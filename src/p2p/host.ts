import type { Libp2p } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { tls } from '@libp2p/tls'
import { type BaseHostOptions, type BaseServices, createBaseHost, type HostComponents } from './base-host.ts'
import {
  type DiscoveryOptions,
  type DiscoveryServices,
  discoveryServices,
  lanDiscovery,
  relayListenAddresses,
  relayTransports,
} from './discovery.ts'
import { QUIC_LIMITS, SPARE_CONNECTIONS, TCP_LIMITS } from './limits.ts'
import { type Reachability, reachability } from './reachability.ts'

export interface HostOptions extends BaseHostOptions {
  /** Multiaddrs to listen on; none: only to dial. What they name decides which transports listen. */
  readonly listen: readonly string[]
  /** Multiaddrs told to others in addition, a forwarded port for example. */
  readonly announce?: readonly string[]
  readonly discovery: DiscoveryOptions
}

/** Those that only a node with sockets has. */
interface SocketServices extends DiscoveryServices {
  readonly reachability: Reachability
}

export type HostServices = BaseServices & SocketServices

export type Host = Libp2p<HostServices>

/** A base host that has sockets: TCP and QUIC besides; Noise or TLS, whichever the other prefers; and ways to be found. */
export async function createHost(options: HostOptions, components: HostComponents): Promise<Host> {
  const { prefix, listen, announce = [], maxPeers, discovery } = options
  const { forBlocksAlone = () => false } = components
  return createBaseHost<SocketServices>(options, components, {
    listen: [...listen, ...relayListenAddresses(discovery)],
    announce,
    transports: [
      tcp({ ...TCP_LIMITS, maxConnections: maxPeers + SPARE_CONNECTIONS }),
      ...(await quicTransport(listen)),
      ...relayTransports(discovery),
    ],
    encrypters: [tls()],
    peerDiscovery: await lanDiscovery(discovery, prefix),
    services: { ...(await discoveryServices(discovery, prefix, forBlocksAlone)), reachability },
  })
}

/** A native library: where there is none for the platform, a node that does not listen on QUIC does without. */
async function quicTransport(listen: readonly string[]) {
  try {
    const { quic } = await import('@chainsafe/libp2p-quic')
    return [quic(QUIC_LIMITS)]
  } catch (cause) {
    if (!listen.some((address) => address.includes('/quic'))) return []
    throw new Error('QUIC does not load on this platform; leave it out of --p2p.transports', { cause })
  }
}
