import type { Chain } from '../chain/chain.ts'
import type { ExecutedBlock, HeadEvent } from '../chain/types.ts'
import type { TransactionPool } from '../pool/pool.ts'
import type { AnnouncedBlock, NodeEvent, PlacedLog } from '../rpc/events.ts'

/** What happens to a full node's chain and pool, for `RpcEvents`. */
export function ledgerEvents(chain: Chain, pool: TransactionPool) {
  return (tell: (event: NodeEvent) => void): (() => void) => {
    const unsubscribe = [
      chain.subscribe((event) => {
        if (event.type === 'head') tell(announceHead(event))
      }),
      pool.subscribe(({ pending }) => {
        if (pending.length > 0) tell({ type: 'pending', transactions: pending })
      }),
    ]
    return () => {
      for (const end of unsubscribe) end()
    }
  }
}

function announceHead({ head, connected, disconnected }: HeadEvent): NodeEvent {
  // Newest first on both sides: weight is known at the new head, and found backwards from there.
  const newest = announce(connected.toReversed(), head.totalDifficulty)
  const fork = head.totalDifficulty - sumOfDifficulties(connected)
  return {
    type: 'head',
    connected: newest.toReversed(),
    disconnected: announce(disconnected, fork + sumOfDifficulties(disconnected)),
  }
}

function sumOfDifficulties(blocks: readonly ExecutedBlock[]): bigint {
  return blocks.reduce((sum, { block }) => sum + block.header.difficulty, 0n)
}

/** @param blocks  newest first. @param totalDifficulty  of the first. */
function announce(blocks: readonly ExecutedBlock[], totalDifficulty: bigint): AnnouncedBlock[] {
  let weight = totalDifficulty
  return blocks.map((executed) => {
    const { hash, header } = executed.block
    const announced = { header: { hash, header, totalDifficulty: weight }, logs: placeLogs(executed) }
    weight -= header.difficulty
    return announced
  })
}

function placeLogs({ receipts, transactions }: ExecutedBlock): PlacedLog[] {
  const placed: PlacedLog[] = []
  for (const [transactionIndex, { logs }] of receipts.entries()) {
    for (const log of logs) {
      const { hash } = transactions[transactionIndex]!
      placed.push({ log, transactionHash: hash, transactionIndex, logIndex: placed.length })
    }
  }
  return placed
}
