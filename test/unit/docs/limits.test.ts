import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import * as peerLimits from '../../../src/p2p/peers/limits.ts'
import * as requestLimits from '../../../src/p2p/reqresp/limits.ts'
import * as syncLimits from '../../../src/p2p/sync/limits.ts'
import * as wireLimits from '../../../src/p2p/wire/limits.ts'
import * as rpcLimits from '../../../src/rpc/limits.ts'

const page = readFileSync(new URL('../../../docs/limits.md', import.meta.url), 'utf8')

/** The bounds of one section by name, as the page states them. */
function stated(title: string): Record<string, number> {
  const start = page.indexOf(`\n## ${title}\n`)
  if (start === -1) throw new Error(`docs/limits.md has no section "${title}"`)
  const end = page.indexOf('\n## ', start + 1)
  const rows = page.slice(start, end === -1 ? undefined : end).matchAll(/^\| `(\w+)` +\| ([\d,.]+) +\|/gm)
  return Object.fromEntries([...rows].map(([, name, value]) => [name, Number(value!.replaceAll(',', ''))]))
}

test('docs/limits.md states every bound of requests as the code has it', () => {
  const { ALLOWANCE, ...plain } = requestLimits
  expect(stated('Network requests')).toEqual({ ...wireLimits, ...plain, ALLOWANCE: ALLOWANCE.capacity })
})

test('and every bound of catching up and of peers', () => {
  const numbers = Object.entries(syncLimits).map(([name, value]) => [name, Number(value)])
  expect(stated('Catching up')).toEqual(Object.fromEntries(numbers))
  expect(stated('Peers')).toEqual({ ...peerLimits })
})

test('and those of RPC that it names', () => {
  const rows = stated('RPC connections')
  expect(Object.keys(rows).length).toBeGreaterThan(30)
  expect(rpcLimits).toMatchObject(rows)
})
