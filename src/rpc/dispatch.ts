import type { Clock } from '../primitives/clock.ts'
import type { Allowance } from './allowances.ts'
import { Asker } from './asker.ts'
import { type Answer, Batch } from './batch.ts'
import { type Caller, THIS_MACHINE } from './caller.ts'
import { Deadlines } from './deadlines.ts'
import {
  errorText,
  INTERNAL_ERROR,
  INVALID_REQUEST,
  limitExceeded,
  METHOD_NOT_FOUND,
  REQUEST_TIMED_OUT,
  RpcError,
  toRpcError,
} from './errors.ts'
import { type Eventually, whenThere } from './eventually.ts'
import type { Json } from './json.ts'
import {
  CALL_TIMEOUT_MS,
  CHARS_PER_UNIT,
  MAX_BATCH_CALLS,
  MAX_HEAVY_CALLS,
  MAX_RESPONSE_CHARS,
  MAX_WAITING_CALLS,
  MAX_WAITING_CALLS_PER_CLIENT,
  METHOD_UNITS,
  SMALL_MESSAGE_CHARS,
  UNIT_CHARS,
} from './limits.ts'
import { readMessage } from './message.ts'
import { type Call, readCall } from './request.ts'
import { type JsonSchema, type ParamTypes, type ParamValues, paramsReader } from './schema.ts'
import { Slots } from './slots.ts'

/** One RPC method: its description is what validates its input, and what `rpc_discover` publishes. */
export interface Method {
  readonly summary: string
  /** In the order of positional parameters. */
  readonly params: ParamTypes
  /** What every result of it validates against. */
  readonly result: JsonSchema
  /** Takes away what other calls may be reading: see `Turns`. */
  readonly alone?: boolean
  /** Holds a whole block in memory, some tens of megabytes at most: few calls of this kind run at a time. */
  readonly heavy?: boolean
  /** @throws RpcError -32602 for bad `params`; anything that `toRpcError` knows. */
  call(params: unknown, caller: Caller): Eventually<Json>
}

export type MethodTable = Readonly<Record<string, Method>>

/** Binds a handler to the description of its parameters, so that it is handed checked and typed values. */
export function method<P extends ParamTypes>(definition: {
  readonly summary: string
  readonly params: P
  readonly result: JsonSchema
  readonly alone?: boolean
  readonly heavy?: boolean
  readonly handler: (params: ParamValues<P>, caller: Caller) => Eventually<Json>
}): Method {
  const { params, handler, ...described } = definition
  const read = paramsReader(params)
  return { ...described, params, call: (given, caller) => handler(read(given), caller) }
}

/** `code` is that of the error, if it was one. */
type Finished = (code: number | undefined) => void

/** Told of every call, to count and time it. */
export interface CallMeter {
  /** @returns what is to be called at the end. */
  start(methodName: string): Finished
}

export interface Reply {
  readonly text: string
  /** Set where the message was refused for its client's allowance: seconds until it may ask again. */
  readonly waitSec?: number
}

export interface DispatcherComponents {
  readonly methods: MethodTable
  /** Takes the place of `methods` once it is there; until then, what they do not have waits for it. */
  readonly later?: Promise<MethodTable> | undefined
  readonly clock: Clock
  /** Absent: everybody may ask as much as they like. */
  readonly allowance?: Allowance | undefined
  readonly meter?: CallMeter | undefined
  /** Told of failures that are the node's own; the caller sees only -32603. */
  readonly onInternalError: (error: unknown, methodName: string) => void
}

