import type { Clock } from '../primitives/clock.ts'
import { BlockError, DecodeError } from '../primitives/errors.ts'
import { LightError, PeerFault } from './light-error.ts'
import { BUSY_RETRIES, BUSY_RETRY_MS, HEDGE_MS } from './limits.ts'
import { ProofError } from './proof-error.ts'
import type { LightFault, RequestFault } from './types.ts'

export interface AskComponents {
  readonly clock: Clock
  readonly faultOf: (error: unknown) => RequestFault
  readonly report: (peer: string, fault: LightFault) => void
  /** Ends all that is under way. */
  readonly signal: AbortSignal
}

/** What was asked for is not there: so a peer says, or all of those that answered. */
export const UNAVAILABLE = Symbol('unavailable')

/** What an attempt that failed says about the peer; `unavailable` and `unhelpful` are no faults. */
export function faultOfAttempt(error: unknown, faultOf: AskComponents['faultOf']): LightFault | RequestFault {
  if (error instanceof PeerFault) return error.fault
  if (error instanceof ProofError || error instanceof DecodeError || error instanceof BlockError) return 'bad-proof'
  const fault = faultOf(error)
  return fault === 'bad-answer' ? 'bad-proof' : fault
}

/**
 * Asks one peer after the other until an answer holds; while one keeps silent the next is asked as well. Whoever gives an answer that
 * does not hold, or none, is reported, also after another has answered. Whoever has no time is asked again.
 *
 * @param peers    in the order in which to ask them: all, since the last may be the only honest one.
 * @param attempt  asks one and judges what it says; UNAVAILABLE counts as if the peer had said so.
 * @returns UNAVAILABLE where nobody gave an answer and at least one said that there is none.
 * @throws LightError; the signal's reason.
 */
export function askUntilProven<T>(
  peers: readonly string[],
  attempt: (peer: string, signal: AbortSignal) => Promise<T | typeof UNAVAILABLE>,
  { clock, faultOf, report, signal }: AskComponents,
): Promise<T | typeof UNAVAILABLE> {
  if (peers.length === 0) return Promise.reject(new LightError('no-peers', 'there is no peer to ask'))
  const { promise, resolve, reject } = Promise.withResolvers<T | typeof UNAVAILABLE>()
  const waiting = [...peers]
  /** Peers that had no time. */
  let busy: string[] = []
  let rounds = 0
  const failures: string[] = []
  let underWay = 0
  let unavailable = false
  let settled = false
  let cancelHedge = () => {}
  const settle = (finish: () => void) => {
    if (settled) return
    settled = true
    cancelHedge()
    finish()
  }
  const next = () => {
    cancelHedge()
    if (settled) return
    const peer = waiting.shift()
    if (peer !== undefined) {
      void ask(peer)
      cancelHedge = clock.after(HEDGE_MS, next)
    } else if (underWay === 0 && busy.length > 0 && rounds < BUSY_RETRIES) {
      rounds++
      waiting.push(...busy)
      busy = []
      cancelHedge = clock.after(BUSY_RETRY_MS, next)
    } else if (underWay === 0) {
      settle(() =>
        unavailable
          ? resolve(UNAVAILABLE)
          : reject(new LightError('no-answer', `no peer gave an answer that holds: ${failures.join('; ')}`)),
      )
    }
  }
  const ask = async (peer: string) => {
    underWay++
    try {
      const answer = await attempt(peer, signal)
      if (answer !== UNAVAILABLE) return settle(() => resolve(answer))
      unavailable = true
    } catch (error) {
      if (signal.aborted) return settle(() => reject(signal.reason))
      const fault = faultOfAttempt(error, faultOf)
      if (fault === 'unavailable') unavailable = true
      else if (fault === 'unhelpful') busy.push(peer)
      else if (fault !== 'bad-answer') report(peer, fault)
      failures.push(`${peer}: ${error instanceof Error ? error.message : error}`)
    } finally {
      underWay--
    }
    next()
  }
  next()
  return promise
}
