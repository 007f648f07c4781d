import { quic } from '@chainsafe/libp2p-quic'
import { tcp } from '@libp2p/tcp'
import { type BaseHost, type BaseHostOptions, createBaseHost, type HostComponents } from './base-host.ts'
import { QUIC_LIMITS, SPARE_CONNECTIONS, TCP_LIMITS } from './limits.ts'

/**
 * A base host that dials over every transport and is not dialled. Everybody who listens speaks Noise, and there is nothing to tell of an
 * address that nobody calls: TLS and the ways to be found, which take longer to load than all the rest, are left out.
 */
export function createDialingHost(options: BaseHostOptions, components: HostComponents): Promise<BaseHost> {
  return createBaseHost(options, components, {
    listen: [],
    announce: [],
    transports: [tcp({ ...TCP_LIMITS, maxConnections: options.maxPeers + SPARE_CONNECTIONS }), quic(QUIC_LIMITS)],
    encrypters: [],
    peerDiscovery: [],
    services: {},
  })
}
