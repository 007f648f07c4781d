import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AccountJournal, type AccountStep, encodeSteps } from '../../../src/chain/account-journal.ts'
import { AccountOverlay } from '../../../src/chain/account-overlay.ts'
import { EMPTY_ACCOUNT } from '../../../src/primitives/account.ts'
import { type Key, toKey } from '../../../src/primitives/bytes.ts'
import { type AccountValue, encodeAccountValue } from '../../../src/state/account-value.ts'
import { bytesOf } from '../../support/arbitraries.ts'

const value = fc.option(
  fc.bigInt({ min: 1n, max: 2n ** 64n }).map((balance) => encodeAccountValue({ ...EMPTY_ACCOUNT, balance })),
  { nil: undefined },
)
/** Keys that meet each other, in journals and in slots: few of them, with few beginnings, the last slots' among them. */
const key = fc
  .record({ start: fc.constantFrom(0x00, 0x01, 0x7f, 0xff), end: fc.nat(7) })
  .map(({ start, end }) => toKey(new Uint8Array(32).fill(start).fill(end, 31)))
const journal = fc.uniqueArray(fc.record({ key, before: value, after: value }), {
  maxLength: 20,
  selector: (step) => step.key,
})
const way = fc.array(fc.record({ steps: journal, side: fc.constantFrom('before' as const, 'after' as const) }), {
  maxLength: 5,
})

function overlayOf(legs: readonly { readonly steps: AccountStep[]; readonly side: 'before' | 'after' }[]) {
  return new AccountOverlay(legs.map(({ steps, side }) => ({ journal: new AccountJournal(encodeSteps(steps)), side })))
}

describe('an overlay of journals', () => {
  it('has of every account what the last step made of it, and nothing of others', () => {
    fc.assert(
      fc.property(way, fc.array(fc.oneof(key, bytesOf(32).map(toKey))), (legs, others) => {
        const expected = new Map<Key, AccountValue | undefined>()
        for (const { steps, side } of legs) for (const step of steps) expected.set(step.key, step[side])
        const overlay = overlayOf(legs)
        for (const wanted of [...expected.keys(), ...others]) {
          expect(overlay.get(wanted)).toEqual(expected.has(wanted) ? { value: expected.get(wanted) } : undefined)
        }
        const parts = [...overlay.parts()]
        expect(new Map(parts.flat().map((change) => [change.key, change.value]))).toEqual(expected)
        expect(parts.flat()).toHaveLength(expected.size)
        parts.forEach((part, nibble) => {
          expect(part.every((change) => change.key.charCodeAt(0) >> 4 === nibble)).toBe(true)
        })
      }),
    )
  })
})
