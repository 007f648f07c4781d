import type { Chain } from '../chain/chain.ts'
import type { ExecutedBlock, HeadEvent } from '../chain/types.ts'
import type { TransactionPool } from '../pool/pool.ts'
import type { Clock } from '../primitives/clock.ts'
import type { SyncProgress } from '../rpc/backend.ts'
import type { AnnouncedBlock, NodeEvent, NodeEvents, PlacedLog } from '../rpc/events.ts'

/** Milliseconds between two looks at how far catching up is. */
const SYNC_LOOK_MS = 1_000

export interface RpcEventsComponents {
  readonly chain: Chain
  readonly pool: TransactionPool
  /** undefined: at the head of what is known. */
  readonly syncing: () => SyncProgress | undefined
  readonly clock: Clock
}

/** What chain, pool and sync tell, as RPC's subscribers want it; made once for all of them. */
export class RpcEvents implements NodeEvents {
  readonly #listeners = new Set<(event: NodeEvent) => void>()
  readonly #parts: RpcEventsComponents
  readonly #unsubscribe: readonly (() => void)[]
  #toldSync: SyncProgress | undefined
  #cancelLook: () => void

  constructor(components: RpcEventsComponents) {
    const { chain, pool } = components
    this.#parts = components
    this.#cancelLook = this.#lookLater()
    this.#unsubscribe = [
      chain.subscribe((event) => {
        if (event.type === 'head') this.#tell(announceHead(event))
      }),
      pool.subscribe(({ pending }) => {
        if (pending.length > 0) this.#tell({ type: 'pending', transactions: pending })
      }),
    ]
  }

  subscribe(listener: (event: NodeEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  stop(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe()
    this.#cancelLook()
  }

  /** Tells how far catching up is, once it has begun, when it has come further, and that it has ended. */
  tellSync(): void {
    const progress = this.#parts.syncing()
    if (isSame(progress, this.#toldSync)) return
    this.#toldSync = progress
    this.#tell({ type: 'syncing', progress })
  }

  #lookLater(): () => void {
    return this.#parts.clock.after(SYNC_LOOK_MS, () => {
      this.tellSync()
      this.#cancelLook = this.#lookLater()
    })
  }

  #tell(event: NodeEvent): void {
    for (const listener of this.#listeners) listener(event)
  }
}

function isSame(one: SyncProgress | undefined, other: SyncProgress | undefined): boolean {
  return one?.currentBlock === other?.currentBlock && one?.highestBlock === other?.highestBlock
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
