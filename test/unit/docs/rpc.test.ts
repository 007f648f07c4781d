import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { MethodTable } from '../../../src/rpc/dispatch.ts'
import * as limits from '../../../src/rpc/limits.ts'
import { rpcMethods } from '../../../src/rpc/methods/all.ts'
import { withIntrospection } from '../../../src/rpc/methods/rpc.ts'
import { fakeBackends } from '../rpc/fake-backends.ts'
import { eventServices } from '../rpc/serving.ts'

const page = readFileSync(new URL('../../../docs/rpc.md', import.meta.url), 'utf8')
const rows = page.split('\n').map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim()))

/** Backends are only asked once a method is called. */
const uncalled = {} as never

function everyMethod(): MethodTable {
  const backends = fakeBackends()
  const services = eventServices()
  const { eth_accounts } = rpcMethods(backends, services)
  const operators = rpcMethods({ ...backends, miner: uncalled, dev: uncalled }, services)
  // A development network's has another answer, of which the page tells in words.
  return withIntrospection({ ...operators, eth_accounts: eth_accounts! }, '')
}

describe('docs/rpc.md', () => {
  test('has every method, with its parameters and what it answers', () => {
    const stated = rows.flatMap(([, name, params, answer]) =>
      /^`[a-z0-9]+_\w+`$/.test(name ?? '') ? [`${name} ${params}: ${answer}`] : [],
    )
    const described = Object.entries(everyMethod()).map(([name, { params, summary }]) => {
      const names = Object.entries(params).map(([param, { absent }]) => (absent ? `[${param}]` : param))
      return `\`${name}\` ${names.join(', ') || '–'}: ${summary}`
    })
    expect(stated.sort()).toEqual(described.sort())
  })

  test('states limits as they are', () => {
    const stated = rows.flatMap(([, name, value]) =>
      /^`[A-Z_]+`$/.test(name ?? '') ? [[name!.slice(1, -1), Number(value!.replaceAll(',', ''))] as const] : [],
    )
    expect(stated.length).toBeGreaterThan(10)
    for (const [name, value] of stated) expect(limits, name).toHaveProperty(name, value)
    expect(page).toContain(`more than ${limits.MAX_BLOCKS_BEHIND} blocks behind`)
  })
})
