import { BlockList, isIP } from 'node:net'
import { THIS_MACHINE } from './caller.ts'

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')

/** Whether only this machine can be meant. `host` is a name or an IP address. */
export function isLoopback(host: string): boolean {
  if (host === '127.0.0.1' || host === 'localhost') return true
  const version = isIP(host)
  return version !== 0 && LOOPBACK.check(host, version === 4 ? 'ipv4' : 'ipv6')
}

/**
 * What stands for a client: its IPv4 address, or the /64 of its IPv6 address, of which anybody has 2^64. All of this machine
 * is one client. @param remote  as a socket names it; undefined once it is closed.
 */
export function clientOf(remote: string | undefined): string {
  if (remote === undefined) return 'gone'
  const address = remote.startsWith('::ffff:') ? remote.slice('::ffff:'.length) : remote
  if (isLoopback(address)) return THIS_MACHINE
  if (isIP(address) !== 6) return address
  // The system writes addresses in their shortest form: `::` stands for what is missing of eight groups.
  const [before = '', after] = address.split('::')
  const head = before === '' ? [] : before.split(':')
  const tail = after === undefined || after === '' ? [] : after.split(':')
  const groups = [...head, ...new Array(Math.max(0, 8 - head.length - tail.length)).fill('0'), ...tail]
  return `${groups.slice(0, 4).join(':')}::/64`
}
