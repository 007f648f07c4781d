import type { Chain } from '../chain/chain.ts'
import type { ExecutedBlock } from '../chain/executed-block.ts'
import type { HeadEvent } from '../chain/types.ts'
import type { TransactionPool } from '../pool/pool.ts'
import { equalBytes } from '../primitives/bytes.ts'
import { EMPTY_BLOOM } from '../primitives/receipt.ts'
import type { AnnouncedBlock, NodeEvent, PlacedLog } from '../rpc/events.ts'
import type { Pacer } from '../trie/update.ts'

/** Blocks told of at once; of a reorg that has more, other work of the thread runs in between. */
const MAX_TOLD_TOGETHER = 32

export interface LedgerEventsComponents {
  readonly chain: Pick<Chain, 'subscribe'>
  readonly pool: Pick<TransactionPool, 'subscribe'>
  readonly pacer: Pacer
  /** A block could not be read, and so the rest of a reorg is not told of. */
  readonly onError: (error: unknown) => void
}

/** What happens to a full node's chain and pool, for `RpcEvents`. */
export function ledgerEvents({ chain, pool, pacer, onError }: LedgerEventsComponents) {
  return (tell: (event: NodeEvent) => void): (() => void) => {
    let ended = false
    /** To be told of, in order; a long reorg is told of bit by bit. */
    const waiting: Iterable<NodeEvent>[] = []
    const tellAll = async () => {
      for (let events = waiting[0]; events !== undefined; events = waiting[0]) {
        try {
          for (const event of events) {
            if (ended) return
            tell(event)
            const pause = pacer.pause()
            if (pause) await pause
          }
        } catch (error) {
          onError(error)
        }
        waiting.shift()
      }
    }
    const enqueue = (events: Iterable<NodeEvent>) => {
      if (waiting.push(events) === 1) void tellAll()
    }
    const unsubscribe = [
      chain.subscribe((event) => {
        if (event.type === 'head') enqueue(announceHead(event))
      }),
      pool.subscribe(({ pending }) => {
        if (pending.length > 0) enqueue([{ type: 'pending', transactions: pending }])
      }),
    ]
    return () => {
      ended = true
      for (const end of unsubscribe) end()
    }
  }
}

/** What left first, from the old head down, then what came; read as it is told. */
function* announceHead({ connected, disconnected }: HeadEvent): Generator<NodeEvent> {
  for (let start = 0; start < disconnected.length; start += MAX_TOLD_TOGETHER) {
    yield { type: 'head', connected: [], disconnected: announce(disconnected, start) }
  }
  for (let start = 0; start < connected.length; start += MAX_TOLD_TOGETHER) {
    yield { type: 'head', connected: announce(connected, start), disconnected: [] }
  }
}

function announce(branch: HeadEvent['connected'], start: number): AnnouncedBlock[] {
  const announced: AnnouncedBlock[] = []
  for (let place = start; place < Math.min(start + MAX_TOLD_TOGETHER, branch.length); place++) {
    const header = branch.head(place)
    const logs = equalBytes(header.header.logsBloom, EMPTY_BLOOM) ? [] : placeLogs(branch.block(place))
    announced.push({ header, logs })
  }
  return announced
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
