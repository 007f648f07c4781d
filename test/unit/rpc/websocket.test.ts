import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import WebSocket from 'ws'
import { method } from '../../../src/rpc/dispatch.ts'
import { MAX_WS_MESSAGE_BYTES, MAX_WS_MESSAGES_IN_FLIGHT, WS_PING_INTERVAL_MS } from '../../../src/rpc/limits.ts'
import { ethSubscribeMethods } from '../../../src/rpc/methods/eth-subscribe.ts'
import { data } from '../../../src/rpc/schema.ts'
import type { RpcServer } from '../../../src/rpc/server.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { fakeBackends } from './fake-backends.ts'
import { createServing, eventServices, type Serving, TestEvents } from './serving.ts'

const servers: RpcServer[] = []
const sockets: WebSocket[] = []
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.terminate()
  for (const server of servers.splice(0)) await server.stop()
})

async function serve(serving: Omit<Serving, 'methods'> = {}) {
  const events = new TestEvents()
  const opened = Promise.withResolvers<void>()
  let entered = 0
  const methods = {
    ...ethSubscribeMethods(eventServices({ events })),
    size: method({ summary: '', result: {}, params: { data }, handler: ({ data }) => data.length }),
    wait: method({
      summary: '',
      result: {},
      params: {},
      handler: async () => {
        entered++
        await opened.promise
        return 'waited'
      },
    }),
  }
  const server = createServing({ methods, ...serving })
  servers.push(server)
  const url = (await server.start()).replace('http', 'ws')
  return { server, url, events, open: opened.resolve, entered: () => entered }
}

async function open(url: string, options: WebSocket.ClientOptions = {}) {
  const socket = new WebSocket(url, options)
  sockets.push(socket)
  const answers: { id?: unknown; result?: unknown; error?: unknown }[] = []
  socket.on('message', (text) => answers.push(JSON.parse(text.toString())))
  const closed = once(socket, 'close').then(([code]) => code as number)
  await once(socket, 'open')
  const send = (name: string, params: unknown[] = [], id: unknown = 1) =>
    socket.send(JSON.stringify({ jsonrpc: '2.0', id, method: name, params }))
  return { socket, answers, closed, send }
}

/** The status that an upgrade is refused with. */
async function refused(url: string, options: WebSocket.ClientOptions): Promise<number> {
  const socket = new WebSocket(url, options)
  socket.on('error', () => {})
  const [, response] = await once(socket, 'unexpected-response')
  socket.terminate()
  return response.statusCode
}

test('a foreign page, a foreign host, somebody unknown and another path are refused before the upgrade', async () => {
  const { url } = await serve({ credentials: { bearerTokens: ['a-token-of-some-length'] } })
  const authorization = 'Bearer a-token-of-some-length'
  expect(await refused(url, { origin: 'http://evil.test', headers: { authorization } })).toBe(403)
  expect(await refused(url, { headers: { authorization, host: 'evil.test' } })).toBe(403)
  expect(await refused(url, {})).toBe(401)
  expect(await refused(`${url}/elsewhere`, { headers: { authorization } })).toBe(404)
  const { send, answers } = await open(url, { headers: { authorization } })
  send('size', ['0x01'])
  await expect.poll(() => answers).toEqual([{ jsonrpc: '2.0', id: 1, result: 1 }])
})

test('a message at the limit is answered; one byte more ends the connection with 1009', async () => {
  const { url } = await serve()
  const { socket, answers, closed } = await open(url)
  const message = '{"jsonrpc":"2.0","id":1,"method":"size","params":["0x01"]}'
  socket.send(message.padEnd(MAX_WS_MESSAGE_BYTES))
  await expect.poll(() => answers).toMatchObject([{ result: 1 }])
  socket.send(message.padEnd(MAX_WS_MESSAGE_BYTES + 1))
  expect(await closed).toBe(1009)
})

test('what is no text or no UTF-8 ends the connection; what is no JSON-RPC is answered', async () => {
  const { url } = await serve()
  const binary = await open(url)
  binary.socket.send(Buffer.from('{}'))
  expect(await binary.closed).toBe(1003)
  const garbled = await open(url)
  garbled.socket.send(Buffer.from([0xff, 0xfe]), { binary: false })
  expect(await garbled.closed).toBe(1007)
  const odd = await open(url)
  for (const text of ['', 'x', '[]', '1']) odd.socket.send(text)
  await expect.poll(() => odd.answers).toHaveLength(4)
})

test('no more than a bounded number of messages is under way; the others wait their turn', async () => {
  const { url, entered, open: release } = await serve()
  const { send, answers } = await open(url)
  const beyond = MAX_WS_MESSAGES_IN_FLIGHT + 5
  for (let id = 0; id < beyond; id++) send('wait', [], id)
  await expect.poll(entered).toBe(MAX_WS_MESSAGES_IN_FLIGHT)
  release()
  await expect.poll(() => answers).toHaveLength(beyond)
})

test('a subscription is confirmed before its first event', async () => {
  const { url, events } = await serve()
  const { send, answers } = await open(url)
  send('eth_subscribe', ['newHeads'])
  const [, header] = fakeBackends({ blocks: [{}] }).blocks
  await expect
    .poll(() => {
      events.emit({ type: 'head', connected: [{ header: header!, logs: [] }], disconnected: [] })
      return answers.length
    })
    .toBeGreaterThan(1)
  expect(answers[0]).toMatchObject({ id: 1, result: expect.stringMatching(/^0x/) })
  expect(answers[1]).toMatchObject({ method: 'eth_subscription', params: { result: { number: '0x1' } } })
})

