import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Account, EMPTY_ACCOUNT, encodeAccount } from '../../../src/primitives/account.ts'
import { toKey } from '../../../src/primitives/bytes.ts'
import {
  type AccountValue,
  accountCodec,
  decodeAccountValue,
  encodeAccountValue,
} from '../../../src/state/account-value.ts'
import { bytesOf } from '../../support/arbitraries.ts'

const anyAccount: fc.Arbitrary<Account> = fc.record({
  nonce: fc.oneof(fc.bigInt({ min: 0n, max: 300n }), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
  balance: fc.oneof(fc.bigInt({ min: 0n, max: 300n }), fc.bigInt({ min: 0n, max: 2n ** 256n - 1n })),
  storageRoot: fc.oneof(fc.constant(EMPTY_ACCOUNT.storageRoot), bytesOf(32)),
  codeHash: fc.oneof(fc.constant(EMPTY_ACCOUNT.codeHash), bytesOf(32)),
})

function written(value: AccountValue): Uint8Array {
  const target = new Uint8Array(accountCodec.length(value))
  expect(accountCodec.write(target, 0, value)).toBe(target.length)
  return target
}

describe('account values', () => {
  it('come back as they were, and stand in the trie as Ethereum’s accounts do', () => {
    fc.assert(
      fc.property(anyAccount, (account) => {
        const value = encodeAccountValue(account)
        expect(decodeAccountValue(value)).toEqual(account)
        expect(toKey(written(value))).toBe(toKey(encodeAccount(account)))
      }),
    )
  })

  it('with any byte changed stand in the trie as something else', () => {
    fc.assert(
      fc.property(anyAccount, fc.nat(), fc.integer({ min: 1, max: 255 }), (account, at, flip) => {
        const value = encodeAccountValue(account)
        const expected = toKey(encodeAccount(account))
        for (const place of [0, at % value.length]) {
          const changed = String.fromCharCode(value.charCodeAt(place) ^ flip)
          const damaged = value.slice(0, place) + changed + value.slice(place + 1)
          expect(toKey(written(damaged))).not.toBe(expected)
        }
      }),
      { numRuns: 300 },
    )
  })
})
