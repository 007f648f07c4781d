import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MAX_BODY_ASKS, MAX_SOURCES, MAX_TRANSACTION_ASKS, REBUILD_TIMEOUT_MS } from '../../src/p2p/limits.ts'
import { beginRebuild, type RebuildAction, type RebuildEvent, stepRebuild } from '../../src/p2p/reconstruction.ts'
import { signedTransfer } from '../support/transactions.ts'

const transaction = signedTransfer()
const peer = fc.constantFrom(...Array.from({ length: 12 }, (_, i) => `peer ${i}`))
const someTransactions = fc.array(fc.constant(transaction), { maxLength: 5 })
const event: fc.Arbitrary<RebuildEvent> = fc.oneof(
  fc.record({ type: fc.constant('announced' as const), peer }),
  fc.record({ type: fc.constant('transactions' as const), peer, transactions: someTransactions }),
  fc.record({
    type: fc.constant('body' as const),
    peer,
    body: someTransactions.map((transactions) => ({ transactions, encoded: new Uint8Array(0) })),
  }),
  fc.record({
    type: fc.constantFrom('no-answer' as const, 'declined' as const),
    peer,
    to: fc.constantFrom('transactions' as const, 'body' as const),
  }),
  fc.constant({ type: 'wrong-root' as const }),
  fc.constant({ type: 'due' as const }),
)

test('whatever happens, a rebuild asks a bounded number of peers, none that did not decline twice for the same, and comes to an end', () => {
  fc.assert(
    fc.property(
      fc.array(fc.boolean(), { maxLength: 8 }),
      fc.array(peer, { maxLength: 12 }),
      fc.array(fc.tuple(fc.nat(1_000), event), { maxLength: 60 }),
      (found, others, events) => {
        const places = found.map((here) => (here ? transaction : undefined))
        let [state, actions] = beginRebuild(places, 'peer 0', others, 0)
        const all: RebuildAction[] = [...actions]
        let nowMs = 0
        let assembling = actions.some(({ type }) => type === 'assemble')
        let over = false
        const declines: string[] = []
        const step = (next: RebuildEvent) => {
          // Only what is being assembled can turn out to be wrong.
          if (over || (next.type === 'wrong-root') !== assembling) return
          if (next.type === 'declined' && state.open.includes(next.peer)) declines.push(next.to)
          ;[state, actions] = stepRebuild(state, next, nowMs)
          assembling = actions.some(({ type }) => type === 'assemble')
          over = actions.some(({ type }) => type === 'give-up')
          all.push(...actions)
        }
        for (const [waitMs, next] of events) {
          nowMs += waitMs
          step(next)
        }
        const asked = (type: RebuildAction['type']) =>
          all.flatMap((action) => (action.type === type && 'peer' in action ? [action.peer] : []))
        for (const [type, max] of [
          ['ask-transactions', MAX_TRANSACTION_ASKS],
          ['ask-body', MAX_BODY_ASKS],
        ] as const) {
          const declined = declines.filter((to) => type.endsWith(to)).length
          expect(asked(type).length).toBeLessThanOrEqual(max + declined)
          expect(asked(type).length - new Set(asked(type)).size).toBeLessThanOrEqual(declined)
        }
        expect(state.sources.length).toBeLessThanOrEqual(MAX_SOURCES)
        for (const action of all) {
          if (action.type === 'assemble') expect(action.transactions).not.toContain(undefined)
        }
        // In the end: what is being assembled proves wrong, and nobody answers any more.
        nowMs = Math.max(nowMs, REBUILD_TIMEOUT_MS)
        for (let i = 0; i < 10 && !over; i++) step(assembling ? { type: 'wrong-root' } : { type: 'due' })
        expect(over).toBe(true)
      },
    ),
    { numRuns: 1_000 },
  )
})
