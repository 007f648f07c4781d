import { PROTECTED_BY_BLOCKS, PROTECTED_BY_GROUP, PROTECTED_BY_PING, PROTECTED_BY_TRANSACTIONS } from './limits.ts'

/** An inbound peer as an eviction sees it; times in Unix milliseconds, 0: never. */
export interface Evictable {
  readonly peer: string
  readonly group: string
  /** A number that nobody outside can foresee, the same for all peers of a group. */
  readonly groupRank: number
  readonly connectedMs: number
  /** Least round trip seen. */
  readonly minPingMs: number
  /** When it last brought a transaction, or a block, that was new and valid. */
  readonly lastTransactionMs: number
  readonly lastBlockMs: number
  readonly discouraged: boolean
}

/**
 * Whom to disconnect to make room for another inbound peer, in Bitcoin Core's manner (`node/eviction.cpp`); undefined: nobody.
 *
 * The attack: who makes many connections to us pushes out everybody else. The defence: some peers are spared for what an
 * attacker cannot have much of: networks that he cannot choose since the ranking is secret, short round trips,
 * transactions and blocks that were new to us, a long time of being connected. Of the others one goes that has most
 * neighbours in its network, the newest of them.
 */
export function chooseEviction(inbound: readonly Evictable[]): Evictable | undefined {
  let rest = [...inbound]
  const spare = (count: number, better: (a: Evictable, b: Evictable) => number) => {
    rest = rest.toSorted(better).slice(count)
  }
  spare(PROTECTED_BY_GROUP, (a, b) => b.groupRank - a.groupRank)
  spare(PROTECTED_BY_PING, (a, b) => a.minPingMs - b.minPingMs)
  spare(PROTECTED_BY_TRANSACTIONS, (a, b) => b.lastTransactionMs - a.lastTransactionMs)
  spare(PROTECTED_BY_BLOCKS, (a, b) => b.lastBlockMs - a.lastBlockMs)
  spare(Math.floor(rest.length / 2), (a, b) => a.connectedMs - b.connectedMs)
  const discouraged = rest.filter((peer) => peer.discouraged)
  if (discouraged.length > 0) rest = discouraged
  const sizes = new Map<string, number>()
  for (const { group } of rest) sizes.set(group, (sizes.get(group) ?? 0) + 1)
  return rest.toSorted((a, b) => sizes.get(b.group)! - sizes.get(a.group)! || b.connectedMs - a.connectedMs)[0]
}
