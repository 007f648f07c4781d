import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import * as limits from '../../../src/p2p/limits.ts'

const page = readFileSync(new URL('../../../docs/limits.md', import.meta.url), 'utf8')
const rows = page.split('\n').map((line) => line.split('|').map((cell) => cell.trim()))

/** Each bound of a group with its name there; a bound alone has none. */
function* flat(value: unknown, name = ''): Generator<readonly [string, string]> {
  if (typeof value !== 'object' || value === null)
    yield [name, typeof value === 'boolean' ? `${value}` : Number(value).toLocaleString('en-US')]
  else for (const [key, member] of Object.entries(value)) yield* flat(member, name === '' ? key : `${name}.${key}`)
}

test.each(Object.entries(limits))('docs/limits.md has %s, each of its values and a reason', (group, value) => {
  const own = rows.filter(([, name]) => name === `\`${group}\``)
  const stated = own.flatMap(([, , values]) => values!.split(/, (?=`)/))
  const actual = [...flat(value)].map(([name, text]) => (name === '' ? text : `\`${name}\` ${text}`))
  expect(stated.sort()).toEqual(actual.sort())
  for (const [, , , reason] of own) expect(reason).not.toBe('')
})
