import { assert } from '../primitives/assert.ts'
import type { Clock } from '../primitives/clock.ts'
import { Allowances } from '../rpc/allowances.ts'
import type { Authenticator, Credentials } from '../rpc/authenticator.ts'
import type { Dispatcher } from '../rpc/dispatch.ts'
import type { NodeEvents } from '../rpc/events.ts'
import { Gate } from '../rpc/gate.ts'
import type { HealthFacts } from '../rpc/health.ts'
import { selectMethods } from '../rpc/namespaces.ts'
import { RpcServer } from '../rpc/server.ts'
import { type AnsweringComponents, createAnswering, type DispatcherBounds } from './answering.ts'
import type { Metrics } from './metrics.ts'
import type { CompleteRpcOptions } from './rpc-options.ts'

export interface RpcComponents extends AnsweringComponents {
  readonly events: NodeEvents & { stop(): void }
  readonly health: () => Promise<HealthFacts>
  /** Called where `metrics` are asked for. @param wsConnections  open ones. */
  readonly createMetrics?: (wsConnections: () => number) => Promise<Metrics>
}

/** JSON-RPC with all that belongs to it. */
export interface Rpc {
  /** Answers a message of this process, whatever is served to others; undefined as in `Dispatcher.handle`. */
  answer(message: string): Promise<string | undefined>
  /** Serves others. @returns the URL. @throws the operating system's error if it cannot listen. */
  start(): Promise<string>
  /** Answers what has arrived, then ends. */
  stop(): Promise<void>
}

/** @param options  undefined: nobody but this process is served. */
export function createRpc(options: CompleteRpcOptions | undefined, components: RpcComponents): Rpc {
  const answering = createAnswering(components)
  const undo: (() => Promise<void> | void)[] = [() => answering.stop(), () => components.events.stop()]
  return {
    answer: answering.answer,
    async start() {
      assert(options !== undefined, 'there is nothing to serve')
      const { server, metrics } = await createServer(options, components, (namespaces, bounds) =>
        answering.createDispatcher((table) => selectMethods(table, namespaces), bounds),
      )
      undo.unshift(
        () => server.stop(),
        () => metrics?.stop(),
      )
      return server.start()
    },
    async stop() {
      for (const step of undo.splice(0)) await step()
    },
  }
}

/** Authentication is loaded only where it is wanted: it would be a good part of a short start. */
async function createServer(
  options: CompleteRpcOptions,
  { health, createMetrics, clock }: RpcComponents,
  createDispatcher: (namespaces: readonly string[], bounds: DispatcherBounds) => Dispatcher,
): Promise<{ readonly server: RpcServer; readonly metrics: Metrics | undefined }> {
  const metrics = options.metrics ? await createMetrics?.(() => server.wsConnections) : undefined
  const allowance = new Allowances(options.allowance, { clock })
  const authenticator = options.credentials && (await createAuthenticator(options.credentials, clock))
  const side = (namespaces: readonly string[], origins: readonly string[]) => ({
    dispatcher: createDispatcher(namespaces, { allowance, meter: metrics?.meter }),
    gate: new Gate({ vhosts: options.vhosts, origins }, { authenticator }),
  })
  const server: RpcServer = new RpcServer(options, {
    http: side(options.api, options.corsOrigins),
    ws: options.ws && side(options.ws.api, options.ws.origins),
    allowance,
    health,
    metrics,
    clock,
  })
  return { server, metrics }
}

async function createAuthenticator(credentials: Credentials, clock: Clock): Promise<Authenticator> {
  const { Authenticator } = await import('../rpc/authenticator.ts')
  return new Authenticator(credentials, { clock })
}
