import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AccountJournal, encodeSteps } from '../../../src/chain/account-journal.ts'
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

describe('the account journal', () => {
  it('comes back as it was written', () => {
    fc.assert(
      fc.property(steps, (written) => {
        const journal = new AccountJournal(encodeSteps(written))
        expect(journal.steps()).toEqual(written)
        expect(journal.count).toBe(written.length)
      }),
    )
  })

  it('gives the steps of a sixteenth of the accounts', () => {
    fc.assert(
      fc.property(steps, fc.nat(15), (written, nibble) => {
        const expected = written.filter(({ key }) => key.charCodeAt(0) >> 4 === nibble)
        expect(new AccountJournal(encodeSteps(written)).steps(nibble)).toEqual(expected)
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
          new AccountJournal(junk).steps()
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
        }
      }),
    )
  })
})
