import { mnemonicToAccount } from 'viem/accounts'
import { expect, test } from 'vitest'
import { toHex } from '../../../src/primitives/bytes.ts'
import { createMnemonic, deriveAccount } from '../../../src/wallet/mnemonic.ts'

test('keys are those that other wallets derive', async () => {
  const mnemonic = createMnemonic()
  expect(mnemonic.split(' ')).toHaveLength(12)
  for (const addressIndex of [0, 1, 2 ** 31 - 1]) {
    const { privateKey } = mnemonicToAccount(mnemonic, { addressIndex }).getHdKey()
    expect(await deriveAccount(mnemonic, addressIndex)).toEqual(privateKey)
  }
  expect(createMnemonic()).not.toBe(mnemonic)
})

test('the well-known one gives the first account of a development chain, however it is spaced', async () => {
  const key = await deriveAccount('  test test test test test test\ntest test test test TEST   junk\n', 0)
  expect(toHex(key)).toBe('0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80')
})

test.each([
  ['test test test test test test test test test test test tset', 'word 12 of the mnemonic'],
  ['test test test test test test test test test test test test', 'wrong checksum'],
  ['test test junk', 'wrong count of words'],
  ['', 'word 1 of the mnemonic'],
])('"%s" is refused without being repeated', async (mnemonic, reason) => {
  const error = await deriveAccount(mnemonic, 0).then(
    () => undefined,
    (refusal: unknown) => refusal as Error,
  )
  expect(error).toBeInstanceOf(RangeError)
  expect(error?.message).toContain(reason)
  expect(error?.message).not.toMatch(/test|tset|junk/)
})
