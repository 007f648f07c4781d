import type { Head } from '../chain/types.ts'
import type { LightClient } from '../light/client.ts'
import type { LightHeadEvent } from '../light/types.ts'
import { equalBytes } from '../primitives/bytes.ts'
import type { HashedHeader } from '../primitives/header.ts'
import type { AnnouncedBlock, NodeEvent } from '../rpc/events.ts'
import type { LightPool } from './light-pool-backend.ts'

/** What happens to the head that a light node follows, and to what was handed in to it, for `RpcEvents`. */
export function lightEvents(client: Pick<LightClient, 'head' | 'subscribe'>, pool: Pick<LightPool, 'subscribe'>) {
  return (tell: (event: NodeEvent) => void): (() => void) => {
    let before = client.head
    const unsubscribe = [
      client.subscribe((event) => {
        tell(announceHead(event, before))
        before = event.head
      }),
      pool.subscribe((transactions) => tell({ type: 'pending', transactions })),
    ]
    return () => {
      for (const end of unsubscribe) end()
    }
  }
}

/** @param before  the head that the event left. */
function announceHead({ head, connected, disconnected }: LightHeadEvent, before: Head): NodeEvent {
  return {
    type: 'head',
    connected: announce(connected.toReversed(), head.totalDifficulty).toReversed(),
    disconnected: announce(disconnected, before.totalDifficulty),
  }
}

/**
 * As far as they follow each other: a proof may have shown single blocks besides, whose weight it leaves open.
 * @param newestFirst  of blocks, the first of which has `totalDifficulty`.
 */
function announce(newestFirst: readonly HashedHeader[], totalDifficulty: bigint): AnnouncedBlock[] {
  const announced: AnnouncedBlock[] = []
  let weight = totalDifficulty
  let next: Uint8Array | undefined
  for (const { hash, header } of newestFirst) {
    if (next && !equalBytes(next, hash)) break
    // Only contract code writes logs, and none runs on this ledger.
    announced.push({ header: { hash, header, totalDifficulty: weight }, logs: [] })
    weight -= header.difficulty
    next = header.parentHash
  }
  return announced
}
