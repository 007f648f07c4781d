import { isIPv6 } from 'node:net'
import { isExemptFromNetworkCaps } from '../p2p/address-class.ts'
import type { DiscoveryOptions } from '../p2p/discovery.ts'

export const TRANSPORTS = ['tcp', 'quic', 'ws'] as const
export type Transport = (typeof TRANSPORTS)[number]

/** Ten outbound, two for blocks alone, one to try addresses with, 64 inbound. */
export const DEFAULT_MAX_PEERS = 77

const NO_DISCOVERY = {
  dht: false,
  mdns: false,
  upnp: false,
  autonat: false,
  relay: false,
  relayServer: false,
  holePunching: false,
}

export interface NetworkOptions {
  /** IP address to listen on. */
  readonly addr: string
  /** Of TCP and QUIC; WebSocket takes the next one. 0: any that is free. */
  readonly port: number
  /** What to listen on; all are dialled. */
  readonly transports: readonly Transport[]
  /** Multiaddrs, with peer ids, to begin at. */
  readonly bootnodes: readonly string[]
  readonly maxPeers: number
  /** Total difficulty below which no chain is followed, 0 by default: what the network's is known to have by now. */
  readonly minimumWork?: bigint
  /** Absent: no way but bootnodes and those who call. */
  readonly discovery?: Partial<Omit<DiscoveryOptions, 'privateAddresses'>>
  /** Whether peers are asked for addresses of others. */
  readonly exchange?: boolean
  /** Whether to tell peers when blocks were first seen here, and to hear it of them. */
  readonly sightings?: boolean
  /** IP address under which the port can be reached from outside, forwarded by hand. */
  readonly externalAddress?: string | undefined
}

/** All of it said. */
export function discoveryOptions({
  bootnodes,
  discovery,
}: Pick<NetworkOptions, 'bootnodes' | 'discovery'>): DiscoveryOptions {
  const chosen = { ...NO_DISCOVERY, ...discovery }
  // Only who looks on the LAN, or begins there, has business with private addresses that strangers tell of.
  return { ...chosen, privateAddresses: chosen.mdns || bootnodes.some(isPrivateAddress) }
}

function isPrivateAddress(address: string): boolean {
  const [, family, host] = address.split('/')
  return (family === 'ip4' || family === 'ip6') && isExemptFromNetworkCaps(host!)
}

/** The multiaddrs to tell others of besides. */
export function announcedAddresses({ externalAddress, ...options }: NetworkOptions): string[] {
  return externalAddress === undefined ? [] : listenAddresses({ ...options, addr: externalAddress })
}

/** The multiaddrs to listen on. */
export function listenAddresses({ addr, port, transports }: NetworkOptions): string[] {
  const host = isIPv6(addr) ? `/ip6/${addr}` : `/ip4/${addr}`
  const next = port === 0 ? 0 : port + 1
  const addresses: Record<Transport, string> = {
    tcp: `${host}/tcp/${port}`,
    quic: `${host}/udp/${port}/quic-v1`,
    ws: `${host}/tcp/${next}/ws`,
  }
  return transports.map((transport) => addresses[transport])
}
