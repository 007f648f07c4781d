import { parseIP } from '@chainsafe/is-ip/parse'
import { IpNet, iPv4FromIPv6, isIPv4mappedIPv6 } from '@chainsafe/netmask'

/** Ranges where many nodes behind few addresses are a demo, a LAN or a container host, not an attack. */
const EXEMPT = [
  '127.0.0.0/8',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '169.254.0.0/16',
  '::1/128',
  'fc00::/7',
  'fe80::/10',
].map((range) => new IpNet(range))

const LOOPBACK = ['127.0.0.0/8', '::1/128'].map((range) => new IpNet(range))

/** Where no node can be: this host, the shared space of carriers, multicast, reserved. */
const NOWHERE = ['0.0.0.0/8', '100.64.0.0/10', '224.0.0.0/3', '::/128', 'ff00::/8'].map((range) => new IpNet(range))

/** Whether caps per address and subnet do not apply to `ip`: loopback, private and link-local ranges. */
export function isExemptFromNetworkCaps(ip: string): boolean {
  return isIn(EXEMPT, ip)
}

/** Whether `ip` is the machine's own: whoever dials it meets what runs here. */
export function isLoopback(ip: string): boolean {
  return isIn(LOOPBACK, ip)
}

/** Whether `host` is an IP address at which a node may be. A name is none: whoever owns the domain has any number of them. */
export function isDialable(host: string): boolean {
  return parseIP(host) !== undefined && !isIn(NOWHERE, host)
}

function isIn(ranges: readonly IpNet[], ip: string): boolean {
  const bytes = parseIP(ip)
  if (bytes === undefined) return false
  // An IPv4 address in the dress of IPv6 is where the IPv4 address is.
  const address = isIPv4mappedIPv6(bytes) ? iPv4FromIPv6(bytes) : bytes
  return ranges.some((range) => range.contains(address))
}
