import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { RPC_TIMEOUT_MS } from '../../../src/cli/limits.ts'
import type { Clock } from '../../../src/primitives/clock.ts'
import { Allowances } from '../../../src/rpc/allowances.ts'
import type { Caller } from '../../../src/rpc/caller.ts'
import { method } from '../../../src/rpc/dispatch.ts'
import {
  ALLOWANCE_BURST_SEC,
  BATCH_CONCURRENCY,
  CALL_TIMEOUT_MS,
  INACTIVITY_TIMEOUT_MS,
  MAX_BODY_BYTES,
  MAX_PIPELINED_REQUESTS,
  METRICS_UNITS,
  TIMEOUT_CHECK_MS,
} from '../../../src/rpc/limits.ts'
import { data } from '../../../src/rpc/schema.ts'
import type { RpcServer } from '../../../src/rpc/server.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { createServing } from './serving.ts'

const running: RpcServer[] = []
afterEach(async () => {
  for (const server of running.splice(0)) await server.stop()
})

async function listen({ clock }: { readonly clock?: Clock } = {}) {
  const opened = Promise.withResolvers<void>()
  const entered = Promise.withResolvers<void>()
  const methods = {
    size: method({ summary: '', result: {}, params: { data }, handler: ({ data }) => data.length }),
    wait: method({
      summary: '',
      result: {},
      params: {},
      handler: async () => {
        entered.resolve()
        await opened.promise
        return 'waited'
      },
    }),
  }
  const server = createServing({ methods, ...(clock && { clock }) })
  running.push(server)
  const url = await server.start()
  const post = (body: string, type = 'application/json') =>
    fetch(url, { method: 'POST', body, headers: { 'content-type': type } })
  return { url, server, post, open: opened.resolve, entered: entered.promise }
}

const WAIT = '{"jsonrpc":"2.0","id":1,"method":"wait"}'

test('answers JSON-RPC over POST as JSON', async () => {
  const { post } = await listen()
  const response = await post('{"jsonrpc":"2.0","id":1,"method":"size","params":["0x0102"]}')
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toMatch(/^application\/json/)
  expect(await response.json()).toEqual({ jsonrpc: '2.0', id: 1, result: 2 })
})

test('answers what is not JSON with a JSON-RPC error, and notifications with 204', async () => {
  const { post } = await listen()
  for (const body of ['', 'no json']) {
    const response = await post(body)
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({ error: { code: -32700 } })
  }
  const quiet = await post('{"jsonrpc":"2.0","method":"size","params":["0x"]}')
  expect([quiet.status, await quiet.text()]).toEqual([204, ''])
})

test('refuses types that a web page could send without asking first', async () => {
  const { post } = await listen()
  for (const type of ['text/plain', 'application/x-www-form-urlencoded'])
    expect((await post(WAIT, type)).status).toBe(415)
})

test('takes a body at the limit and refuses one above it', async () => {
  const { url, post } = await listen()
  const frame = '{"jsonrpc":"2.0","id":1,"method":"size","params":["0x"]}'
  const room = MAX_BODY_BYTES - frame.length
  const body = frame.replace('0x', `0x${'00'.repeat(room / 2)}`)
  const accepted = await post(body.padEnd(MAX_BODY_BYTES))
  expect(await accepted.json()).toMatchObject({ result: Math.floor(room / 2) })

  // The server may hang up before it has been sent everything, so only the status is read.
  const status = await new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': MAX_BODY_BYTES + 1 }
    const sending = request(url, { method: 'POST', headers }, (response) => resolve(response.statusCode))
    sending.on('error', reject)
    sending.flushHeaders()
  })
  expect(status).toBe(413)
})

test('stopping answers what has arrived and then refuses connections', async () => {
  const { server, post, open, entered } = await listen()
  const waiting = post(WAIT)
  await entered
  const stopped = server.stop()
  open()
  expect(await (await waiting).json()).toMatchObject({ result: 'waited' })
  await stopped
  await expect(post(WAIT)).rejects.toThrow()
})

