import { randomBytes } from 'node:crypto'
import type { Chain } from '../chain/chain.ts'
import type { TransactionPool } from '../pool/pool.ts'
import { assert } from '../primitives/assert.ts'
import type { Clock } from '../primitives/clock.ts'
import { Allowances } from '../rpc/allowances.ts'
import type { Authenticator, Credentials } from '../rpc/authenticator.ts'
import type { Backends } from '../rpc/backend.ts'
import { Dispatcher, type DispatcherComponents, type MethodTable } from '../rpc/dispatch.ts'
import { Filters } from '../rpc/filters.ts'
import { Gate } from '../rpc/gate.ts'
import type { HealthFacts } from '../rpc/health.ts'
import { rpcMethods } from '../rpc/methods/all.ts'
import { withIntrospection } from '../rpc/methods/rpc.ts'
import { selectMethods } from '../rpc/namespaces.ts'
import type { NetworkBackend } from '../rpc/network.ts'
import { RpcServer } from '../rpc/server.ts'
import { Subscriptions } from '../rpc/subscriptions.ts'
import { Turns } from '../rpc/turns.ts'
import type { Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'
import { RpcEvents } from './rpc-events.ts'
import type { CompleteRpcOptions } from './rpc-options.ts'

export interface RpcComponents {
  readonly chain: Chain
  readonly pool: TransactionPool
  readonly backends: Omit<Backends, 'network'>
  /** What only a node with peers has, once it has them; absent in a node that is alone. */
  readonly network: Promise<NetworkBackend> | undefined
  readonly health: () => Promise<HealthFacts>
  readonly clock: Clock
  readonly logger: Logger
}

/** JSON-RPC with all that belongs to it. */
export interface Rpc {
  /** Answers a message of this process, whatever is served to others; undefined as in `Dispatcher.handle`. */
  answer(message: string): Promise<string | undefined>
  /** To be called when catching up begins or ends, so that subscribers hear of it at once. */
  syncChanged(): void
  /** Serves others. @returns the URL. @throws the operating system's error if it cannot listen. */
  start(): Promise<string>
  /** Answers what has arrived, then ends. */
  stop(): Promise<void>
}

/** @param options  undefined: nobody but this process is served. */
export function createRpc(options: CompleteRpcOptions | undefined, components: RpcComponents): Rpc {
  const { chain, pool, backends, network, clock, logger } = components
  const events = new RpcEvents({ chain, pool, clock, syncing: () => backends.node.syncing() })
  const subscriptions = new Subscriptions({ events, createId })
  const filters = new Filters({ events, clock, createId })
  const turns = new Turns()
  const methodsOf = (complete: Backends) => {
    const all = rpcMethods(complete, { subscriptions, filters })
    // Only on a development network does the chain go back under its readers.
    return complete.dev ? turns.order(all) : all
  }
  const methods = methodsOf(backends)
  const allMethods = network?.then((connected) => methodsOf({ ...backends, network: connected }))

  const createDispatcher = (
    select: (methods: MethodTable) => MethodTable,
    bounds: Pick<DispatcherComponents, 'allowance' | 'meter'> = {},
  ) => {
    const complete = (table: MethodTable) => withIntrospection(select(table), backends.node.clientVersion)
    return new Dispatcher({
      // What a node has is told once it has all of it.
      methods: allMethods ? select(methods) : complete(methods),
      later: allMethods?.then(complete),
      clock,
      ...bounds,
      onInternalError: (error, name) => logInternalError(error as Error, name, logger),
    })
  }
  const own = createDispatcher((table) => table)
  const undo = [() => subscriptions.stop(), () => filters.stop(), () => events.stop(), () => own.stop()]
  return {
    answer: async (message) => (await own.handle(message, { client: 'this process' }))?.text,
    syncChanged: () => events.tellSync(),
    async start() {
      assert(options !== undefined, 'there is nothing to serve')
      const { server, metrics } = await createServer(options, components, (namespaces, bounds) =>
        createDispatcher((table) => selectMethods(table, namespaces), bounds),
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

/** One line says what failed; its stack is what a report of it needs. */
function logInternalError({ message, stack }: Error, methodName: string, logger: Logger): void {
  logger.error(`${methodName}: ${message}`, stack === undefined ? {} : { stack })
}

/** Metrics and authentication are loaded only where they are wanted: they would be a good part of a short start. */
async function createServer(
  options: CompleteRpcOptions,
  { chain, pool, network, health, clock }: RpcComponents,
  createDispatcher: (
    namespaces: readonly string[],
    bounds: Pick<DispatcherComponents, 'allowance' | 'meter'>,
  ) => Dispatcher,
): Promise<{ readonly server: RpcServer; readonly metrics: Metrics | undefined }> {
  const metrics = options.metrics
    ? (await import('./metrics.ts')).createMetrics({
        chain,
        pool,
        health,
        network,
        wsConnections: () => server.wsConnections,
      })
    : undefined
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

/** 128 bits, written as a quantity since clients take it for one. */
function createId(): string {
  return `0x${BigInt(`0x${randomBytes(16).toString('hex')}`).toString(16)}`
}
