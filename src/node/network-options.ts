import { isIPv6 } from 'node:net'

export const TRANSPORTS = ['tcp', 'quic', 'ws'] as const
export type Transport = (typeof TRANSPORTS)[number]

/** Ten outbound, two for blocks alone, one to try addresses with, 64 inbound. */
export const DEFAULT_MAX_PEERS = 77

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
