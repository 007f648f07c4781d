import type { Transaction } from '../primitives/transaction.ts'
import { MAX_BODY_ASKS, MAX_SOURCES, MAX_TRANSACTION_ASKS, REBUILD_TIMEOUT_MS, SECOND_PEER_MS } from './limits.ts'
import type { Body } from './wire/blocks.ts'
import { MAX_INDEXES } from './wire/limits.ts'

/** What happens to a block that is being put together. */
export type RebuildEvent =
  /** Another peer has announced it. */
  | { readonly type: 'announced'; readonly peer: string }
  /** The transactions asked for, in the order of the indexes. */
  | { readonly type: 'transactions'; readonly peer: string; readonly transactions: readonly Transaction[] }
  | { readonly type: 'body'; readonly peer: string; readonly body: Body }
  /** The peer has not got it yet, did not answer, or answered with something else. */
  | { readonly type: 'no-answer'; readonly peer: string }
  /** What was assembled last is not the block's. */
  | { readonly type: 'wrong-root' }
  /** The time named last has come. */
  | { readonly type: 'due' }

export type RebuildAction =
  | { readonly type: 'ask-transactions'; readonly peer: string; readonly indexes: readonly number[] }
  | { readonly type: 'ask-body'; readonly peer: string }
  /** Check these against the header's transactions root. */
  | { readonly type: 'assemble'; readonly transactions: readonly Transaction[] }
  /** The body that this peer sent is not the one that the header names. */
  | { readonly type: 'blame'; readonly peer: string }
  | { readonly type: 'give-up' }

/** A block being put together from its compact form. Never mutated. */
export interface Rebuild {
  readonly transactions: readonly (Transaction | undefined)[]
  /** Indexes of those that lack. */
  readonly missing: readonly number[]
  /** Who has the block or may have it, most likely first. */
  readonly sources: readonly string[]
  readonly asking: 'transactions' | 'body' | 'assembling'
  /** Peers asked in the present stage; those that have not answered. */
  readonly asked: readonly string[]
  readonly open: readonly string[]
  /** Whose body is being assembled; undefined: it is pieced together. */
  readonly bodyFrom: string | undefined
  /** When to send `due`. */
  readonly dueMs: number
  readonly endMs: number
}

type Step = readonly [Rebuild, readonly RebuildAction[]]

/**
 * Begins. `found` holds for each place the transaction that is here already; `from` has sent the compact block, `others` may
 * have the block too.
 */
export function beginRebuild(
  found: readonly (Transaction | undefined)[],
  from: string,
  others: readonly string[],
  nowMs: number,
): Step {
  const missing = found.flatMap((transaction, index) => (transaction === undefined ? [index] : []))
  const rebuild: Rebuild = {
    transactions: found,
    missing,
    sources: [from, ...others.filter((peer) => peer !== from)].slice(0, MAX_SOURCES),
    asking: 'transactions',
    asked: [],
    open: [],
    bodyFrom: undefined,
    dueMs: nowMs,
    endMs: nowMs + REBUILD_TIMEOUT_MS,
  }
  if (missing.length === 0) return assemble(rebuild, found as readonly Transaction[], undefined)
  // Mostly missing: the indexes alone would be half a body, and the answer the rest of it.
  if (missing.length * 2 > found.length || missing.length > MAX_INDEXES) return toBody(rebuild, nowMs)
  return askNext(rebuild, nowMs)
}

/** One step; the same state, event and time always lead to the same actions. */
export function stepRebuild(rebuild: Rebuild, event: RebuildEvent, nowMs: number): Step {
  switch (event.type) {
    case 'announced': {
      if (rebuild.sources.length === MAX_SOURCES || rebuild.sources.includes(event.peer)) return [rebuild, []]
      const known = { ...rebuild, sources: [...rebuild.sources, event.peer] }
      return rebuild.open.length === 0 && rebuild.asking !== 'assembling' ? askNext(known, nowMs) : [known, []]
    }
    case 'transactions':
      if (rebuild.asking !== 'transactions' || !rebuild.open.includes(event.peer)) return [rebuild, []]
      return fill(rebuild, event.transactions, event.peer, nowMs)
    case 'body':
      if (rebuild.asking !== 'body' || !rebuild.open.includes(event.peer)) return [rebuild, []]
      return assemble(closed(rebuild, event.peer), event.body.transactions, event.peer)
    case 'no-answer': {
      if (!rebuild.open.includes(event.peer)) return [rebuild, []]
      const rest = closed(rebuild, event.peer)
      return rest.open.length > 0 || rest.asking === 'assembling' ? [rest, []] : askNext(rest, nowMs)
    }
    case 'wrong-root': {
      // Pieced together, it may be anybody's fault: an id may name two transactions. A whole body is its sender's word.
      const blame: RebuildAction[] = rebuild.bodyFrom === undefined ? [] : [{ type: 'blame', peer: rebuild.bodyFrom }]
      const [next, actions] =
        rebuild.bodyFrom === undefined ? toBody(rebuild, nowMs) : askNext({ ...rebuild, asking: 'body' }, nowMs)
      return [next, [...blame, ...actions]]
    }
    case 'due':
      if (rebuild.asking === 'assembling') return [rebuild, []]
      if (nowMs >= rebuild.endMs) return giveUp(rebuild)
      return askNext(rebuild, nowMs)
  }
}

function fill(rebuild: Rebuild, given: readonly Transaction[], peer: string, nowMs: number): Step {
  const { missing, transactions } = rebuild
  if (given.length !== missing.length) return stepRebuild(rebuild, { type: 'no-answer', peer }, nowMs)
  const whole = [...transactions]
  for (const [at, index] of missing.entries()) whole[index] = given[at]!
  return assemble(closed(rebuild, peer), whole as Transaction[], undefined)
}

function assemble(rebuild: Rebuild, transactions: readonly Transaction[], from: string | undefined): Step {
  return [{ ...rebuild, asking: 'assembling', bodyFrom: from }, [{ type: 'assemble', transactions }]]
}

function toBody(rebuild: Rebuild, nowMs: number): Step {
  return askNext({ ...rebuild, asking: 'body', asked: [], open: [], bodyFrom: undefined }, nowMs)
}

/** Asks the first source that has not been asked in this stage; goes on to bodies, or gives up, when there is none. */
function askNext(rebuild: Rebuild, nowMs: number): Step {
  const body = rebuild.asking === 'body'
  const mayAsk = rebuild.asked.length < (body ? MAX_BODY_ASKS : MAX_TRANSACTION_ASKS)
  const peer = mayAsk ? rebuild.sources.find((source) => !rebuild.asked.includes(source)) : undefined
  if (peer === undefined) {
    if (rebuild.open.length > 0) return [{ ...rebuild, dueMs: rebuild.endMs }, []]
    return body ? giveUp(rebuild) : toBody(rebuild, nowMs)
  }
  const next: Rebuild = {
    ...rebuild,
    asked: [...rebuild.asked, peer],
    open: [...rebuild.open, peer],
    dueMs: Math.min(nowMs + SECOND_PEER_MS, rebuild.endMs),
  }
  const action: RebuildAction = body
    ? { type: 'ask-body', peer }
    : { type: 'ask-transactions', peer, indexes: rebuild.missing }
  return [next, [action]]
}

function giveUp(rebuild: Rebuild): Step {
  return [{ ...rebuild, asking: 'assembling', open: [] }, [{ type: 'give-up' }]]
}

function closed(rebuild: Rebuild, peer: string): Rebuild {
  return { ...rebuild, open: rebuild.open.filter((other) => other !== peer) }
}
