import { isExemptFromNetworkCaps, isLoopback } from '../address-class.ts'
import {
  ATTEMPT_INTERVAL_MS,
  MAX_ADDRESS_AGE_MS,
  MAX_ADDRESSES_PER_PEER,
  MAX_ATTEMPTS_NEVER_GOOD,
  MAX_FAILURES,
  MAX_MULTIADDR_LENGTH,
  MIN_FAILING_MS,
  RECENT_ATTEMPT_MS,
} from './limits.ts'
import { hostOf, networkGroup } from './network-group.ts'

/** Where a peer can be reached, as it says itself. */
export interface PeerAddresses {
  /** Peer id in base58. */
  readonly peer: string
  /** Multiaddrs, with or without the peer id at their end. */
  readonly addresses: readonly string[]
  /** Of the record that it has signed: a later one has a greater number. Absent: it is not signed. */
  readonly sequence?: number
}

/** What is remembered of a peer; times in Unix milliseconds, 0: never. */
export interface KnownPeer {
  readonly peer: string
  addresses: readonly string[]
  /** Network group of its first address. */
  readonly group: string
  /** Network group of who named it first. */
  readonly sourceGroup: string
  /** Of the newest signed record that `addresses` were taken from; 0: of none. */
  sequence: number
  seenMs: number
  triedMs: number
  goodMs: number
  /** Failures since it was good. */
  failures: number
}

/**
 * The addresses that are worth keeping: those of the first one's network group, since a peer is counted to one group, and must
 * not be reached in another. Of private ranges all, as they are groups by themselves and one of them may lead nowhere; loopback
 * comes last: who listens on all interfaces names it first, and there we would meet ourselves. undefined: none is.
 */
export function usableAddresses(addresses: readonly string[]): { addresses: string[]; group: string } | undefined {
  const hosts = addresses.flatMap((address) => {
    const host = address.length > MAX_MULTIADDR_LENGTH ? undefined : hostOf(address)
    return host === undefined ? [] : [{ address, host }]
  })
  const sorted = hosts.toSorted((a, b) => Number(isLoopback(a.host)) - Number(isLoopback(b.host)))
  const [first] = sorted
  if (first === undefined) return undefined
  const group = networkGroup(first.host)
  const isPrivate = isExemptFromNetworkCaps(first.host)
  const usable = sorted.filter(({ host }) => (isPrivate ? isExemptFromNetworkCaps(host) : networkGroup(host) === group))
  return { addresses: usable.slice(0, MAX_ADDRESSES_PER_PEER).map(({ address }) => address), group }
}

/** Not worth a place any more. */
export function isHopeless({ seenMs, triedMs, goodMs, failures }: KnownPeer, nowMs: number): boolean {
  if (nowMs - triedMs < RECENT_ATTEMPT_MS) return false
  if (nowMs - seenMs > MAX_ADDRESS_AGE_MS) return true
  if (goodMs === 0) return failures >= MAX_ATTEMPTS_NEVER_GOOD
  return failures >= MAX_FAILURES && nowMs - goodMs > MIN_FAILING_MS
}

/** How likely it is chosen when it is drawn, relative to one that was never tried. */
export function chanceOf({ triedMs, failures }: KnownPeer, nowMs: number): number {
  const recent = nowMs - triedMs < ATTEMPT_INTERVAL_MS ? 0.01 : 1
  return recent * 0.66 ** Math.min(failures, 8)
}
