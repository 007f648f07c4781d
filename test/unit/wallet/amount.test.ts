import fc from 'fast-check'
import { formatEther, formatGwei, parseEther } from 'viem'
import { expect, test } from 'vitest'
import { MAX_UINT256 } from '../../../src/primitives/limits.ts'
import { formatAmount, parseAmount } from '../../../src/wallet/amount.ts'

test.each([
  ['1.5', 1_500_000_000_000_000_000n],
  ['0', 0n],
  ['0.000000000000000001', 1n],
  ['1.50 coins', 1_500_000_000_000_000_000n],
  ['1coin', 10n ** 18n],
  ['0.1ether', 10n ** 17n],
  ['1Gwei', 10n ** 9n],
  ['1.5gwei', 1_500_000_000n],
  ['7wei', 7n],
  ['007', 7n * 10n ** 18n],
])('%s is read exactly', (text, wei) => {
  expect(parseAmount(text, 'coin')).toBe(wei)
})

test.each([
  ['', 'is no amount'],
  ['-1', 'is no amount'],
  ['+1', 'is no amount'],
  ['.5', 'is no amount'],
  ['1.', 'is no amount'],
  ['1,5', 'is no amount'],
  ['1e18', 'is no amount'],
  ['0x10', 'is no amount'],
  ['1.5 pounds', 'is no amount'],
  ['1 constructor', 'is no amount'],
  ['1  wei', 'is no amount'],
  ['0.0000000000000000001', 'is finer than a wei'],
  ['1.5wei', 'is finer than a wei'],
  ['1.0wei', 'is finer than a wei'],
  [`${MAX_UINT256 + 1n}wei`, 'is more than 256 bits can hold'],
])('"%s" is refused', (text, reason) => {
  expect(() => parseAmount(text, 'coin')).toThrow(reason)
})

test('where a slip of eighteen places would be easy, the unit has to be there', () => {
  expect(() => parseAmount('2')).toThrow('"2" has no unit: 2gwei, 2wei?')
  expect(parseAmount('2gwei')).toBe(2n * 10n ** 9n)
})

test('every amount is written exactly, as viem writes it, and read back (seeded)', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: MAX_UINT256 }), (wei) => {
      expect(formatAmount(wei)).toBe(formatEther(wei))
      expect(formatAmount(wei, 'gwei')).toBe(formatGwei(wei))
      expect(parseAmount(formatAmount(wei), 'coin')).toBe(wei)
      expect(parseEther(formatAmount(wei))).toBe(wei)
    }),
    { seed: 20117, numRuns: 300 },
  )
})
