import { expect, test } from 'vitest'
import { hexData, members, quantity } from '../../../src/cli/answers.ts'
import { argument, parseBlockTag, parseHash } from '../../../src/cli/arguments.ts'

test.each([
  ['latest', 'latest'],
  ['pending', 'pending'],
  ['0', '0x0'],
  ['1000', '0x3e8'],
  ['0x3E8', '0x3e8'],
])('the block %s is %s over RPC', (text, tag) => {
  expect(parseBlockTag(text)).toBe(tag)
})

test.each(['', '-1', '1.5', 'newest', '0x', `1${'0'.repeat(15)}`])('"%s" is no block', (text) => {
  expect(() => parseBlockTag(text)).toThrow(/is neither a block number nor one of latest/)
})

test('a hash is 32 bytes', () => {
  const hash = `0x${'aB'.repeat(32)}`
  expect(parseHash(hash)).toBe(hash)
  for (const text of [hash.slice(2), hash.slice(0, -1), `${hash}0`]) expect(() => parseHash(text)).toThrow('is no hash')
})

test('what is wrong with an argument comes with its name', () => {
  expect(argument('--block', () => parseBlockTag('1'))).toBe('0x1')
  expect(() => argument('--block', () => parseBlockTag('x'))).toThrow(
    expect.objectContaining({ name: 'ConfigError', message: expect.stringMatching(/^--block: "x" is neither/) }),
  )
})

test('what a node answers is believed only where it has the right form', () => {
  expect(quantity('0xff', 'x')).toBe(255n)
  for (const value of [5, null, undefined, '', '0x', '5', '-0x1', '0xfg', `0x${'f'.repeat(65)}`, '0x1\x1b[2J']) {
    expect(() => quantity(value, 'balance')).toThrow('the node answers with a balance that is no quantity')
  }
  expect(hexData('0xab', 'x')).toBe('0xab')
  for (const value of ['0xa', 'ab', '0xzz', null]) expect(() => hexData(value, 'x')).toThrow('no hex data')
  expect(members({ a: 1 }, 'x')).toEqual({ a: 1 })
  for (const value of [null, [], 'a', 5, undefined]) expect(() => members(value, 'x')).toThrow('no object')
})
