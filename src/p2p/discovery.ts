import { type AutoNATComponents, autoNAT } from '@libp2p/autonat'
import { type CircuitRelayService, circuitRelayServer, circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import { dcutr } from '@libp2p/dcutr'
import { type KadDHT, kadDHT, passthroughMapper, removePrivateAddressesMapper } from '@libp2p/kad-dht'
import type { UPnPNAT } from '@libp2p/upnp-nat'
import {
  AUTONAT_LIMITS,
  DHT_LIMITS,
  HOLE_PUNCHING_LIMITS,
  MAX_ADDRESS_TRIALS,
  MDNS_INTERVAL_MS,
  RELAY_CLIENT_LIMITS,
  RELAY_SERVER_LIMITS,
  UPNP_LIMITS,
} from './limits.ts'

/** How peers are found, and how a node behind a router is reached; each by itself. */
export interface DiscoveryOptions {
  /** Ask the network's own DHT for peers, and answer it. */
  readonly dht: boolean
  /** Whether addresses of private ranges are worth telling of: on a LAN and in demos. Elsewhere they lead to strangers' printers. */
  readonly privateAddresses: boolean
  /** Tell the LAN of this node, and look for others there. */
  readonly mdns: boolean
  /** Have the router forward our ports. */
  readonly upnp: boolean
  /** Have peers find out whether our addresses can be called, and do so for them. */
  readonly autonat: boolean
  /** Be reached through peers that offer it, if not otherwise. */
  readonly relay: boolean
  /** Offer that to others. */
  readonly relayServer: boolean
  /** Turn relayed connections into direct ones. */
  readonly holePunching: boolean
}

/** Those of the host's services that depend on its options. */
export interface DiscoveryServices {
  readonly dht?: KadDHT
  readonly upnp?: UPnPNAT
  readonly autonat?: unknown
  readonly relay?: CircuitRelayService
  readonly holePunching?: unknown
}

/**
 * @param prefix  of the network's protocol names: its DHT is apart from any other.
 * @param forBlocksAlone  peers that nobody is told of.
 */
export async function discoveryServices(
  options: DiscoveryOptions,
  prefix: string,
  forBlocksAlone: (peerId: string) => boolean,
) {
  const tellable = options.privateAddresses ? passthroughMapper : removePrivateAddressesMapper
  return {
    ...(options.dht && {
      dht: kadDHT({
        ...DHT_LIMITS,
        protocol: `${prefix}/kad/1.0.0`,
        clientMode: false,
        // One without addresses is neither taken into the table nor told of.
        peerInfoMapper: (peer) => (forBlocksAlone(peer.id.toString()) ? { ...peer, multiaddrs: [] } : tellable(peer)),
        // What strangers store is refused here, and let go by `BoundedDatastore` where it is not asked.
        validators: { pk: refuse },
      }),
    }),
    ...(options.upnp && { upnp: await portMapping(!options.autonat) }),
    ...(options.autonat && { autonat: addressTrial(prefix) }),
    ...(options.relayServer && { relay: circuitRelayServer(RELAY_SERVER_LIMITS) }),
    ...(options.holePunching && { holePunching: dcutr(HOLE_PUNCHING_LIMITS) }),
  }
}

/** @param autoConfirmAddress  without peers that try it, the router's word has to do. */
async function portMapping(autoConfirmAddress: boolean) {
  // An XML parser and more, that most nodes never need.
  const { uPnPNAT } = await import('@libp2p/upnp-nat')
  return uPnPNAT({ ...UPNP_LIMITS, portMappingDescription: 'idobata', autoConfirmAddress })
}

/**
 * What peers try for each other. libp2p's own takes the connection by which a peer asks for the one it is to make, and closes that when it is
 * done: an address that is named is always called anew here. Others are never in the way of our own calls.
 */
function addressTrial(prefix: string) {
  const service = autoNAT({ ...AUTONAT_LIMITS, protocolPrefix: prefix.slice(1) })
  return (components: AutoNATComponents) => {
    const { connectionManager } = components
    let trials = 0
    const openConnection: typeof connectionManager.openConnection = async (target, options) => {
      // Peers of a random walk, which come with all their addresses.
      if (Array.isArray(target)) return connectionManager.openConnection(target, options)
      if (trials === MAX_ADDRESS_TRIALS) throw new Error('too many addresses are being tried')
      trials++
      try {
        return await connectionManager.openConnection(target, { ...options, force: true })
      } finally {
        trials--
      }
    }
    const connecting = Object.create(connectionManager, { openConnection: { value: openConnection } })
    return service(Object.create(components, { connectionManager: { value: connecting } }))
  }
}

function refuse(): never {
  throw new Error('no records are kept')
}

export function relayTransports({ relay, holePunching }: DiscoveryOptions) {
  return relay || holePunching ? [circuitRelayTransport(RELAY_CLIENT_LIMITS)] : []
}

/** Multiaddrs that ask for a place at a relay, as soon as one is found. */
export function relayListenAddresses({ relay }: DiscoveryOptions): string[] {
  return relay ? ['/p2p-circuit'] : []
}

/** Ways to hear of peers that are no services. */
export async function lanDiscovery(options: DiscoveryOptions, prefix: string) {
  if (!options.mdns) return []
  const { mdns } = await import('@libp2p/mdns')
  return [mdns({ interval: MDNS_INTERVAL_MS, serviceTag: `_${prefix.slice(1).replace('/', '-')}._udp.local` })]
}
