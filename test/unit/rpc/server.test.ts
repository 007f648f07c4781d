import { request } from 'node:http'
import { afterEach, expect, test } from 'vitest'
import { method } from '../../../src/rpc/dispatch.ts'
import { MAX_BODY_BYTES } from '../../../src/rpc/limits.ts'
import { data } from '../../../src/rpc/schema.ts'
import type { RpcServer } from '../../../src/rpc/server.ts'
import { createServing } from './serving.ts'

const running: RpcServer[] = []
afterEach(async () => {
  for (const server of running.splice(0)) await server.stop()
})

async function listen() {
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
  const server = createServing({ methods })
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

test('a port in use is told by the error code', async () => {
  const { url } = await listen()
  const second = createServing({ methods: {}, port: Number(new URL(url).port) })
  await expect(second.start()).rejects.toMatchObject({ code: 'EADDRINUSE' })
})
