import { describe, expect, test } from 'vitest'
import {
  ConfigError,
  environmentName,
  explainConfig,
  type Flags,
  type NodeConfig,
  OPTIONS,
  resolveConfig,
} from '../../../src/node/config.ts'
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
    config: undefined,
    datadir: '/home/me/.idobata',
    genesis: undefined,
    light: false,
    'light.vouchers': 2,
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
    p2p: true,
    port: 30_303,
    'p2p.addr': '0.0.0.0',
    'p2p.transports': ['tcp', 'quic', 'ws'],
    bootnodes: [],
    maxpeers: 77,
    minimumwork: 0n,
    nat: 'none',
    nodiscover: false,
    mdns: false,
    'p2p.autonat': true,
    'p2p.relay': false,
    'p2p.holepunch': true,
    'p2p.relayserver': false,
    'p2p.sightings': false,
    metrics: false,
    mine: false,
    'miner.etherbase': undefined,
    'miner.threads': 1,
    keystore: '/home/me/.idobata/keystore',
    rpc: 'http://127.0.0.1:8545',
    'rpc.tokenfile': undefined,
    'rpc.jwtsecret': undefined,
    verbosity: 3,
  } satisfies NodeConfig)
})

test('data goes where XDG says', () => {
  expect(resolveConfig({}, { ...HOME, XDG_DATA_HOME: '/data' }).datadir).toBe('/data/idobata')
})

test('a flag wins over its variable, that over the file, and that over the default', () => {
  const settings = { file: '/etc/idobata.toml', texts: { 'http.port': '1', 'miner.threads': '3' } }
  const environment = { ...HOME, IDOBATA_HTTP_PORT: '1000' }
  expect(resolveConfig({ 'http.port': '2000' }, environment, settings)['http.port']).toBe(2000)
  expect(resolveConfig({}, environment, settings)).toMatchObject({ 'http.port': 1000, 'miner.threads': 3, mine: false })
  expect(explainConfig({ mine: true }, environment, settings).origins).toMatchObject({
    mine: '--mine',
    'http.port': 'IDOBATA_HTTP_PORT',
    'miner.threads': '/etc/idobata.toml: miner.threads',
    verbosity: undefined,
  })
})

test('switches and texts come from flags and variables alike', () => {
  const environment = { ...HOME, IDOBATA_HTTP_PORT: '1000', IDOBATA_MINE: 'true', IDOBATA_DATADIR: '/elsewhere' }
  expect(resolveConfig({}, environment)).toMatchObject({ 'http.port': 1000, mine: true, datadir: '/elsewhere' })
  expect(resolveConfig({}, { ...HOME, IDOBATA_HTTP_PORT: '' })['http.port']).toBe(8545)
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

test('accounts lie in the data directory, and the node to ask is the one that these settings would run', () => {
  expect(resolveConfig({ datadir: '/here', 'http.port': '9000' }, HOME)).toMatchObject({
    keystore: '/here/keystore',
    rpc: 'http://127.0.0.1:9000',
  })
  expect(resolveConfig({ dev: true }, HOME).keystore).toBe('/home/me/.idobata/dev/keystore')
  const url = (host: string) => resolveConfig({ 'http.addr': host }, HOME).rpc
  expect(['0.0.0.0', '::', '::1', 'well.example'].map(url)).toEqual([
    'http://127.0.0.1:8545',
    'http://127.0.0.1:8545',
    'http://[::1]:8545',
    'http://well.example:8545',
  ])
  expect(resolveConfig({ rpc: 'https://well.example/rpc', keystore: '/keys' }, HOME)).toMatchObject({
    rpc: 'https://well.example/rpc',
    keystore: '/keys',
  })
})

test('what the own node knows callers by is told to no other', () => {
  const said = (flags: Flags) => {
    const { 'rpc.tokenfile': token, 'rpc.jwtsecret': secret } = resolveConfig(flags, HOME)
    return { token, secret }
  }
  const nothing = { token: undefined, secret: undefined }
  const [own, other] = [{ 'http.tokenfile': '/token' }, { rpc: 'http://well.example' }]
  expect(said(own)).toEqual({ ...nothing, token: '/token' })
  expect(said({ ...own, ...other })).toEqual(nothing)
  expect(said({ ...own, ...other, 'rpc.tokenfile': '/other' })).toEqual({ ...nothing, token: '/other' })
  const signing = { 'http.jwtsecret': '/secret' }
  expect(said(signing)).toEqual({ ...nothing, secret: '/secret' })
  expect(said({ ...signing, ...other })).toEqual(nothing)
  expect(said({ ...signing, ...other, 'rpc.jwtsecret': '/other' })).toEqual({ ...nothing, secret: '/other' })
  // A node that takes either is told the simpler one, unless it is said which.
  expect(said({ ...own, ...signing })).toEqual({ ...nothing, token: '/token' })
  expect(said({ ...own, 'rpc.jwtsecret': '/other' })).toEqual({ ...nothing, secret: '/other' })
  expect(() => said({ 'rpc.tokenfile': '/token', 'rpc.jwtsecret': '/secret' })).toThrow(
    '--rpc.jwtsecret: not with --rpc.tokenfile',
  )
})

test('an address is read as bytes', () => {
  const etherbase = `0x${'ab'.repeat(20)}`
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
    expect(() => resolveConfig({ dev: true, genesis: 'x.json' }, HOME)).toThrow(
      /^--genesis: the development network \(--dev\) has/,
    )
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
    ['rpc', 'localhost:8545', '--rpc: "localhost:8545" is no http:// or https:// address'],
    ['rpc', 'http://', '--rpc: "http://" is no http:// or https:// address'],
    [
      'rpc',
      'http://me:canary@127.0.0.1',
      '--rpc: the address has a name or password in it; see --rpc.tokenfile and --rpc.jwtsecret',
    ],
  ])('--%s %s', (name, text, message) => {
    expect(refusal({ [name]: text })).toBe(message)
  })

  test('an account for rewards whose checksum is wrong', () => {
    expect(refusal({ 'miner.etherbase': `0x${'aB'.repeat(20)}` })).toMatch(/^--miner.etherbase: "0x(aB)+" is mistyped/)
  })

  test('also from the environment', () => {
    expect(resolveConfig({ minimumwork: '0xff' }, HOME).minimumwork).toBe(255n)
    expect(refusal({ minimumwork: '-1' })).toBe('--minimumwork: "-1" is no total difficulty')
    expect(refusal({}, { IDOBATA_MINE: 'yes' })).toBe('IDOBATA_MINE: "yes" is neither true nor false')
  })
})

describe('a light node', () => {
  test('has a directory and a number of peers of its own', () => {
    expect(resolveConfig({ light: true }, HOME)).toMatchObject({ datadir: '/home/me/.idobata/light', maxpeers: 8 })
    expect(resolveConfig({ light: true, datadir: '/here', maxpeers: '3' }, HOME)).toMatchObject({
      datadir: '/here',
      maxpeers: 3,
    })
  })

  test.each([
    [{ mine: true }, '--mine: not in a light node'],
    [{ dev: true }, '--dev: not in a light node'],
    [{ metrics: true }, '--metrics: not in a light node'],
    [{ p2p: false }, '--no-p2p: a light node (--light) knows nothing without peers'],
    [{ port: '1' }, '--port: not in a light node'],
    [{ nat: 'upnp' }, '--nat: not in a light node'],
  ])('refuses %o', (flags: Flags, message) => {
    expect(() => resolveConfig({ light: true, ...flags }, HOME)).toThrow(message)
  })
})
