import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { HeldBytes } from '../../../src/rpc/held-bytes.ts'
import { MAX_BATCH_CALLS } from '../../../src/rpc/limits.ts'
import { rpcMethods } from '../../../src/rpc/methods/all.ts'
import type { RpcServer } from '../../../src/rpc/server.ts'
import { fakeBackends } from './fake-backends.ts'
import { createServing, eventServices } from './serving.ts'

/** What strangers may send over real sockets; whatever it is, others are answered. */

const internal: unknown[] = []
let server: RpcServer
let url: string
let names: readonly string[]

beforeAll(async () => {
  const methods = rpcMethods(fakeBackends({ blocks: [{}, {}] }), eventServices())
  names = Object.keys(methods)
  server = createServing({
    methods,
    onInternalError: (error) => internal.push(error),
  })
  url = await server.start()
})
afterAll(() => server.stop())

const post = (body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) =>
  fetch(url, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } })

const call = (method: string, params: unknown = []) => JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })

async function expectServed(): Promise<void> {
  expect(await (await post(call('eth_blockNumber'))).json()).toMatchObject({ result: '0x2' })
}

function open(): Socket {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.on('error', () => {})
  return socket
}

describe('any JSON', () => {
  const id = fc.oneof(fc.jsonValue(), fc.integer(), fc.string())
  const request = fc.record(
    {
      jsonrpc: fc.oneof({ weight: 9, arbitrary: fc.constant('2.0') }, fc.jsonValue()),
      id,
      method: fc.oneof({ weight: 9, arbitrary: fc.nat().map((n) => names[n % names.length]) }, fc.jsonValue()),
      params: fc.oneof(
        fc.array(
          fc.oneof(
            fc.jsonValue(),
            fc.constantFrom('latest', '0x0', '0x1', `0x${'11'.repeat(20)}`, `0x${'22'.repeat(32)}`, {}, null, true),
            fc.bigInt(0n, 2n ** 300n).map((n) => `0x${n.toString(16)}`),
          ),
          { maxLength: 4 },
        ),
        fc.jsonValue(),
      ),
    },
    { requiredKeys: [] },
  )

  test('is answered with 200 or 204, never -32603, and with nothing that is not JSON-RPC', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(request, fc.array(request, { maxLength: 5 }), fc.jsonValue()), async (message) => {
        const response = await post(JSON.stringify(message))
        expect([200, 204]).toContain(response.status)
        const text = await response.text()
        const answers = text === '' ? [] : [JSON.parse(text)].flat()
        for (const answer of answers) {
          expect(answer).toMatchObject({ jsonrpc: '2.0' })
          expect('result' in answer !== 'error' in answer).toBe(true)
          expect(answer.error?.code).not.toBe(-32603)
        }
      }),
      { numRuns: 400, seed: 20117 },
    )
    expect(internal).toEqual([])
  })

  test.each([
    ['deeply nested', '['.repeat(200_000) + ']'.repeat(200_000), -32700],
    ['deeply nested parameters', call('eth_getBalance', JSON.parse('['.repeat(2_000) + ']'.repeat(2_000))), -32700],
    ['deep and not closed', '[{"a":'.repeat(100_000), -32700],
    [
      'a number beyond all bounds',
      `{"jsonrpc":"2.0","id":1,"method":"eth_getBlockByNumber","params":[1${'0'.repeat(400)},false]}`,
      -32602,
    ],
    ['a prototype', '{"__proto__":{"jsonrpc":"2.0","method":"eth_chainId"},"id":1}', -32600],
    ['a method that every object has', call('constructor'), -32601],
  ])('%s', async (_, body, code) => {
    const answers = (await (await post(body)).json()) as { error: { code: number } }
    const [answer] = [answers].flat()
    expect(answer!.error.code).toBe(code)
    await expectServed()
  })

  test('with a name twice counts the last one', async () => {
    const body = '{"jsonrpc":"2.0","id":1,"method":"eth_chainId","method":"eth_blockNumber"}'
    expect(await (await post(body)).json()).toMatchObject({ result: '0x2' })
  })

  test('in other bytes than UTF-8 is refused as no JSON', async () => {
    const body = Buffer.concat([Buffer.from('{"jsonrpc":"2.0","id":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')])
    expect(await (await post(body)).json()).toMatchObject({
      error: { code: -32700, message: expect.stringContaining('UTF-8') },
    })
  })

  test('in a batch at its limit is answered, one call more is not', async () => {
    const batch = (count: number) => `[${Array(count).fill(call('eth_chainId')).join(',')}]`
    expect(await (await post(batch(MAX_BATCH_CALLS))).json()).toHaveLength(MAX_BATCH_CALLS)
    expect(await (await post(batch(MAX_BATCH_CALLS + 1))).json()).toMatchObject({
      error: { code: -32005, data: { limit: 1_000 } },
    })
  })
})

