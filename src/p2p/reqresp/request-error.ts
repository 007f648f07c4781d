import type { Refusal } from '../wire/refusal.ts'

export type RequestErrorCode =
  /** Something in the answer breaks the protocol, or is not what was asked for. */
  | 'malformed'
  /** The answer is longer than an answer may be. */
  | 'too-large'
  /** The answer was not there whole in time. */
  | 'timed-out'
  /** Fewer items than the peer claims to have. */
  | 'short'
  /** The answer breaks off while the connection stands. */
  | 'reset'
  /** Rate limited, or an error at the other side; `refusal` says which. */
  | 'refused'
  /** The peer says that it does not hold what was asked for. */
  | 'unavailable'
  /** The peer has heard of the block and does not hold it whole yet. */
  | 'not-yet'
  /** The peer does not know the protocol. */
  | 'unsupported'
  /** There is no connection to the peer, or no more. */
  | 'disconnected'
  /** Too many requests of ours wait for this peer already. */
  | 'busy'

/** Whether an honest peer that is neither overloaded nor badly connected could have caused it: then it is not its fault. */
const PEER_AT_FAULT = {
  malformed: true,
  'too-large': true,
  'timed-out': true,
  short: true,
  reset: true,
  refused: false,
  unavailable: false,
  'not-yet': false,
  unsupported: false,
  disconnected: false,
  busy: false,
} as const satisfies Record<RequestErrorCode, boolean>

/** A request without an answer that could be used. */
export class RequestError extends Error {
  override readonly name = 'RequestError'
  readonly code: RequestErrorCode
  /** What the peer said, if it refused. */
  readonly refusal: Refusal | undefined

  constructor(code: RequestErrorCode, details: { readonly cause?: unknown; readonly refusal?: Refusal } = {}) {
    super(describe(code, details), 'cause' in details ? { cause: details.cause } : {})
    this.code = code
    this.refusal = details.refusal
  }

  /** True where the peer has to answer for it. */
  get peerAtFault(): boolean {
    return PEER_AT_FAULT[this.code]
  }
}

function describe(code: string, { cause, refusal }: { readonly cause?: unknown; readonly refusal?: Refusal }): string {
  if (refusal !== undefined) return `${code}: ${refusal.code}: ${refusal.reason}`
  return cause instanceof Error ? `${code}: ${cause.message}` : code
}
