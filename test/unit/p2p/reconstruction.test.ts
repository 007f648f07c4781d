import { describe, expect, test } from 'vitest'
import { REBUILD_TIMEOUT_MS, SECOND_PEER_MS } from '../../../src/p2p/limits.ts'
import { beginRebuild, type RebuildEvent, stepRebuild } from '../../../src/p2p/reconstruction.ts'
import type { Transaction } from '../../../src/primitives/transaction.ts'
import { signedTransfer } from '../../support/transactions.ts'

const transactions = Array.from({ length: 6 }, (_, i) => signedTransfer({ nonce: BigInt(i) }))

function lacking(...indexes: readonly number[]): (Transaction | undefined)[] {
  return transactions.map((transaction, i) => (indexes.includes(i) ? undefined : transaction))
}

/** The actions of each event in turn, after those of the beginning. */
function play(
  found: readonly (Transaction | undefined)[],
  others: readonly string[],
  ...events: readonly (readonly [atMs: number, event: RebuildEvent])[]
) {
  let [state, actions] = beginRebuild(found, 'alice', others, 0)
  const all = [actions]
  for (const [atMs, event] of events) {
    const step = stepRebuild(state, event, atMs)
    state = step[0]
    actions = step[1]
    all.push(actions)
  }
  return all
}

const due: RebuildEvent = { type: 'due' }
const body = { transactions, encoded: new Uint8Array(0) }
const bring = (peer: string, ...indexes: readonly number[]): RebuildEvent => ({
  type: 'transactions',
  peer,
  transactions: indexes.map((i) => transactions[i]!),
})
const assembled = [{ type: 'assemble', transactions }]
const askFor = (peer: string, ...indexes: readonly number[]) => [{ type: 'ask-transactions', peer, indexes }]
const askBody = (peer: string) => [{ type: 'ask-body', peer }]

describe('a block from its compact form', () => {
  test('is assembled at once if nothing lacks', () => {
    expect(play(lacking(), [])).toEqual([assembled])
    expect(play([], [])).toEqual([[{ type: 'assemble', transactions: [] }]])
  })

  test('is completed with what its sender brings, each in its place', () => {
    expect(play(lacking(4, 1), [], [10, bring('alice', 1, 4)])).toEqual([askFor('alice', 1, 4), assembled])
  })

  test('is asked of a second peer when the first takes its time; whoever is first counts', () => {
    const late: readonly [number, RebuildEvent] = [SECOND_PEER_MS, due]
    expect(play(lacking(1), ['bob'], late, [600, bring('bob', 1)], [700, bring('alice', 1)])).toEqual([
      askFor('alice', 1),
      askFor('bob', 1),
      assembled,
      [],
    ])
  })

  test('is asked at once of a peer that announces it meanwhile, before those who have not', () => {
    const answers: (readonly [number, RebuildEvent])[] = [
      [1, { type: 'announced', peer: 'bob' }],
      [3, bring('bob', 1)],
    ]
    expect(play(lacking(1), ['carol'], ...answers)).toEqual([askFor('alice', 1), askFor('bob', 1), assembled])
  })

  test('is not lost for lack of questions to those who have not got it yet', () => {
    const none = (peer: string): RebuildEvent => ({ type: 'declined', peer, to: 'transactions' })
    const events: (readonly [number, RebuildEvent])[] = [
      [500, due],
      [501, none('bob')],
      [1_000, due],
      [1_001, none('carol')],
      [1_500, due],
      [1_501, none('dave')],
      [1_600, { type: 'announced', peer: 'dave' }],
      [1_601, bring('dave', 1)],
    ]
    const all = play(lacking(1), ['bob', 'carol', 'dave', 'erin'], ...events)
    expect(all.at(-2)).toEqual(askFor('dave', 1))
    expect(all.at(-1)).toEqual(assembled)
  })

  test('is fetched whole when nobody is left to ask although one has not answered, whose answer still counts', () => {
    expect(play(lacking(1), [], [SECOND_PEER_MS, due], [600, bring('alice', 1)])).toEqual([
      askFor('alice', 1),
      askBody('alice'),
      assembled,
    ])
  })

  test('is fetched whole if most of it lacks', () => {
    const events = [[5, { type: 'body', peer: 'alice', body }]] as const
    expect(play(lacking(0, 1, 2, 3), [], ...events)).toEqual([askBody('alice'), assembled])
  })

  test('is fetched whole when nobody brings what lacks, or an answer is of another length', () => {
    const [, second] = play(lacking(1), [], [1, { type: 'no-answer', peer: 'alice', to: 'transactions' }])
    expect(second).toEqual(askBody('alice'))
    const [, third] = play(lacking(1), [], [1, bring('alice', 1, 2)])
    expect(third).toEqual(askBody('alice'))
  })

  test('is fetched whole, and nobody blamed, when what was pieced together is not it', () => {
    expect(play(lacking(), ['bob'], [1, { type: 'wrong-root' }])).toEqual([assembled, askBody('alice')])
  })

  test('is asked of the next when a body is not the one that its header names; its sender is blamed', () => {
    const events: (readonly [number, RebuildEvent])[] = [
      [1, { type: 'body', peer: 'alice', body }],
      [2, { type: 'wrong-root' }],
      [3, { type: 'body', peer: 'bob', body }],
      [4, { type: 'wrong-root' }],
    ]
    expect(play(lacking(0, 1, 2, 3), ['bob'], ...events)).toEqual([
      askBody('alice'),
      assembled,
      [{ type: 'blame', peer: 'alice' }, ...askBody('bob')],
      assembled,
      [{ type: 'blame', peer: 'bob' }, { type: 'give-up' }],
    ])
  })

  test('is given up when everybody has refused, or after a while', () => {
    const none: readonly [number, RebuildEvent] = [1, { type: 'no-answer', peer: 'alice', to: 'transactions' }]
    const nor: readonly [number, RebuildEvent] = [1, { type: 'no-answer', peer: 'alice', to: 'body' }]
    expect(play(lacking(1), [], none, nor)).toEqual([askFor('alice', 1), askBody('alice'), [{ type: 'give-up' }]])
    expect(play(lacking(1), [], [REBUILD_TIMEOUT_MS, due])).toEqual([askFor('alice', 1), [{ type: 'give-up' }]])
  })

  test('does not care for answers of those who were not asked', () => {
    expect(play(lacking(1), ['bob'], [1, bring('bob', 1)], [2, { type: 'body', peer: 'alice', body }])).toEqual([
      askFor('alice', 1),
      [],
      [],
    ])
  })
})
