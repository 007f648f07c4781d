import { systemClock } from '../../../src/node/system.ts'
import type { Clock } from '../../../src/primitives/clock.ts'
import type { Allowance } from '../../../src/rpc/allowances.ts'
import { Authenticator, type Credentials } from '../../../src/rpc/authenticator.ts'
import type { Caller } from '../../../src/rpc/caller.ts'
import { Dispatcher, type MethodTable } from '../../../src/rpc/dispatch.ts'
import type { NodeEvent, NodeEvents } from '../../../src/rpc/events.ts'
import { Filters } from '../../../src/rpc/filters.ts'
import { Gate } from '../../../src/rpc/gate.ts'
import type { HealthFacts } from '../../../src/rpc/health.ts'
import type { EventServices } from '../../../src/rpc/methods/all.ts'
import type { MetricsSource } from '../../../src/rpc/pages.ts'
import { RpcServer } from '../../../src/rpc/server.ts'
import { Subscriptions } from '../../../src/rpc/subscriptions.ts'

export const LOCAL: Caller = { client: '127.0.0.1' }

/** Events that a test sets off. */
export class TestEvents implements NodeEvents {
  readonly #listeners = new Set<(event: NodeEvent) => void>()

  subscribe(listener: (event: NodeEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  emit(event: NodeEvent): void {
    for (const listener of this.#listeners) listener(event)
  }
}

export function eventServices({
  events = new TestEvents(),
  clock = systemClock,
}: {
  readonly events?: NodeEvents
  readonly clock?: Clock
} = {}): EventServices {
  let next = 0
  const createId = () => `0x${(++next).toString(16)}`
  return { subscriptions: new Subscriptions({ events, createId }), filters: new Filters({ events, clock, createId }) }
}

export interface Serving {
  readonly methods: MethodTable
  readonly clock?: Clock
  readonly vhosts?: readonly string[]
  readonly corsOrigins?: readonly string[]
  readonly wsOrigins?: readonly string[]
  readonly credentials?: Credentials
  readonly allowance?: Allowance
  readonly health?: HealthFacts
  readonly metrics?: MetricsSource
  readonly port?: number
  readonly onInternalError?: (error: unknown) => void
}

/** A server over HTTP and WebSocket on a free port; it does not listen yet. */
export function createServing(serving: Serving): RpcServer {
  const { methods, allowance, credentials, clock = systemClock, onInternalError = () => {} } = serving
  const { vhosts = ['localhost'], corsOrigins = [], wsOrigins = [], port = 0, metrics } = serving
  const { health = { peers: 0, peerLimit: 0, isFirst: false, blocksBehind: 0, diskFreeBytes: undefined } } = serving
  const dispatcher = new Dispatcher({ methods, clock, allowance, onInternalError })
  const authenticator = credentials && new Authenticator(credentials, { clock })
  const side = (origins: readonly string[]) => ({ dispatcher, gate: new Gate({ vhosts, origins }, { authenticator }) })
  return new RpcServer(
    { host: '127.0.0.1', port },
    { http: side(corsOrigins), ws: side(wsOrigins), allowance, clock, health: async () => health, metrics },
  )
}
