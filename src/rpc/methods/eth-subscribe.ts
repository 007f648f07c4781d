import type { Caller } from '../caller.ts'
import { type MethodTable, method } from '../dispatch.ts'
import { INVALID_PARAMS, NOTIFICATIONS_UNSUPPORTED, RpcError } from '../errors.ts'
import { logCriteria } from '../logs.ts'
import { boolean, InvalidParam, object, optional, type ParamType, text } from '../schema.ts'
import { BOOLEAN, TEXT } from '../shapes.ts'
import type { Subscriptions, Topic } from '../subscriptions.ts'

const KINDS = ['newHeads', 'newPendingTransactions', 'logs', 'syncing'] as const

const kind: ParamType<Topic['kind']> = {
  schema: { enum: KINDS },
  parse(value) {
    const found = KINDS.find((name) => name === value)
    if (!found) throw new InvalidParam(`no such subscription; there are ${KINDS.join(', ')}`)
    return found
  },
}

const headOptions = object({ removed: optional(boolean, false) })

/** What the second parameter is depends on the first. */
const detail: ParamType<unknown> = {
  schema: { title: 'detail', anyOf: [logCriteria.schema, boolean.schema, headOptions.schema] },
  parse: (value) => value,
}

/** `eth_`: being told of what happens, over connections that can. */
export function ethSubscribeMethods({ subscriptions }: { readonly subscriptions: Subscriptions }): MethodTable {
  return {
    eth_subscribe: method({
      summary:
        'Tells of newHeads (with {"removed":true} also of blocks that a reorg takes away), newPendingTransactions (true: whole ones), logs or syncing; its id.',
      params: { kind, detail: optional(detail) },
      result: TEXT,
      handler: (params, caller) => {
        const { subscriber, afterAnswer } = connectionOf(caller)
        return subscriptions.subscribe(subscriber, readTopic(params), afterAnswer)
      },
    }),
    eth_unsubscribe: method({
      summary: 'Ends a subscription of this connection.',
      params: { id: text },
      result: BOOLEAN,
      handler: ({ id }, caller) => {
        if (subscriptions.unsubscribe(connectionOf(caller).subscriber, id)) return true
        throw new RpcError(INVALID_PARAMS, 'subscription not found')
      },
    }),
  }
}

function connectionOf({ subscriber, afterAnswer }: Caller) {
  if (!subscriber || !afterAnswer) {
    throw new RpcError(NOTIFICATIONS_UNSUPPORTED, 'notifications not supported; use WebSocket')
  }
  return { subscriber, afterAnswer }
}

/** @throws RpcError -32602 */
function readTopic({ kind, detail }: { readonly kind: Topic['kind']; readonly detail: unknown }): Topic {
  const given = detail ?? undefined
  const read = <T>(type: ParamType<T>, otherwise: unknown): T => {
    try {
      return type.parse(given ?? otherwise)
    } catch (error) {
      if (!(error instanceof InvalidParam)) throw error
      throw new RpcError(INVALID_PARAMS, `invalid argument 1 (detail): ${error.message}`)
    }
  }
  if (kind === 'logs') return { kind, criteria: read(logCriteria, {}) }
  if (kind === 'newPendingTransactions') return { kind, full: read(boolean, false) }
  if (kind === 'newHeads') return { kind, removed: read(headOptions, {}).removed }
  if (given !== undefined) throw new RpcError(INVALID_PARAMS, 'too many arguments, want at most 1')
  return { kind }
}
