import type { Transaction } from '../primitives/transaction.ts'
import { MAX_BODY_ASKS, MAX_SOURCES, MAX_TRANSACTION_ASKS, REBUILD_TIMEOUT_MS, SECOND_PEER_MS } from './limits.ts'
import type { Body } from './wire/blocks.ts'
import { MAX_INDEXES } from './wire/limits.ts'

/** What is being asked for: the transactions that lack, or the whole body. */
export type RebuildStage = 'transactions' | 'body'

/** What happens to a block that is being put together. */
export type RebuildEvent =
  /** Another peer has announced it. */
  | { readonly type: 'announced'; readonly peer: string }
  /** The transactions asked for, in the order of the indexes. */
  | { readonly type: 'transactions'; readonly peer: string; readonly transactions: readonly Transaction[] }
  | { readonly type: 'body'; readonly peer: string; readonly body: Body }
  /** The peer did not answer, or with something else. */
  | { readonly type: 'no-answer'; readonly peer: string; readonly to: RebuildStage }
  /** The peer says that it has not got it, or not yet. */
  | { readonly type: 'declined'; readonly peer: string; readonly to: RebuildStage }
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
  /** The first of `sources`, as many as have announced it. */
  readonly announced: number
  readonly stage: RebuildStage
  readonly assembling: boolean
  /** Peers asked in the present stage; those that have not answered; and those that have not got it, which are not asked. */
  readonly asked: readonly string[]
  readonly open: readonly string[]
  readonly declined: readonly string[]
  /** Peers that may still bring the transactions although bodies are being asked for. */
  readonly late: readonly string[]
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
    announced: 1,
    stage: 'transactions',
    assembling: false,
    asked: [],
    open: [],
    declined: [],
    late: [],
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
    case 'announced':
      return announced(rebuild, event.peer, nowMs)
    case 'transactions':
      if (rebuild.assembling || !awaited(rebuild, event.peer, 'transactions')) return [rebuild, []]
      return fill(rebuild, event.transactions, event.peer, nowMs)
    case 'body':
      if (rebuild.assembling || !awaited(rebuild, event.peer, 'body')) return [rebuild, []]
      return assemble(closed(rebuild, event.peer), event.body.transactions, event.peer)
    case 'no-answer':
      return unanswered(rebuild, event, nowMs)
    case 'declined': {
      const { asked, declined, stage } = rebuild
      if (event.to !== stage || !awaited(rebuild, event.peer, stage)) return unanswered(rebuild, event, nowMs)
      const others = asked.filter((peer) => peer !== event.peer)
      return unanswered({ ...rebuild, asked: others, declined: [...declined, event.peer] }, event, nowMs)
    }
    case 'wrong-root': {
      // Pieced together, it may be anybody's fault: an id may name two transactions. A whole body is its sender's word.
      const blame: RebuildAction[] = rebuild.bodyFrom === undefined ? [] : [{ type: 'blame', peer: rebuild.bodyFrom }]
      const tried = { ...rebuild, assembling: false }
      const [next, actions] = rebuild.stage === 'body' ? askNext(tried, nowMs) : toBody({ ...tried, open: [] }, nowMs)
      return [next, [...blame, ...actions]]
    }
    case 'due':
      if (rebuild.assembling) return [rebuild, []]
      if (nowMs >= rebuild.endMs) return giveUp(rebuild)
      return askNext(rebuild, nowMs)
  }
}

/** Whoever announces it has it, and is asked at once for what lacks; for a body, in its turn. */
function announced(rebuild: Rebuild, peer: string, nowMs: number): Step {
  const { sources, announced: count, declined, stage, assembling, asked } = rebuild
  const others = sources.slice(count).filter((other) => other !== peer)
  if (count === MAX_SOURCES || sources.slice(0, count).includes(peer)) return [rebuild, []]
  const known: Rebuild = {
    ...rebuild,
    sources: [...sources.slice(0, count), peer, ...others].slice(0, MAX_SOURCES),
    announced: count + 1,
    declined: declined.filter((other) => other !== peer),
  }
  if (assembling || asked.includes(peer)) return [known, []]
  if (stage === 'body') return [{ ...known, dueMs: Math.min(nowMs + SECOND_PEER_MS, rebuild.dueMs) }, []]
  return asked.length < MAX_TRANSACTION_ASKS ? askNext(known, nowMs) : [known, []]
}

function unanswered(rebuild: Rebuild, { peer, to }: { peer: string; to: RebuildStage }, nowMs: number): Step {
  if (!awaited(rebuild, peer, to)) return [rebuild, []]
  const rest =
    to === rebuild.stage ? closed(rebuild, peer) : { ...rebuild, late: rebuild.late.filter((other) => other !== peer) }
  return rest.open.length > 0 || rest.assembling ? [rest, []] : askNext(rest, nowMs)
}

function awaited({ stage, open, late }: Rebuild, peer: string, to: RebuildStage): boolean {
  return (to === stage ? open : to === 'transactions' ? late : []).includes(peer)
}

function fill(rebuild: Rebuild, given: readonly Transaction[], peer: string, nowMs: number): Step {
  const { missing, transactions } = rebuild
  if (given.length !== missing.length) return unanswered(rebuild, { peer, to: 'transactions' }, nowMs)
  const whole = [...transactions]
  for (const [at, index] of missing.entries()) whole[index] = given[at]!
  return assemble(closed(rebuild, peer), whole as Transaction[], undefined)
}

function assemble(rebuild: Rebuild, transactions: readonly Transaction[], from: string | undefined): Step {
  return [{ ...rebuild, assembling: true, late: [], bodyFrom: from }, [{ type: 'assemble', transactions }]]
}

function toBody(rebuild: Rebuild, nowMs: number): Step {
  return askNext({ ...rebuild, stage: 'body', asked: [], open: [], declined: [], late: rebuild.open }, nowMs)
}

/** Asks the first source that has not been asked in this stage; goes on to bodies, or gives up, when there is none. */
function askNext(rebuild: Rebuild, nowMs: number): Step {
  const { asked, declined } = rebuild
  const body = rebuild.stage === 'body'
  const mayAsk = asked.length < (body ? MAX_BODY_ASKS : MAX_TRANSACTION_ASKS)
  const peer = mayAsk ? rebuild.sources.find((source) => ![...asked, ...declined].includes(source)) : undefined
  if (peer === undefined) {
    if (!body) return toBody(rebuild, nowMs)
    return rebuild.open.length + rebuild.late.length > 0 ? [{ ...rebuild, dueMs: rebuild.endMs }, []] : giveUp(rebuild)
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
  return [{ ...rebuild, assembling: true, open: [] }, [{ type: 'give-up' }]]
}

function closed(rebuild: Rebuild, peer: string): Rebuild {
  return { ...rebuild, open: rebuild.open.filter((other) => other !== peer) }
}
