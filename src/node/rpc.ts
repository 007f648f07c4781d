import { randomBytes } from 'node:crypto'
import type { Chain } from '../chain/chain.ts'
import type { TransactionPool } from '../pool/pool.ts'
import { assert } from '../primitives/assert.ts'
import type { Clock } from '../primitives/clock.ts'
import { Allowances } from '../rpc/allowances.ts'
import { Authenticator } from '../rpc/authenticator.ts'
import type { Backends } from '../rpc/backend.ts'
import { Dispatcher, type MethodTable } from '../rpc/dispatch.ts'
import { Filters } from '../rpc/filters.ts'
import { Gate } from '../rpc/gate.ts'
import type { HealthFacts } from '../rpc/health.ts'
import { rpcMethods } from '../rpc/methods/all.ts'
import { withIntrospection } from '../rpc/methods/rpc.ts'
import { selectMethods } from '../rpc/namespaces.ts'
import { RpcServer } from '../rpc/server.ts'
import { Subscriptions } from '../rpc/subscriptions.ts'
import type { Logger } from './logger.ts'
import { RpcEvents } from './rpc-events.ts'
import type { CompleteRpcOptions } from './rpc-options.ts'

export interface RpcComponents {
  readonly chain: Chain
  readonly pool: TransactionPool
  readonly backends: Backends
  readonly health: () => Promise<HealthFacts>
  readonly clock: Clock
  readonly logger: Logger
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
  const { chain, pool, backends, clock } = components
  const events = new RpcEvents({ chain, pool })
  const subscriptions = new Subscriptions({ events, createId })
  const filters = new Filters({ events, clock, createId })
  const methods = rpcMethods(backends, { subscriptions, filters })

  const dispatcher = (served: MethodTable, allowance?: Allowances) =>
    new Dispatcher({
      methods: withIntrospection(served, backends.node.clientVersion),
      clock,
      allowance,
      onInternalError: (error, name) => components.logger.error(`${name}: ${(error as Error).message}`),
    })
  const own = dispatcher(methods)
  const server = options && createServer(options, components, methods, dispatcher)
  return {
    answer: async (message) => (await own.handle(message, { client: 'this process' }))?.text,
    start() {
      assert(server !== undefined, 'there is nothing to serve')
      return server.start()
    },
    async stop() {
      await server?.stop()
      subscriptions.stop()
      filters.stop()
      events.stop()
    },
  }
}

function createServer(
  options: CompleteRpcOptions,
  { health, clock }: RpcComponents,
  methods: MethodTable,
  dispatcher: (served: MethodTable, allowance: Allowances) => Dispatcher,
): RpcServer {
  const allowance = new Allowances(options.allowance, { clock })
  const authenticator = options.credentials && new Authenticator(options.credentials, { clock })
  const side = (namespaces: readonly string[], origins: readonly string[]) => ({
    dispatcher: dispatcher(selectMethods(methods, namespaces), allowance),
    gate: new Gate({ vhosts: options.vhosts, origins }, { authenticator }),
  })
  return new RpcServer(options, {
    http: side(options.api, options.corsOrigins),
    ws: options.ws && side(options.ws.api, options.ws.origins),
    allowance,
    health,
    clock,
  })
}

/** 128 bits, written as a quantity since clients take it for one. */
function createId(): string {
  return `0x${BigInt(`0x${randomBytes(16).toString('hex')}`).toString(16)}`
}
