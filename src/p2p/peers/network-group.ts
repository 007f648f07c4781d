import { ipVersion } from '@chainsafe/is-ip'
import { isExemptFromNetworkCaps } from '../address-class.ts'

/** The host that a multiaddr names: an IP address or a domain name; undefined: none, as for a relayed one. */
export function hostOf(multiaddr: string): string | undefined {
  const [, family, host, ...rest] = multiaddr.split('/')
  // The relay's address says nothing about who is behind it.
  if (host === undefined || rest.includes('p2p-circuit')) return undefined
  if (family === 'ip4' || family === 'ip6') return ipVersion(host) === (family === 'ip4' ? 4 : 6) ? host : undefined
  return family === 'dns' || family === 'dns4' || family === 'dns6' ? host : undefined
}

/**
 * What addresses have in common that are hard to have many of: the /16 of IPv4, the /32 of IPv6. Each private or loopback
 * address is a group of its own. A name stands for itself.
 */
export function networkGroup(host: string): string {
  return isExemptFromNetworkCaps(host) ? host : prefixOf(host, 2, 2)
}

/** Addresses of one customer: the /24 of IPv4, the /48 of IPv6. */
export function subnetOf(host: string): string {
  return prefixOf(host, 3, 3)
}

function prefixOf(host: string, v4Parts: number, v6Words: number): string {
  const family = ipVersion(host)
  if (family === 4) return host.split('.').slice(0, v4Parts).join('.')
  if (family !== 6) return host.toLowerCase()
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(host)
  if (mapped !== null) return prefixOf(mapped[1]!, v4Parts, v6Words)
  return words(host).slice(0, v6Words).join(':')
}

/** The eight words of an IPv6 address, without leading zeros. */
function words(address: string): string[] {
  const [head = '', tail] = address.toLowerCase().replace(/%.*$/, '').split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length)
  return [...before, ...Array<string>(zeros).fill('0'), ...after].map((word) => word.replace(/^0+(?=.)/, ''))
}
