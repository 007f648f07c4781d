import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { lightAnswers } from '../../support/light-answers.ts'

test('docs/light.md says of every method of docs/rpc.md, once, what a light node does with it', () => {
  const page = readFileSync(new URL('../../../docs/rpc.md', import.meta.url), 'utf8')
  // That page is held against the methods themselves.
  const methods = [...page.matchAll(/^\| `([a-z0-9]+_\w+)` +\|/gm)].map(([, name]) => name!)
  const answers = lightAnswers()
  expect(methods.length).toBeGreaterThan(100)
  expect(answers.map(({ method }) => method).sort()).toEqual(methods.sort())
})