test('requests ahead of their answers are held up to a limit; one more ends the connection', async () => {
  const { url, open, entered } = await listen()
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk
  })
  const head = 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'
  const requestText = `${head}Content-Length: ${WAIT.length}\r\n\r\n${WAIT}`
  socket.write(requestText.repeat(MAX_PIPELINED_REQUESTS))
  await entered
  open()
  await expect.poll(() => text.split('waited').length - 1).toBe(MAX_PIPELINED_REQUESTS)
  socket.destroy()

  const second = await listen()
  const greedy = connect(Number(new URL(second.url).port), '127.0.0.1')
  greedy.on('error', () => {})
  greedy.write(requestText.repeat(MAX_PIPELINED_REQUESTS + 1))
  await once(greedy.resume(), 'close')
  second.open()
})

test('a client beyond its allowance is told with 429, the error of limits, and how long to wait', async () => {
  const clock = new ManualClock(1_000_000)
  const allowance = new Allowances({ unitsPerSec: 1, loopbackUnitsPerSec: 1 }, { clock })
  const methods = { size: method({ summary: '', result: {}, params: { data }, handler: ({ data }) => data.length }) }
  const server = createServing({ methods, clock, allowance })
  running.push(server)
  const url = await server.start()
  const body = '{"jsonrpc":"2.0","id":1,"method":"size","params":["0x"]}'
  const ask = () => fetch(url, { method: 'POST', body, headers: { 'content-type': 'application/json' } })
  for (let i = 0; i < ALLOWANCE_BURST_SEC; i++) expect((await ask()).status).toBe(200)
  const refused = await ask()
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1'])
  expect(await refused.json()).toMatchObject({ error: { code: -32005, message: expect.stringContaining('1 units') } })
  clock.advance(1_000)
  expect((await ask()).status).toBe(200)
})

test('metrics cost a part of the allowance', async () => {
  const clock = new ManualClock(1_000_000)
  const allowance = new Allowances(
    { unitsPerSec: 1, loopbackUnitsPerSec: METRICS_UNITS / ALLOWANCE_BURST_SEC },
    { clock },
  )
  const metrics = { contentType: 'text/plain', text: async () => 'a_metric 1\n' }
  const server = createServing({ methods: {}, clock, allowance, metrics })
  running.push(server)
  const url = await server.start()
  const ask = async () => {
    const response = await fetch(`${url}/metrics`)
    return [response.status, response.headers.get('retry-after'), await response.text()]
  }
  expect(await ask()).toEqual([200, null, 'a_metric 1\n'])
  expect(await ask()).toEqual([429, '1', 'more than 2 units a second; ask again in 1 s\n'])
})

test('a call that takes too long is answered so, before its connection or who asked gives up', async () => {
  const clock = new ManualClock(0)
  const { post, entered, open } = await listen({ clock })
  const response = post(WAIT)
  await entered
  clock.advance(CALL_TIMEOUT_MS)
  expect(await (await response).json()).toMatchObject({ id: 1, error: { code: -32002 } })
  open()
  expect(INACTIVITY_TIMEOUT_MS).toBeGreaterThan(CALL_TIMEOUT_MS + TIMEOUT_CHECK_MS)
  expect(RPC_TIMEOUT_MS).toBeGreaterThan(CALL_TIMEOUT_MS + TIMEOUT_CHECK_MS)
})

test('what a client that has gone has asked for is not begun', async () => {
  const opened = Promise.withResolvers<void>()
  let begun = 0
  let asker: Caller | undefined
  const handler = async (_: unknown, caller: Caller) => {
    begun++
    asker = caller
    await opened.promise
    return null
  }
  const server = createServing({ methods: { wait: method({ summary: '', result: {}, params: {}, handler }) } })
  running.push(server)
  const url = await server.start()
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  const body = JSON.stringify(Array(3 * BATCH_CONCURRENCY).fill(JSON.parse(WAIT)))
  const head = 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'
  socket.write(`${head}Content-Length: ${body.length}\r\n\r\n${body}`)
  await expect.poll(() => begun).toBe(BATCH_CONCURRENCY)
  socket.destroy()
  await expect.poll(() => asker?.isGone?.()).toBe(true)
  opened.resolve()
  await new Promise((resolve) => setImmediate(resolve))
  expect(begun).toBe(BATCH_CONCURRENCY)
})

