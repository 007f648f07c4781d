import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AccountJournal, type AccountStep, encodeSteps } from '../../../src/chain/account-journal.ts'
import { EMPTY_ACCOUNT } from '../../../src/primitives/account.ts'
import { toKey } from '../../../src/primitives/bytes.ts'
import { DecodeError } from '../../../src/primitives/errors.ts'
import { encodeAccountValue } from '../../../src/state/account-value.ts'
import { bytesOf } from '../../support/arbitraries.ts'

const value = fc.option(
  fc
    .record({
      nonce: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      balance: fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }),
      codeHash: fc.option(bytesOf(32), { nil: EMPTY_ACCOUNT.codeHash }),
    })
    .map((fields) => encodeAccountValue({ ...EMPTY_ACCOUNT, ...fields })),
  { nil: undefined },
)
const steps = fc.array(fc.record({ key: bytesOf(32).map(toKey), before: value, after: value }), { maxLength: 8 })

function stepsOf(journal: AccountJournal): AccountStep[] {
  const found: AccountStep[] = []
  for (let at = 0; at < journal.sizeBytes; at = journal.next(at)) {
    found.push({ key: journal.key(at), before: journal.value(at, 'before'), after: journal.value(at, 'after') })
  }
  return found
}

describe('the account journal', () => {
  it('comes back as it was written', () => {
    fc.assert(
      fc.property(steps, (written) => {
        const journal = new AccountJournal(encodeSteps(written))
        expect(stepsOf(journal)).toEqual(written)
        expect(journal.count).toBe(written.length)
      }),
    )
  })

  it('cut short or made of anything else is steps or a DecodeError', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.tuple(steps, fc.nat()).map(([written, at]) => {
        const encoded = encodeSteps(written)
        return encoded.subarray(0, at % (encoded.length + 1))
      }),
    )
    fc.assert(
      fc.property(bytes, (junk) => {
        try {
          stepsOf(new AccountJournal(junk))
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
        }
      }),
    )
  })
})
