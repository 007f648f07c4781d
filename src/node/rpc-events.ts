import type { Clock } from '../primitives/clock.ts'
import type { SyncProgress } from '../rpc/backend.ts'
import type { NodeEvent, NodeEvents } from '../rpc/events.ts'

/** Milliseconds between two looks at how far catching up is. */
const SYNC_LOOK_MS = 1_000

export interface RpcEventsComponents {
  /** Calls `tell` with what happens to chain and pool. @returns what ends that. */
  readonly follow: (tell: (event: NodeEvent) => void) => () => void
  /** undefined: at the head of what is known. */
  readonly syncing: () => SyncProgress | undefined
  readonly clock: Clock
}

/** What chain, pool and sync tell, as RPC's subscribers want it; made once for all of them. */
export class RpcEvents implements NodeEvents {
  readonly #listeners = new Set<(event: NodeEvent) => void>()
  readonly #parts: RpcEventsComponents
  readonly #unfollow: () => void
  #toldSync: SyncProgress | undefined
  #cancelLook: () => void

  constructor(components: RpcEventsComponents) {
    this.#parts = components
    this.#cancelLook = this.#lookLater()
    this.#unfollow = components.follow((event) => this.#tell(event))
  }

  subscribe(listener: (event: NodeEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  stop(): void {
    this.#unfollow()
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
