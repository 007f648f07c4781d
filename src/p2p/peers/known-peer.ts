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
 * The addresses that are worth keeping, first those of the first one's network group: a peer is counted to one group, and
 * must not be reached in another. undefined: none is.
 */
export function usableAddresses(addresses: readonly string[]): { addresses: string[]; group: string } | undefined {
  const usable: string[] = []
  let group: string | undefined
  for (const address of addresses) {
    if (address.length > MAX_MULTIADDR_LENGTH) continue
    const host = hostOf(address)
    if (host === undefined) continue
    const own = networkGroup(host)
    group ??= own
    if (own === group && usable.length < MAX_ADDRESSES_PER_PEER) usable.push(address)
  }
  return group === undefined ? undefined : { addresses: usable, group }
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
