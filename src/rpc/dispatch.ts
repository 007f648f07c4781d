import {
  INTERNAL_ERROR,
  INVALID_REQUEST,
  LIMIT_EXCEEDED,
  METHOD_NOT_FOUND,
  PARSE_ERROR,
  RpcError,
  toRpcError,
} from './errors.ts'
import type { Json } from './json.ts'
import { BATCH_CONCURRENCY, MAX_BATCH_CALLS, MAX_RESPONSE_CHARS } from './limits.ts'
import { type JsonSchema, type ParamTypes, type ParamValues, parseParams } from './schema.ts'

/** One RPC method: its description is what validates its input, and what `rpc_discover` publishes. */
export interface Method {
  readonly summary: string
  /** In the order of positional parameters. */
  readonly params: ParamTypes
  /** What every result of it validates against. */
  readonly result: JsonSchema
  /** @throws RpcError -32602 for bad `params`; anything that `toRpcError` knows. */
  call(params: unknown): Json | Promise<Json>
}

export type MethodTable = Readonly<Record<string, Method>>

/** Binds a handler to the description of its parameters, so that it is handed checked and typed values. */
export function method<P extends ParamTypes>(definition: {
  readonly summary: string
  readonly params: P
  readonly result: JsonSchema
  readonly handler: (params: ParamValues<P>) => Json | Promise<Json>
}): Method {
  const { summary, params, result, handler } = definition
  return { summary, params, result, call: (given) => handler(parseParams(params, given)) }
}

export interface DispatcherComponents {
  readonly methods: MethodTable
  /** Told of failures that are the node's own; the caller sees only -32603. */
  readonly onInternalError: (error: unknown, methodName: string) => void
}

/** JSON-RPC 2.0 over any transport that delivers whole messages. */
export class Dispatcher {
  readonly #methods: ReadonlyMap<string, Method>
  readonly #onInternalError: DispatcherComponents['onInternalError']

  constructor({ methods, onInternalError }: DispatcherComponents) {
    // A Map, so that `constructor` and the like are no methods.
    this.#methods = new Map(Object.entries(methods))
    this.#onInternalError = onInternalError
  }

  /**
   * Answers one message: a request, a notification, or a batch.
   * @returns the response's text; undefined when nothing is to be sent (only notifications).
   */
  async handle(message: string): Promise<string | undefined> {
    let request: unknown
    try {
      request = JSON.parse(message)
    } catch {
      return failure(null, new RpcError(PARSE_ERROR, 'parse error: the message is not JSON'))
    }
    if (!Array.isArray(request)) return this.#answer(request)
    if (request.length === 0) return failure(null, new RpcError(INVALID_REQUEST, 'empty batch'))
    if (request.length > MAX_BATCH_CALLS) {
      return failure(null, tooMuch(`batch of ${request.length} calls, limit ${MAX_BATCH_CALLS}`))
    }
    return this.#batch(request)
  }

  /** Calls start in the order given, so that transactions of one batch reach the pool in theirs. */
  async #batch(requests: readonly unknown[]): Promise<string | undefined> {
    const answers: (string | undefined)[] = new Array(requests.length)
    let next = 0
    let size = 0
    const lane = async () => {
      while (next < requests.length && size <= MAX_RESPONSE_CHARS) {
        const index = next++
        const answer = await this.#answer(requests[index])
        answers[index] = answer
        size += answer?.length ?? 0
      }
    }
    await Promise.all(Array.from({ length: Math.min(BATCH_CONCURRENCY, requests.length) }, lane))
    if (size > MAX_RESPONSE_CHARS) return failure(null, responseTooLarge())
    const sent = answers.filter((answer) => answer !== undefined)
    return sent.length === 0 ? undefined : `[${sent.join(',')}]`
  }

  async #answer(request: unknown): Promise<string | undefined> {
    const call = readCall(request)
    if (call instanceof RpcError) return failure(null, call)
    const { id, methodName, params } = call
    const answer = await this.#call(id ?? null, methodName, params)
    return id === undefined ? undefined : answer
  }

  async #call(id: Id, methodName: string, params: unknown): Promise<string> {
    try {
      const found = this.#methods.get(methodName)
      if (!found) {
        throw new RpcError(METHOD_NOT_FOUND, `the method ${methodName} does not exist/is not available`)
      }
      const result = JSON.stringify(await found.call(params))
      if (result.length > MAX_RESPONSE_CHARS) throw responseTooLarge()
      return `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${result}}`
    } catch (error) {
      const known = toRpcError(error)
      if (!known) this.#onInternalError(error, methodName)
      return failure(id, known ?? new RpcError(INTERNAL_ERROR, 'internal error'))
    }
  }
}

type Id = string | number | null

interface Call {
  /** undefined: a notification. */
  readonly id: Id | undefined
  readonly methodName: string
  readonly params: unknown
}

function readCall(request: unknown): Call | RpcError {
  if (typeof request !== 'object' || request === null) return invalidRequest('not an object')
  const { jsonrpc, id, method: methodName, params } = request as Readonly<Record<string, unknown>>
  if (jsonrpc !== '2.0') return invalidRequest('jsonrpc is not "2.0"')
  if (typeof methodName !== 'string') return invalidRequest('method is not a string')
  if (params !== undefined && typeof params !== 'object') return invalidRequest('params are no array or object')
  if (id !== undefined && id !== null && typeof id !== 'string' && typeof id !== 'number') {
    return invalidRequest('id is no string or number')
  }
  return { id, methodName, params }
}

function invalidRequest(reason: string): RpcError {
  return new RpcError(INVALID_REQUEST, `invalid request: ${reason}`)
}

function tooMuch(what: string): RpcError {
  return new RpcError(LIMIT_EXCEEDED, `limit exceeded: ${what}`)
}

function responseTooLarge(): RpcError {
  return tooMuch(`response larger than ${MAX_RESPONSE_CHARS} characters`)
}

function failure(id: Id, { code, message, data }: RpcError): string {
  return JSON.stringify({ jsonrpc: '2.0', id, error: { code, message, ...(data !== undefined && { data }) } })
}
