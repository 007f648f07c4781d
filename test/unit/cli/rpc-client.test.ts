import { createServer, type Server } from 'node:http'
import { afterEach, expect, test } from 'vitest'
import { RpcClient } from '../../../src/cli/rpc-client.ts'

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
