import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { NODE_FLAGS } from '../../../src/node/heap.ts'

test('a node that npm starts has the flags that bench and scenarios give theirs', () => {
  const { scripts } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'))
  for (const name of ['start', 'idobata'])
    expect(scripts[name]).toContain(`node ${NODE_FLAGS.join(' ')} src/cli/main.ts`)
})
