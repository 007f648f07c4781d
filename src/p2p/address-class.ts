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

/** Where no node can be: this host, the shared space of carriers, multicast, reserved. */
const NOWHERE: typeof EXEMPT = [
  ['0.0.0.0', 8, 'ipv4'],
  ['100.64.0.0', 10, 'ipv4'],
  ['224.0.0.0', 3, 'ipv4'],
  ['::', 128, 'ipv6'],
  ['ff00::', 8, 'ipv6'],
]

const exempt = blockList(EXEMPT)
const nowhere = blockList(NOWHERE)

function blockList(ranges: typeof EXEMPT): BlockList {
  const list = new BlockList()
  for (const [network, prefix, type] of ranges) list.addSubnet(network, prefix, type)
  return list
}

/** Whether caps per address and subnet do not apply to `ip`: loopback, private and link-local ranges. */
export function isExemptFromNetworkCaps(ip: string): boolean {
  return isIn(exempt, ip)
}

/** Whether `host` is an IP address at which a node may be. A name is none: whoever owns the domain has any number of them. */
export function isDialable(host: string): boolean {
  return isIP(host) !== 0 && !isIn(nowhere, host)
}

function isIn(list: BlockList, ip: string): boolean {
  const family = isIP(ip)
  return family !== 0 && list.check(ip, family === 4 ? 'ipv4' : 'ipv6')
}