/** JSON-RPC 2.0 over any transport that delivers whole messages. */
export class Dispatcher {
  #methods: ReadonlyMap<string, Method>
  /** Settles when nothing more is to come. */
  #later: Promise<void> | undefined
  readonly #parts: Omit<DispatcherComponents, 'methods' | 'later'>
  readonly #deadlines: Deadlines
  readonly #heavy = new Slots({
    count: MAX_HEAVY_CALLS,
    maxWaiting: MAX_WAITING_CALLS,
    maxWaitingOfClient: (client) => (client === THIS_MACHINE ? MAX_WAITING_CALLS : MAX_WAITING_CALLS_PER_CLIENT),
  })

  constructor({ methods, later, ...parts }: DispatcherComponents) {
    // A Map, so that `constructor` and the like are no methods.
    this.#methods = new Map(Object.entries(methods))
    this.#later = later?.then(
      (complete) => {
        this.#methods = new Map(Object.entries(complete))
        this.#later = undefined
      },
      () => {
        this.#later = undefined
      },
    )
    this.#parts = parts
    this.#deadlines = new Deadlines({ timeoutMs: CALL_TIMEOUT_MS }, parts)
  }

  /**
   * Answers one message: a request, a notification, or a batch. It is paid for before it is read, and its calls before
   * they are made.
   * @param message  Bytes, where it may be other than UTF-8.
   * @returns undefined when nothing is to be sent (only notifications); at once where the call is answered at once.
   */
  handle(message: string | Uint8Array, caller: Caller): Eventually<Reply | undefined> {
    const { allowance } = this.#parts
    const refusal = allowance?.take(caller.client, 1 + Math.floor(message.length / UNIT_CHARS))
    // A short message is read even so, since the answer is then under its id.
    if (refusal && message.length > SMALL_MESSAGE_CHARS) {
      return { text: errorText(null, limitExceeded(refusal.reason)), waitSec: refusal.waitSec }
    }
    let request: unknown
    try {
      request = readMessage(message)
    } catch (error) {
      return { text: errorText(null, error as RpcError) }
    }
    const batch = Array.isArray(request) ? (request as readonly unknown[]) : undefined
    if (batch?.length === 0) return { text: errorText(null, new RpcError(INVALID_REQUEST, 'empty batch')) }
    if (batch && batch.length > MAX_BATCH_CALLS) {
      return {
        text: errorText(
          null,
          limitExceeded(`batch of ${batch.length} calls, limit ${MAX_BATCH_CALLS}`, MAX_BATCH_CALLS),
        ),
      }
    }
    const calls = batch ?? [request]
    if (refusal) {
      const text = refuseAll(calls, batch !== undefined, limitExceeded(refusal.reason))
      return text === undefined ? undefined : { text, waitSec: refusal.waitSec }
    }
    allowance?.charge(caller.client, unitsOf(calls) - 1)
    const asker = new Asker(caller, { allowance })
    const answer = batch ? this.#batch(batch, asker) : this.#single(request, asker)
    return whenThere(answer, (text) => (text === undefined ? undefined : { text }))
  }

  /** What is under way goes on, but no more time is kept. */
  stop(): void {
    this.#deadlines.stop()
  }

  #single(request: unknown, asker: Asker): Eventually<Answer> {
    const answer = this.#answer(request, asker)
    if (!(answer instanceof Promise)) return answer
    return this.#deadlines.within(answer, () => {
      asker.giveUp()
      return refuse(request, TIMED_OUT)
    })
  }

  #batch(requests: readonly unknown[], asker: Asker): Promise<Answer> {
    const batch = new Batch(requests, (request) => this.#answer(request, asker))
    const answersOr = (error: RpcError) =>
      join(
        requests.map((request, index) => batch.answers[index] ?? refuse(request, error)),
        true,
      )
    const all = batch.run().then(() => answersOr(RESPONSE_TOO_LARGE))
    return this.#deadlines.within(all, () => {
      asker.giveUp()
      return answersOr(TIMED_OUT)
    })
  }

  #answer(request: unknown, asker: Asker): Eventually<Answer> {
    // Nobody would read it.
    if (asker.isGone()) return undefined
    const call = readCall(request)
    if ('error' in call) return errorText(call.id, call.error)
    if (this.#later && !this.#methods.has(call.methodName)) return this.#later.then(() => this.#run(call, asker))
    return this.#run(call, asker)
  }

  #run(call: Call, asker: Asker): Eventually<Answer> {
    const { methodName, params } = call
    const found = this.#methods.get(methodName)
    const finished = this.#parts.meter?.start(found ? methodName : 'unknown')
    try {
      if (!found) {
        throw new RpcError(METHOD_NOT_FOUND, `the method ${methodName} does not exist/is not available`)
      }
      const result = found.heavy ? this.#runHeavy(found, params, asker) : found.call(params, asker)
      if (!(result instanceof Promise)) return this.#succeed(call, asker, result, finished)
      return result.then(
        (value) => this.#succeed(call, asker, value, finished),
        (error) => this.#fail(call, error, finished),
      )
    } catch (error) {
      return this.#fail(call, error, finished)
    }
  }

  #runHeavy(found: Method, params: unknown, asker: Asker): Promise<Json> {
    return this.#heavy.run(asker.client, async () => {
      // It may have waited for longer than its client did.
      if (asker.isGone()) throw TIMED_OUT
      return found.call(params, asker)
    })
  }

  #succeed(call: Call, asker: Asker, value: Json, finished: Finished | undefined): Answer {
    try {
      const result = JSON.stringify(value)
      if (result.length >= CHARS_PER_UNIT) asker.charge(Math.floor(result.length / CHARS_PER_UNIT))
      if (result.length > MAX_RESPONSE_CHARS) throw RESPONSE_TOO_LARGE
      finished?.(undefined)
      return call.id === undefined ? undefined : `{"jsonrpc":"2.0","id":${JSON.stringify(call.id)},"result":${result}}`
    } catch (error) {
      return this.#fail(call, error, finished)
    }
  }

  #fail({ id, methodName }: Call, error: unknown, finished: Finished | undefined): Answer {
    const known = toRpcError(error)
    if (!known) this.#parts.onInternalError(error, methodName)
    const told = known ?? new RpcError(INTERNAL_ERROR, 'internal error')
    finished?.(told.code)
    return id === undefined ? undefined : errorText(id, told)
  }
}

const TIMED_OUT = new RpcError(REQUEST_TIMED_OUT, `request timed out: no answer within ${CALL_TIMEOUT_MS / 1000} s`)
const RESPONSE_TOO_LARGE = limitExceeded(`response larger than ${MAX_RESPONSE_CHARS} characters`, MAX_RESPONSE_CHARS)

/** What the calls of a message cost its client; one unit was paid with the message. */
function unitsOf(calls: readonly unknown[]): number {
  let units = 0
  for (const call of calls) units += METHOD_UNITS.get((call as { readonly method?: string } | null)?.method ?? '') ?? 1
  return units
}

function join(answers: readonly Answer[], asBatch: boolean): Answer {
  const sent = answers.filter((answer) => answer !== undefined)
  if (sent.length === 0) return undefined
  return asBatch ? `[${sent.join(',')}]` : sent[0]
}

/** The answer that says no; none to a notification. */
function refuse(request: unknown, error: RpcError): Answer {
  const call = readCall(request)
  if ('error' in call) return errorText(call.id, call.error)
  return call.id === undefined ? undefined : errorText(call.id, error)
}

function refuseAll(requests: readonly unknown[], asBatch: boolean, error: RpcError): Answer {
  return join(
    requests.map((request) => refuse(request, error)),
    asBatch,
  )
}