describe('requests that are no calls', () => {
  test.each([
    ['GET', '/', 200],
    ['HEAD', '/', 200],
    ['GET', '/livez', 200],
    ['GET', '/readyz?verbose', 200],
    ['GET', '/metrics', 404],
    ['GET', '/../../etc/passwd', 404],
    ['GET', '/%', 400],
    ['PUT', '/', 404],
    ['OPTIONS', '/', 403],
    ['POST', '/elsewhere', 404],
  ])('%s %s is %i', async (method, path, status) => {
    const response = await fetch(url + path, { method })
    expect(response.status).toBe(status)
    await response.text()
  })

  test('a foreign Host or Origin is 403, whatever is asked', async () => {
    for (const header of ['Host: evil.test', 'Host: localhost\r\nOrigin: http://evil.test']) {
      for (const start of ['POST / HTTP/1.1', 'GET / HTTP/1.1', 'GET /livez HTTP/1.1', 'OPTIONS / HTTP/1.1']) {
        const socket = open()
        socket.write(`${start}\r\n${header}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`)
        const [answer] = await once(socket, 'data')
        expect(answer.toString()).toMatch(/^HTTP\/1.1 403 /)
        socket.destroy()
      }
    }
  })

  test('no HTTP at all ends the connection', async () => {
    for (const bytes of ['\x16\x03\x01\x02\x00', 'GET\r\n\r\n', `GET / HTTP/1.1\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`]) {
      const socket = open()
      socket.resume()
      socket.write(bytes)
      await once(socket, 'close')
    }
    await expectServed()
  })

  test('any number of requests ahead of their answers is answered', async () => {
    const body = call('eth_chainId')
    const count = 1_000
    const socket = open()
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk
    })
    const head = 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'
    socket.write(`${head}Content-Length: ${body.length}\r\n\r\n${body}`.repeat(count))
    await expect.poll(() => text.split('"result"').length - 1).toBe(count)
    socket.destroy()
  })
})

test('a thousand clients that begin and do not go on take little memory, and others are served', async () => {
  const beginnings = [
    '',
    'POST / HT',
    'POST / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ',
    'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 5000000\r\n\r\n{"jsonrpc"',
    'GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n',
  ]
  const before = process.memoryUsage().rss
  const sockets = Array.from({ length: 1_000 }, open)
  await Promise.all(sockets.map((socket) => once(socket, 'connect')))
  for (const [index, socket] of sockets.entries()) socket.write(beginnings[index % beginnings.length]!)
  await expectServed()
  // Both ends of each connection are in this process.
  expect(process.memoryUsage().rss - before).toBeLessThan(150 * 2 ** 20)
  for (const socket of sockets) socket.destroy()
  await expectServed()
})

test('a thousand WebSocket clients that begin a message and do not go on take little memory, and others are served', async () => {
  const handshake = [
    'GET / HTTP/1.1',
    'Host: localhost',
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}`,
    '\r\n',
  ].join('\r\n')
  // Text of a mebibyte, masked with zeros, of which this is the beginning.
  const beginning = Buffer.concat([
    Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0]),
    Buffer.alloc(1024, '{"jsonrpc":"2.0",'),
  ])
  const before = process.memoryUsage().rss
  const sockets = Array.from({ length: 1_000 }, open)
  const answers = await Promise.all(
    sockets.map(async (socket) => {
      socket.write(handshake)
      const [answer] = await once(socket, 'data')
      socket.write(beginning)
      return String(answer).split('\r\n')[0]
    }),
  )
  expect(new Set(answers)).toEqual(new Set(['HTTP/1.1 101 Switching Protocols']))
  await expectServed()
  expect(server.wsConnections).toBe(1_000)
  // Both ends of each connection are in this process.
  expect(process.memoryUsage().rss - before).toBeLessThan(150 * 2 ** 20)
  for (const socket of sockets) socket.destroy()
  await expectServed()
})

describe('memory that clients make the server hold', () => {
  test('is bounded over all of them: past the limit whoever holds the most is cut', () => {
    const held = new HeldBytes({ limitBytes: 100 })
    const cut: string[] = []
    const holder = (name: string) => ({ cut: () => cut.push(name) })
    const [small, large, other] = [holder('small'), holder('large'), holder('other')]
    held.set(small, 10)
    held.add(large, 60)
    held.add(other, 30)
    expect([held.total, cut]).toEqual([100, []])
    held.add(small, 1)
    expect([held.total, cut]).toEqual([41, ['large']])
    // What was cut gives nothing back.
    held.add(large, -60)
    held.set(small, 0)
    expect(held.total).toBe(30)
  })
})
