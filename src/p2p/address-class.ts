import { BlockList, isIP } from 'node:net'

/** Ranges where many nodes behind few addresses are a demo, a LAN or a container host, not an attack. */
const EXEMPT: readonly (readonly [network: string, prefix: number, type: 'ipv4' | 'ipv6'])[] = [
  ['127.0.0.0', 8, 'ipv4'],
  ['10.0.0.0', 8, 'ipv4'],
  ['172.16.0.0', 12, 'ipv4'],
  ['192.168.0.0', 16, 'ipv4'],
  ['169.254.0.0', 16, 'ipv4'],
  ['::1', 128, 'ipv6'],
  ['fc00::', 7, 'ipv6'],
  ['fe80::', 10, 'ipv6'],
]

const exempt = new BlockList()
for (const [network, prefix, type] of EXEMPT) exempt.addSubnet(network, prefix, type)

/** Whether caps per address and subnet do not apply to `ip`: loopback, private and link-local ranges. */
export function isExemptFromNetworkCaps(ip: string): boolean {
  const family = isIP(ip)
  return family !== 0 && exempt.check(ip, family === 4 ? 'ipv4' : 'ipv6')
}
