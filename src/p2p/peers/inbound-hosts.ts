import { isExemptFromNetworkCaps } from '../address-class.ts'
import { MAX_INBOUND_PER_HOST, MAX_INBOUND_PER_SUBNET } from './limits.ts'
import { subnetOf } from './network-group.ts'

/**
 * Connections that others have made to us, by where they come from; from their first byte on, since an attacker makes many
 * at once before any of them has said who it is.
 */
export class InboundHosts {
  readonly #byHost = new Map<string, number>()
  readonly #bySubnet = new Map<string, number>()

  /** @returns what to call when the connection has ended; undefined: there are enough from there. */
  admit(host: string): (() => void) | undefined {
    if (isExemptFromNetworkCaps(host)) return () => {}
    const subnet = subnetOf(host)
    if ((this.#byHost.get(host) ?? 0) >= MAX_INBOUND_PER_HOST) return undefined
    if ((this.#bySubnet.get(subnet) ?? 0) >= MAX_INBOUND_PER_SUBNET) return undefined
    add(this.#byHost, host, 1)
    add(this.#bySubnet, subnet, 1)
    return () => {
      add(this.#byHost, host, -1)
      add(this.#bySubnet, subnet, -1)
    }
  }
}

function add(counts: Map<string, number>, key: string, by: 1 | -1): void {
  const count = (counts.get(key) ?? 0) + by
  if (count === 0) counts.delete(key)
  else counts.set(key, count)
}
