import { afterEach, describe, expect, test, vi } from 'vitest'
import { RpcError } from '../../../src/rpc/errors.ts'
import {
  MAX_BODY_BYTES,
  MAX_MESSAGE_NESTING,
  MAX_MESSAGE_PARTS,
  MAX_WS_MESSAGE_BYTES,
  SMALL_MESSAGE_CHARS,
} from '../../../src/rpc/limits.ts'
import { readMessage } from '../../../src/rpc/message.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

function refusalOf(message: string | Buffer): RpcError {
  try {
    readMessage(message)
  } catch (error) {
    if (error instanceof RpcError) return error
  }
  return expect.fail('it was read')
}

/** Longer than what is read without a look at its shape. */
const padded = (text: string) => text + ' '.repeat(SMALL_MESSAGE_CHARS)
const pairs = (count: number) => padded(`${'[{"a":'.repeat(count)}1${'}]'.repeat(count)}`)
const flat = (parts: number) => `[${'1,'.repeat(parts - 1)}1]`

describe('the depth of a message', () => {
  test('may be the limit and no more, by arrays and objects alike', () => {
    expect(refusalOf(padded('['.repeat(MAX_MESSAGE_NESTING + 1)))).toMatchObject({
      code: -32700,
      message: `parse error: nested deeper than the limit of ${MAX_MESSAGE_NESTING}`,
      data: { limit: MAX_MESSAGE_NESTING },
    })
    expect(refusalOf(pairs(MAX_MESSAGE_NESTING / 2 + 1)).message).toMatch(/nested deeper/)
    const lists = padded(`${'['.repeat(MAX_MESSAGE_NESTING)}${']'.repeat(MAX_MESSAGE_NESTING)}`)
    for (const text of [lists, pairs(MAX_MESSAGE_NESTING / 2)]) expect(readMessage(text)).toEqual(JSON.parse(text))
  })

  test('is how deep it goes, not how often', () => {
    const text = `[${Array(SMALL_MESSAGE_CHARS).fill('[[]]').join(',')}]`
    expect(readMessage(text)).toHaveLength(SMALL_MESSAGE_CHARS)
  })

  test('does not count what stands in strings, however their quotes are escaped', () => {
    const brackets = '[{'.repeat(MAX_MESSAGE_NESTING)
    for (const value of [brackets, `"${brackets}`, `\\${brackets}"`, `\\"${brackets}\\`, `${brackets}\\\\`]) {
      const text = padded(JSON.stringify([value, { [value]: value }]))
      expect(readMessage(text)).toEqual([value, { [value]: value }])
      // What comes after the string counts again.
      const deeper = padded(`[${JSON.stringify(value)},${'['.repeat(MAX_MESSAGE_NESTING)}`)
      expect(refusalOf(deeper).message).toMatch(/nested deeper/)
    }
  })

  test.each([MAX_BODY_BYTES, MAX_WS_MESSAGE_BYTES])('is judged before anything is parsed: %d brackets', (length) => {
    const parse = vi.spyOn(JSON, 'parse')
    expect(refusalOf('['.repeat(length)).message).toMatch(/nested deeper/)
    expect(parse).not.toHaveBeenCalled()
  })
})

test('commas and opening brackets may be as many as the limit; one more is refused before anything is parsed', () => {
  expect(readMessage(flat(MAX_MESSAGE_PARTS))).toHaveLength(MAX_MESSAGE_PARTS)
  const parse = vi.spyOn(JSON, 'parse')
  expect(refusalOf(flat(MAX_MESSAGE_PARTS + 1))).toMatchObject({ code: -32700, data: { limit: MAX_MESSAGE_PARTS } })
  expect(refusalOf(`[${'{},'.repeat(MAX_MESSAGE_PARTS)}1]`)).toMatchObject({ data: { limit: MAX_MESSAGE_PARTS } })
  expect(parse).not.toHaveBeenCalled()
})

test('what is not JSON or not UTF-8 is told so', () => {
  for (const text of ['', '{', padded('{'), padded('"'), padded('["\\"')]) {
    expect(refusalOf(text).message).toBe('parse error: the message is not JSON')
  }
  expect(refusalOf(Buffer.from([0x22, 0xc3, 0x28, 0x22]))).toMatchObject({
    code: -32700,
    message: expect.stringContaining('UTF-8'),
  })
  expect(readMessage(Buffer.from('"ü"'))).toBe('ü')
})
