import { toHex } from '../primitives/bytes.ts'
import type { Clock } from '../primitives/clock.ts'
import type { Backends } from '../rpc/backend.ts'
import { THIS_MACHINE } from '../rpc/caller.ts'
import { Dispatcher, type DispatcherComponents, type MethodTable } from '../rpc/dispatch.ts'
import type { NodeEvents } from '../rpc/events.ts'
import { Filters } from '../rpc/filters.ts'
import { rpcMethods } from '../rpc/methods/all.ts'
import { withIntrospection } from '../rpc/methods/rpc.ts'
import type { NetworkBackend } from '../rpc/network.ts'
import { Subscriptions } from '../rpc/subscriptions.ts'
import { Turns } from '../rpc/turns.ts'
import type { Logger } from './logger.ts'

export interface AnsweringComponents {
  readonly events: NodeEvents
  readonly backends: Omit<Backends, 'network'>
  /** What only a node with peers has, once it has them; absent in a node that is alone. */
  readonly network: Promise<NetworkBackend> | undefined
  readonly clock: Clock
  readonly logger: Logger
}

export type DispatcherBounds = Pick<DispatcherComponents, 'allowance' | 'meter'>

/** JSON-RPC without a port: it runs wherever the node does, in a browser too. */
export interface Answering {
  /** Answers a message of this process, whatever is served to others; undefined as in `Dispatcher.handle`. */
  answer(message: string): Promise<string | undefined>
  /** Answers others. @param select  of all methods, those that there are for them. */
  createDispatcher(select: (methods: MethodTable) => MethodTable, bounds?: DispatcherBounds): Dispatcher
  stop(): void
}

export function createAnswering({ events, backends, network, clock, logger }: AnsweringComponents): Answering {
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

  const createDispatcher: Answering['createDispatcher'] = (select, bounds = {}) => {
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
  return {
    answer: async (message) => (await own.handle(message, { client: THIS_MACHINE }))?.text,
    createDispatcher,
    stop() {
      own.stop()
      filters.stop()
      subscriptions.stop()
    },
  }
}

/** One line says what failed; its stack is what a report of it needs. */
function logInternalError({ message, stack }: Error, methodName: string, logger: Logger): void {
  logger.error(`${methodName}: ${message}`, stack === undefined ? {} : { stack })
}

/** 128 bits, written as a quantity since clients take it for one. */
function createId(): string {
  return `0x${BigInt(toHex(crypto.getRandomValues(new Uint8Array(16)))).toString(16)}`
}
