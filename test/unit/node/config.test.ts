import { describe, expect, test } from 'vitest'
import { ConfigError, environmentName, type NodeConfig, OPTIONS, resolveConfig } from '../../../src/node/config.ts'
import { fromHex } from '../../../src/primitives/bytes.ts'

const HOME = { HOME: '/home/me' }

function refusal(flags: Record<string, string>, environment: Record<string, string> = {}): string {
  try {
    resolveConfig(flags, environment)
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  throw new Error('accepted')
}

test('without flags or variables everything has its default', () => {
  expect(resolveConfig({}, HOME)).toEqual({
    datadir: '/home/me/.idobata',
    genesis: undefined,
    dev: false,
    http: true,
    'http.addr': '127.0.0.1',
    'http.port': 8545,
    'http.vhosts': ['localhost'],
    'http.corsdomain': [],
    'http.api': undefined,
    'http.jwtsecret': undefined,
    'http.tokenfile': undefined,
    'http.insecure': false,
    'http.ratelimit': 500,
    'http.ratelimit.local': 100_000,
    ws: true,
    'ws.origins': undefined,
    'ws.api': undefined,
    metrics: false,
    mine: false,
    'miner.etherbase': undefined,
    'miner.threads': 1,
    verbosity: 3,
  } satisfies NodeConfig)
})

test('data goes where XDG says', () => {
  expect(resolveConfig({}, { ...HOME, XDG_DATA_HOME: '/data' }).datadir).toBe('/data/idobata')
})

test('a flag wins over its variable, and that over the default', () => {
  const environment = { ...HOME, IDOBATA_HTTP_PORT: '1000', IDOBATA_MINE: 'true', IDOBATA_DATADIR: '/elsewhere' }
  expect(resolveConfig({}, environment)).toMatchObject({ 'http.port': 1000, mine: true, datadir: '/elsewhere' })
  expect(resolveConfig({ 'http.port': '2000', mine: false, datadir: '/flag' }, environment)).toMatchObject({
    'http.port': 2000,
    mine: false,
    datadir: '/flag',
  })
})

test('each setting has a variable of its own', () => {
  expect(environmentName('http.addr')).toBe('IDOBATA_HTTP_ADDR')
  expect(new Set(Object.keys(OPTIONS).map(environmentName)).size).toBe(Object.keys(OPTIONS).length)
})

test('an address is read as bytes', () => {
  const etherbase = `0x${'Ab'.repeat(20)}`
  expect(resolveConfig({ 'miner.etherbase': etherbase }, HOME)['miner.etherbase']).toEqual(fromHex(etherbase))
})

describe('a development network', () => {
  test('mines, in a directory of its own', () => {
    expect(resolveConfig({ dev: true }, HOME)).toMatchObject({ mine: true, datadir: '/home/me/.idobata/dev' })
  })

  test('stays in the directory that it is given', () => {
    expect(resolveConfig({ dev: true, datadir: '/here' }, HOME).datadir).toBe('/here')
    expect(resolveConfig({ dev: true }, { ...HOME, IDOBATA_DATADIR: '/there' }).datadir).toBe('/there')
  })

  test('has no other genesis', () => {
    expect(() => resolveConfig({ dev: true, genesis: 'x.json' }, HOME)).toThrow(/^--dev: .*--genesis/)
  })
})

describe('what cannot be used is refused, naming its source and the text', () => {
  test.each([
    ['http.port', '65536', '--http.port: "65536" is no whole number from 0 to 65535'],
    ['http.port', '80a', '--http.port: "80a" is no whole number from 0 to 65535'],
    ['http.port', '', '--http.port: "" is no whole number from 0 to 65535'],
    ['http.addr', 'a b', '--http.addr: "a b" is no host name or IP address'],
    ['miner.threads', '0', '--miner.threads: "0" is no whole number from 1 to 256'],
    ['miner.etherbase', '0x12', '--miner.etherbase: "0x12" is no address: 0x and 40 hex digits'],
    ['verbosity', '-1', '--verbosity: "-1" is no whole number from 0 to 4'],
    ['datadir', '', '--datadir: the path is empty'],
  ])('--%s %s', (name, text, message) => {
    expect(refusal({ [name]: text })).toBe(message)
  })

  test('also from the environment', () => {
    expect(refusal({}, { IDOBATA_MINE: 'yes' })).toBe('IDOBATA_MINE: "yes" is neither true nor false')
  })
})
