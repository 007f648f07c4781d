import { SignJWT } from 'jose'
import { describe, expect, test } from 'vitest'
import { clientOf, isLoopback } from '../../../src/rpc/addresses.ts'
import { Authenticator } from '../../../src/rpc/authenticator.ts'
import { Gate } from '../../../src/rpc/gate.ts'
import { ManualClock } from '../../support/manual-clock.ts'

const gate = (vhosts: string[], origins: string[] = []) => new Gate({ vhosts, origins }, { authenticator: undefined })

describe('the name that the server is called by', () => {
  test.each([undefined, 'localhost', 'LOCALHOST:8545', '127.0.0.1', '127.0.0.1:8545', '[::1]:8545', '203.0.113.7'])(
    'passes: %s',
    (host) => expect(gate(['localhost']).judge({ host })).toBeUndefined(),
  )
  test.each([
    'evil.test',
    'evil.test:8545',
    'localhost.evil.test',
    '127.0.0.1.evil.test',
    '',
    ':8545',
    '[::1',
    'localhost:x',
  ])('is refused: "%s"', (host) =>
    expect(gate(['localhost']).judge({ host })).toMatchObject({ status: 403, reason: /host/ }),
  )
  test('may be any, or one more', () => {
    expect(gate(['*']).judge({ host: 'evil.test' })).toBeUndefined()
    expect(gate(['localhost', 'Node.example']).judge({ host: 'node.example:80' })).toBeUndefined()
  })
})

describe('the page that asks', () => {
  const host = '127.0.0.1:8545'
  test.each([
    undefined,
    'http://127.0.0.1:8545',
    'chrome-extension://nkbihfbeogaeaoehlefnkodbefgpgknn',
    'moz-extension://x',
  ])('passes: %s', (origin) => expect(gate(['localhost']).judge({ host, origin })).toBeUndefined())
  test.each([
    'http://evil.test',
    'null',
    '',
    'https://127.0.0.1:8545',
    'http://127.0.0.1',
    'http://evil.test/chrome-extension://x',
  ])('is refused: "%s"', (origin) =>
    expect(gate(['localhost']).judge({ host, origin })).toMatchObject({ status: 403, reason: /origin/ }),
  )
  test('may be one that the operator has named, with any port where that is said', () => {
    const named = gate(['localhost'], ['https://app.example', 'http://localhost:*'])
    for (const origin of ['https://app.example', 'HTTPS://APP.example', 'http://localhost', 'http://localhost:3000']) {
      expect(named.judge({ host, origin })).toBeUndefined()
      expect(named.shares(origin)).toBe(true)
    }
    for (const origin of ['https://app.example:444', 'https://localhost', 'http://localhost.evil.test:80']) {
      expect(named.judge({ host, origin })).toBeDefined()
    }
    expect(named.shares('chrome-extension://x')).toBe(false)
    expect(gate(['localhost'], ['*']).judge({ host, origin: 'null' })).toBeUndefined()
  })
})

describe('a token', () => {
  const NOW_SEC = 1_800_000_000
  const secret = new Uint8Array(32).fill(7)
  const token = 'a token of some length'.replaceAll(' ', '-')
  const clock = new ManualClock(NOW_SEC * 1000)
  const both = new Authenticator({ bearerTokens: [token], jwtSecret: secret }, { clock })
  const sign = (iat: number | undefined, key = secret, alg = 'HS256') => {
    const jwt = new SignJWT({}).setProtectedHeader({ alg })
    return (iat === undefined ? jwt : jwt.setIssuedAt(iat)).sign(key)
  }
  const check = (text: string | undefined) => both.check(text)

  test('that is known passes, whatever the case of the scheme', async () => {
    expect(await check(`Bearer ${token}`)).toBeUndefined()
    expect(await check(`bearer  ${token}`)).toBeUndefined()
  })

  test('signed with the secret passes within a minute of its making, to the second', async () => {
    for (const age of [0, 60, -60]) expect(await check(`Bearer ${await sign(NOW_SEC - age)}`)).toBeUndefined()
    for (const age of [61, -61]) {
      expect(await check(`Bearer ${await sign(NOW_SEC - age)}`)).toMatchObject({ status: 401 })
    }
  })

  test('is refused otherwise, and the refusal says nothing of it', async () => {
    const strange = [
      undefined,
      '',
      token,
      `Basic ${token}`,
      `Bearer ${token}x`,
      'Bearer a.b.c',
      `Bearer ${await sign(undefined)}`,
      `Bearer ${await sign(NOW_SEC, new Uint8Array(32).fill(8))}`,
      `Bearer ${await sign(NOW_SEC, new Uint8Array(48).fill(7), 'HS384')}`,
      // alg none
      'Bearer eyJhbGciOiJub25lIn0.eyJpYXQiOjE4MDAwMDAwMDB9.',
    ]
    for (const text of strange) {
      const refusal = await check(text)
      expect(refusal, text).toMatchObject({ status: 401 })
      if (text) expect(refusal!.reason).not.toContain(text.slice(-10))
    }
    const alone = new Authenticator({ bearerTokens: [token] }, { clock })
    expect(await alone.check(`Bearer ${await sign(NOW_SEC)}`)).toMatchObject({ status: 401 })
  })
})

test('a client is an IPv4 address, a /64, or this machine', () => {
  expect(clientOf('203.0.113.7')).toBe('203.0.113.7')
  expect(clientOf('::ffff:203.0.113.7')).toBe('203.0.113.7')
  expect(clientOf('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2::/64')
  expect(clientOf('2001:db8:1:2::9')).toBe('2001:db8:1:2::/64')
  expect(clientOf('2001:db8::9')).toBe('2001:db8:0:0::/64')
  expect(clientOf('2001:db8::')).toBe('2001:db8:0:0::/64')
  for (const own of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1']) expect(clientOf(own)).toBe('127.0.0.1')
  expect(['localhost', '127.0.0.2', '::1'].map(isLoopback)).toEqual([true, true, true])
  expect(['0.0.0.0', '::', '10.0.0.1', 'evil.test', '127.0.0.1.evil.test'].some(isLoopback)).toBe(false)
})
