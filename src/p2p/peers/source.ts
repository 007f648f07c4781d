import { isExemptFromNetworkCaps } from '../address-class.ts'
import { networkGroup } from './network-group.ts'

/** Who names peers. What it is comes from our own connection, never from what is said. */
export interface Source {
  /** Its network group. */
  readonly group: string
  /** Whether every peer named stands for its addresses itself: it said so over a connection, or has signed them. */
  readonly vouched: boolean
  /** Whether addresses of private ranges are worth anything when they come from it. */
  readonly privateAddresses: boolean
}

/** A peer that we are connected to. @param host  the connection's other end; undefined: behind a relay. */
export function sourceAt(host: string | undefined): Source {
  // Relays are many and free to use: all behind them are one group.
  if (host === undefined) return { group: 'relayed', vouched: true, privateAddresses: false }
  return { group: networkGroup(host), vouched: true, privateAddresses: isExemptFromNetworkCaps(host) }
}

/** The DHT and the local network's announcements: nobody knows who says it, so all of it is of one group. */
export function hearsay(privateAddresses: boolean): Source {
  return { group: 'hearsay', vouched: false, privateAddresses }
}
