import assert from 'node:assert/strict'
import { Client } from 'undici'
import { privateKeyToAccount } from 'viem/accounts'
import WebSocket from 'ws'
import { devAccounts } from '../src/node/dev.ts'
import { toHex } from '../src/primitives/bytes.ts'
import { encodePost, HttpConnection } from './support/http-connection.ts'
import { accountAddress } from './support/network.ts'
import { rawTransfers, type SendRun } from './support/transfers.ts'

/**
 * Clients of an RPC server, in a process of their own on the same cores. Prints one JSON line.
 * Usage: node rpc-load-run.ts
 *   reads BARE_URL NODE_URL SLICE_MS ROUNDS          medians of calls a second, the three sides taking turns
 *   send NODE_URL ACCOUNTS FIRST BATCHES IN_FLIGHT   transactions admitted a second, and when it began; FIRST batches were
 *                                                    sent before
 *   heads NODE_URL SUBSCRIBERS                       milliseconds from a transaction to the last one that was told of its
 *                                                    block; keeps the connections until standard input ends
 */
const CONNECTIONS = 50
const BATCH = 100
/** Counted, not parsed: the client takes its share of the same cores. */
const HASHES = /"result":"0x[0-9a-f]{64}"/g

const [mode, ...args] = process.argv.slice(2)
if (mode === 'reads') await reads(args[0]!, args[1]!, Number(args[2]), Number(args[3]))
else if (mode === 'send') {
  const [accounts, first, batches, inFlight] = args.slice(1).map(Number)
  await send(args[0]!, accounts!, first!, batches!, inFlight!)
} else await heads(args[0]!, Number(args[1]))

function call(method: string, params: readonly unknown[], id: number | string = 1): object {
  return { jsonrpc: '2.0', id, method, params }
}

async function post(client: Client, body: string | Buffer): Promise<string> {
  const headers = { 'content-type': 'application/json' }
  const response = await client.request({ path: '/', method: 'POST', headers, body })
  const text = await response.body.text()
  assert.equal(response.statusCode, 200, text)
  return text
}

async function reads(bareUrl: string, nodeUrl: string, sliceMs: number, rounds: number): Promise<void> {
  const blockNumber = JSON.stringify(call('eth_blockNumber', []))
  const balance = JSON.stringify(call('eth_getBalance', [toHex(accountAddress(0, new Set([0]))), 'latest']))
  const sides = [
    { url: bareUrl, body: blockNumber },
    { url: nodeUrl, body: blockNumber },
    { url: nodeUrl, body: balance },
  ].map(({ url, body }) => ({
    clients: Array.from({ length: CONNECTIONS }, () => new Client(url)),
    body,
    rates: [] as number[],
  }))
  for (const { clients, body } of sides) {
    assert.match(await post(clients[0]!, body), /"result"/)
    await slice(clients, body, sliceMs)
  }
  for (let round = 0; round < rounds; round++) {
    for (const { clients, body, rates } of sides) rates.push(await slice(clients, body, sliceMs))
  }
  const [bare, block, account] = sides.map(({ rates }) => median(rates))
  console.log(JSON.stringify({ bare, blockNumber: block, balance: account }))
  await Promise.all(sides.flatMap(({ clients }) => clients.map((client) => client.close())))
}

/** @returns calls a second. */
async function slice(clients: readonly Client[], body: string, forMs: number): Promise<number> {
  const startMs = performance.now()
  let done = 0
  const loop = async (client: Client) => {
    while (performance.now() - startMs < forMs) {
      await post(client, body)
      done++
    }
  }
  await Promise.all(clients.map(loop))
  return (done / (performance.now() - startMs)) * 1000
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}

async function send(url: string, accounts: number, first: number, batches: number, inFlight: number): Promise<void> {
  const requests = Array.from({ length: batches }, (_, batch) => {
    const transfers = rawTransfers(accounts, (first + batch) * BATCH, BATCH)
    return encodePost(url, JSON.stringify(transfers.map((raw, i) => call('eth_sendRawTransaction', [raw], i))))
  })
  const connections = await Promise.all(Array.from({ length: inFlight }, () => HttpConnection.open(url)))
  let next = 0
  const startedMs = Date.now()
  const startMs = performance.now()
  const loop = async (connection: HttpConnection) => {
    while (next < requests.length) {
      const answers = await connection.post(requests[next++]!)
      assert.equal(answers.match(HASHES)?.length, BATCH, answers)
    }
  }
  await Promise.all(connections.map(loop))
  const perSecond = ((batches * BATCH) / (performance.now() - startMs)) * 1000
  console.log(JSON.stringify({ perSecond, startedMs } satisfies SendRun))
  for (const connection of connections) connection.close()
}

async function heads(url: string, subscribers: number): Promise<void> {
  const sockets = await Promise.all(Array.from({ length: subscribers }, () => subscribe(url)))
  const told = Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('message', resolve))))
  const client = new Client(url)
  const raw = await devTransfer()
  const startMs = performance.now()
  const answer = await post(client, JSON.stringify(call('eth_sendRawTransaction', [raw])))
  assert.match(answer, /"result"/)
  await told
  console.log(JSON.stringify({ lastMs: performance.now() - startMs }))
  process.stdin.resume().once('end', () => {
    for (const socket of sockets) socket.terminate()
    void client.close()
  })
}

/** The first transfer of the development network's first account. */
function devTransfer(): Promise<string> {
  const [account] = devAccounts()
  return privateKeyToAccount(toHex(account!.privateKey) as `0x${string}`).signTransaction({
    chainId: 31_337,
    nonce: 0,
    to: `0x${'0b'.repeat(20)}`,
    value: 1n,
    gas: 21_000n,
    maxFeePerGas: 10n ** 10n,
    maxPriorityFeePerGas: 10n ** 9n,
  })
}

/** Resolves when the server has confirmed the subscription. */
function subscribe(url: string): Promise<WebSocket> {
  const socket = new WebSocket(url.replace('http', 'ws'))
  socket.once('open', () => socket.send(JSON.stringify(call('eth_subscribe', ['newHeads']))))
  return new Promise((resolve, reject) => {
    socket.once('message', () => resolve(socket))
    socket.once('error', reject)
  })
}
