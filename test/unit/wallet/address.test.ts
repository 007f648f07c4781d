import { getAddress } from 'viem'
import { expect, test } from 'vitest'
import { fromHex } from '../../../src/primitives/bytes.ts'
import { parseAddress, toChecksumAddress } from '../../../src/wallet/address.ts'

/** The examples of EIP-55. */
const EXAMPLES = [
  '0x52908400098527886E0F7030069857D2E4169EE7',
  '0x8617E340B3D01FA5F11F306F4090FD50E238070D',
  '0xde709f2102306220921060314715629080e2fb77',
  '0x27b1fdb04752bbc536007a920d24acb045561c26',
  '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed',
  '0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359',
  '0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB',
  '0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb',
]

test.each(EXAMPLES)('%s has its checksum, as viem writes it too', (text) => {
  expect(toChecksumAddress(fromHex(text.toLowerCase()))).toBe(text)
  expect(getAddress(text.toLowerCase())).toBe(text)
  expect(parseAddress(text)).toEqual(fromHex(text))
})

test('an address in one case has no checksum to be wrong', () => {
  const mixed = EXAMPLES[4]!
  const upper = `0x${mixed.slice(2).toUpperCase()}`
  expect(parseAddress(mixed.toLowerCase())).toEqual(parseAddress(upper))
})

test('any letter whose case is changed is noticed', () => {
  const mixed = EXAMPLES[4]!
  for (const [i, letter] of [...mixed].entries()) {
    const other = letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase()
    if (i < 2 || other === letter) continue
    const text = mixed.slice(0, i) + other + mixed.slice(i + 1)
    expect(() => parseAddress(text), text).toThrow(/mistyped.*checksum/)
  }
})

test.each([
  '',
  '0x',
  '52908400098527886E0F7030069857D2E4169EE7',
  `0x${'0'.repeat(39)}`,
  `0x${'0'.repeat(41)}`,
  `0x${'g'.repeat(40)}`,
])('"%s" is no address', (text) => {
  expect(() => parseAddress(text)).toThrow(/is no address: 0x and 40 hex digits/)
})
