import { INVALID_REQUEST, type JsonRpcId, RpcError } from './errors.ts'

/** A call as its message puts it. */
export interface Call {
  /** undefined: a notification. */
  readonly id: JsonRpcId | undefined
  readonly methodName: string
  readonly params: unknown
}

/** What is no call, and the id to say so under: its own where it has one that can be read. */
interface NoCall {
  readonly id: JsonRpcId
  readonly error: RpcError
}

/** Judges one request of a message. */
export function readCall(request: unknown): Call | NoCall {
  if (typeof request !== 'object' || request === null) return noCall(null, 'not an object')
  const { jsonrpc, id, method: methodName, params } = request as Readonly<Record<string, unknown>>
  if (id !== undefined && id !== null && typeof id !== 'string' && typeof id !== 'number') {
    return noCall(null, 'id is no string or number')
  }
  if (typeof id === 'number' && Math.abs(id) > Number.MAX_SAFE_INTEGER) {
    // It has been read as another one, and would be answered as that.
    return noCall(null, 'id is a number beyond 2^53; ids of any length can be strings')
  }
  if (jsonrpc !== '2.0') return noCall(id, 'jsonrpc is not "2.0"')
  if (typeof methodName !== 'string') return noCall(id, 'method is not a string')
  return { id, methodName, params }
}

function noCall(id: JsonRpcId | undefined, reason: string): NoCall {
  return { id: id ?? null, error: new RpcError(INVALID_REQUEST, `invalid request: ${reason}`) }
}