test('a client that offers HTTP/2 on the way is answered over HTTP/1.1', async () => {
  const { url } = await listen()
  const body = '{"jsonrpc":"2.0","id":1,"method":"size","params":["0x0102"]}'
  const text = await new Promise<string>((resolve, reject) => {
    const headers = {
      'content-type': 'application/json',
      connection: 'Upgrade, HTTP2-Settings',
      upgrade: 'h2c',
      'http2-settings': 'AAEAAEAAAAIAAAAB',
    }
    const asking = request(url, { method: 'POST', headers }, async (response) => {
      expect(response.statusCode).toBe(200)
      resolve((await response.toArray()).join(''))
    })
    asking.on('error', reject)
    asking.end(body)
  })
  expect(JSON.parse(text)).toEqual({ jsonrpc: '2.0', id: 1, result: 2 })
})

test('pages of a named origin may ask, and read the answer; the browser is told so first', async () => {
  const methods = { nothing: method({ summary: '', result: {}, params: {}, handler: () => null }) }
  const server = createServing({ methods, corsOrigins: ['https://app.example'] })
  running.push(server)
  const url = await server.start()
  const headers = { origin: 'https://app.example', 'content-type': 'application/json' }
  const preflight = await fetch(url, { method: 'OPTIONS', headers })
  expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([204, headers.origin])
  const answer = await fetch(url, { method: 'POST', headers, body: '{"jsonrpc":"2.0","id":1,"method":"nothing"}' })
  expect(answer.headers.get('access-control-allow-origin')).toBe(headers.origin)
  await answer.text()
})

test('and read what they are refused with', async () => {
  const server = createServing({
    methods: {},
    corsOrigins: ['https://app.example'],
    credentials: { bearerTokens: ['a-token-of-some-length'] },
  })
  running.push(server)
  const url = await server.start()
  const known = { authorization: 'Bearer a-token-of-some-length' }
  const json = { 'content-type': 'application/json' }
  for (const [status, headers, body] of [
    [401, json, '{}'],
    [415, { ...known, 'content-type': 'text/plain' }, '{}'],
    [413, { ...known, ...json }, ' '.repeat(MAX_BODY_BYTES + 1)],
  ] as const) {
    const asked = { method: 'POST', headers: { ...headers, origin: 'https://app.example' }, body }
    const answer = await fetch(url, asked)
    await answer.text()
    expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([status, 'https://app.example'])
  }
})

test('answers with credentials alone where they are asked for; health says yes or no to anybody', async () => {
  const token = 'a-token-of-some-length'
  const server = createServing({
    methods: {},
    credentials: { bearerTokens: [token] },
    metrics: { contentType: 'text/plain', text: async () => 'a_metric 1\n' },
    health: { peers: 0, peerLimit: 8, isFirst: false, blocksBehind: 9, diskFreeBytes: 0 },
  })
  running.push(server)
  const url = await server.start()
  const get = async (path: string, headers: Record<string, string> = {}) => {
    const response = await fetch(url + path, { headers })
    return [response.status, await response.text()] as const
  }
  const known = { authorization: `Bearer ${token}` }
  expect((await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' } })).status).toBe(401)
  expect(await get('/livez')).toEqual([200, 'ok\n'])
  expect(await get('/readyz')).toEqual([503, 'not ready\n'])
  expect((await get('/readyz?verbose'))[0]).toBe(401)
  expect((await get('/metrics'))[0]).toBe(401)
  expect(await get('/metrics', known)).toEqual([200, 'a_metric 1\n'])
  const [status, report] = await get('/readyz?verbose', known)
  expect(status).toBe(503)
  expect(report.match(/^\[-\]\w+ failed/gm)).toHaveLength(3)
})

test('a port in use is told by the error code', async () => {
  const { url } = await listen()
  const second = createServing({ methods: {}, port: Number(new URL(url).port) })
  await expect(second.start()).rejects.toMatchObject({ code: 'EADDRINUSE' })
})