test('whatever else is answered meanwhile', async () => {
  const { url, events, entered, open: release } = await serve()
  const { socket, send, answers } = await open(url)
  socket.send(
    '[{"jsonrpc":"2.0","id":1,"method":"eth_subscribe","params":["newHeads"]},{"jsonrpc":"2.0","id":2,"method":"wait"}]',
  )
  await expect.poll(entered).toBe(1)
  send('size', ['0x01'])
  await expect.poll(() => answers).toHaveLength(1)
  const [, header] = fakeBackends({ blocks: [{}] }).blocks
  const head = () => events.emit({ type: 'head', connected: [{ header: header!, logs: [] }], disconnected: [] })
  head()
  release()
  await expect.poll(() => answers).toHaveLength(2)
  head()
  await expect
    .poll(() => answers)
    .toMatchObject([{ result: 1 }, [{ id: 1 }, { id: 2 }], { method: 'eth_subscription' }])
})

test('who has gone is not subscribed any more', async () => {
  let entered = 0
  let closed = 0
  const subscribing = Promise.withResolvers<void>()
  const server = createServing({
    methods: {
      late: method({
        summary: '',
        result: {},
        params: {},
        handler: async (_, { subscriber }) => {
          entered++
          await subscribing.promise
          subscriber!.onClose(() => closed++)
          return null
        },
      }),
    },
  })
  servers.push(server)
  const { socket, send } = await open((await server.start()).replace('http', 'ws'))
  send('late')
  await expect.poll(() => entered).toBe(1)
  socket.terminate()
  await expect.poll(() => server.wsConnections).toBe(0)
  subscribing.resolve()
  await expect.poll(() => closed).toBe(1)
})

test('a thousand subscribers are told of every block, in order', async () => {
  const { url, events, server } = await serve()
  const all: Awaited<ReturnType<typeof open>>[] = []
  // No more at once than a listener lets wait.
  while (all.length < 1_000) all.push(...(await Promise.all(Array.from({ length: 100 }, () => open(url)))))
  for (const { send } of all) send('eth_subscribe', ['newHeads'])
  await expect.poll(() => all.every(({ answers }) => answers.length === 1)).toBe(true)
  const [, ...headers] = fakeBackends({ blocks: [{}, {}, {}] }).blocks
  for (const header of headers) events.emit({ type: 'head', connected: [{ header, logs: [] }], disconnected: [] })
  await expect.poll(() => all.every(({ answers }) => answers.length === 1 + headers.length)).toBe(true)
  const told = headers.map(({ header }) => ({ params: { result: { number: `0x${header.number}` } } }))
  for (const { answers } of all) expect(answers.slice(1)).toMatchObject(told)
  for (const { socket } of all) socket.terminate()
  await expect.poll(() => server.wsConnections).toBe(0)
})

test('a subscriber that does not read is cut off, and the others are told', async () => {
  const { url, events, server } = await serve()
  const deaf = await open(url)
  const well = await open(url)
  for (const { send } of [deaf, well]) send('eth_subscribe', ['newHeads'])
  await expect.poll(() => [deaf.answers.length, well.answers.length]).toEqual([1, 1])
  deaf.socket.pause()
  const [, header] = fakeBackends({ blocks: [{}] }).blocks
  const connected = Array.from({ length: 1_000 }, () => ({ header: header!, logs: [] }))
  let told = 0
  await expect
    .poll(() => {
      // Not faster than somebody reads who does.
      if (well.answers.length === 1 + told) {
        events.emit({ type: 'head', connected, disconnected: [] })
        told += connected.length
      }
      return server.wsConnections
    })
    .toBe(1)
  await expect.poll(() => well.answers.length).toBe(1 + told)
})

describe('with time', () => {
  test('who answers pings stays; who has gone silent is cut after two', async () => {
    const clock = new ManualClock(0)
    const { url, server } = await serve({ clock })
    const alive = await open(url)
    const silent = await open(url, { autoPong: false })
    await expect.poll(() => server.wsConnections).toBe(2)
    clock.advance(WS_PING_INTERVAL_MS)
    await once(alive.socket, 'ping')
    alive.send('size', ['0x01'])
    await expect.poll(() => alive.answers).toHaveLength(1)
    clock.advance(WS_PING_INTERVAL_MS)
    expect(await silent.closed).toBe(1006)
    await expect.poll(() => server.wsConnections).toBe(1)
  })

  test('who begins a message and never ends it is cut', async () => {
    const clock = new ManualClock(0)
    const { url, server } = await serve({ clock })
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    socket.write(
      'GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n',
    )
    await once(socket, 'data')
    // A masked text frame that promises 1,000 bytes.
    socket.write(Buffer.from([0x81, 0xfe, 0x03, 0xe8, 0, 0, 0, 0, 0x7b]))
    await expect.poll(() => server.wsConnections).toBe(1)
    socket.resume()
    const closed = once(socket, 'close')
    await expect
      .poll(() => {
        clock.advance(WS_PING_INTERVAL_MS)
        return server.wsConnections
      })
      .toBe(0)
    await closed
  })
})

test('stopping answers what is under way and says 1001', async () => {
  const { url, server, entered, open: release } = await serve()
  const { send, answers, closed } = await open(url)
  send('wait')
  await expect.poll(entered).toBe(1)
  const stopped = server.stop()
  release()
  expect(await closed).toBe(1001)
  expect(answers).toEqual([{ jsonrpc: '2.0', id: 1, result: 'waited' }])
  await stopped
})
