import { once } from 'node:events'
import { rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { createRpcClient, RpcClient } from '../../../src/cli/rpc-client.ts'
import { systemClock } from '../../../src/node/system.ts'
import { Authenticator, type Credentials } from '../../../src/rpc/authenticator.ts'
import { temporaryDirectory } from '../../support/test-chain.ts'

let server: Server
afterEach(() => server.close())

async function answering(status: number, body: string): Promise<RpcClient> {
  server = createServer((_, response) => response.writeHead(status).end(body)).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  return new RpcClient(`http://127.0.0.1:${(server.address() as { port: number }).port}`)
}

test('what a server says that refuses to be asked is passed on', async () => {
  const client = await answering(403, 'invalid host specified; see --http.vhosts\nmore')
  await expect(client.call('eth_chainId')).rejects.toThrow(
    'does not answer as a JSON-RPC server: HTTP status 403, "invalid host specified; see --http.vhosts"',
  )
})

test('a node without peers is told from a wrong call', async () => {
  const client = await answering(
    200,
    '{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"the method does not exist"}}',
  )
  await expect(client.call('idobata_peers')).rejects.toThrow('has no idobata_peers: it may run without peers')
  await expect(client.call('eth_nothing')).rejects.toThrow('eth_nothing: the method does not exist (code -32601)')
})

/** A server that answers those whom it knows, and what is needed to be known. */
async function knowing(credentials: Credentials): Promise<string> {
  const authenticator = new Authenticator(credentials, { clock: systemClock })
  server = createServer(async ({ headers }, response) => {
    const refusal = await authenticator.check(headers.authorization)
    response.writeHead(refusal?.status ?? 200).end('{"jsonrpc":"2.0","id":1,"result":true}')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`
}

test('who calls is said by a token, or by one signed for each call, which is stale two minutes later', async () => {
  const directory = temporaryDirectory()
  const [tokenFile, secretFile] = ['token', 'secret'].map((name) => join(directory, name))
  writeFileSync(tokenFile!, 'known\nold\n')
  writeFileSync(secretFile!, `0x${'5e'.repeat(32)}\n`)
  const rpc = await knowing({ bearerTokens: ['known'], jwtSecret: new Uint8Array(32).fill(0x5e) })
  const none = { rpc, 'rpc.tokenfile': undefined, 'rpc.jwtsecret': undefined }

  const signing = await createRpcClient({ ...none, 'rpc.jwtsecret': secretFile })
  expect(await signing.call('eth_chainId')).toBe(true)
  const later = systemClock.nowMs() + 120_000
  vi.spyOn(systemClock, 'nowMs').mockReturnValue(later)
  expect(await signing.call('eth_chainId')).toBe(true)
  vi.restoreAllMocks()

  const telling = await createRpcClient({ ...none, 'rpc.tokenfile': tokenFile })
  expect(await telling.call('eth_chainId')).toBe(true)
  await expect((await createRpcClient(none)).call('eth_chainId')).rejects.toThrow(
    'wants to know who calls; give --rpc.tokenfile or --rpc.jwtsecret',
  )
  const wrong = createRpcClient({ ...none, 'rpc.jwtsecret': tokenFile })
  await expect(wrong).rejects.toThrow(/^--rpc\.jwtsecret: the file is not 64 hex digits$/)
  rmSync(directory, { recursive: true })
})
