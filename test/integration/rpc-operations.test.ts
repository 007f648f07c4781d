import { once } from 'node:events'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SignJWT } from 'jose'
import { afterAll, afterEach, expect, test } from 'vitest'
import WebSocket from 'ws'
import { NodeProcess, run } from '../support/node-process.ts'
import { temporaryDirectory } from '../support/test-chain.ts'

/** A node process as its operator meets it. */

const directory = temporaryDirectory()
afterAll(() => rmSync(directory, { recursive: true, force: true }))
const running: NodeProcess[] = []
afterEach(async () => {
  for (const node of running.splice(0)) await node.kill()
})

function start(args: readonly string[], environment: Record<string, string> = {}): NodeProcess {
  const node = new NodeProcess(['start', '--dev', '--http.port', '0', ...args], environment)
  running.push(node)
  return node
}

const call = (method: string, params: unknown[] = []) => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
})

test('every metric that the dashboard shows is there, and chain and calls are counted', async () => {
  const url = await start(['--metrics']).rpcUrl()
  await (await fetch(url, call('evm_mine'))).text()
  await (await fetch(url, call('eth_nothing'))).text()
  const metrics = await (await fetch(`${url}/metrics`)).text()
  const names = new Set([...metrics.matchAll(/^(\w+)[ {]/gm)].map(([, name]) => name))
  const file = new URL('../../ops/grafana/idobata.json', import.meta.url)
  const { panels } = JSON.parse(readFileSync(file, 'utf8')) as { panels: { targets: { expr: string }[] }[] }
  const shown = panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => expr.match(/\b(ethereum|idobata)_\w+/g)))
  expect(shown.length).toBeGreaterThan(15)
  expect(shown.filter((name) => !names.has(name!))).toEqual([])
  expect(metrics).toMatch(/^ethereum_blockchain_height 1$/m)
  expect(metrics).toMatch(/^ethereum_best_known_block_number 1$/m)
  expect(metrics).toMatch(/^idobata_rpc_call_duration_seconds_count\{method="evm_mine",code=""\} 1$/m)
  expect(metrics).toMatch(/^idobata_rpc_call_duration_seconds_count\{method="unknown",code="-32601"\} 1$/m)
})

test('SIGTERM says goodbye to WebSockets with 1001 and ends with 0', async () => {
  const node = start([])
  const url = await node.rpcUrl()
  const socket = new WebSocket(url.replace('http', 'ws'))
  await once(socket, 'open')
  const closed = once(socket, 'close')
  node.signal('SIGTERM')
  expect((await closed)[0]).toBe(1001)
  expect(await node.ended()).toMatchObject({ exitCode: 0, stderr: '' })
})

test('listening beyond this machine takes credentials or a word; privileged namespaces take credentials', async () => {
  const refusal = (text: string) => ({
    exitCode: 2,
    stderr: expect.stringMatching(new RegExp(`^idobata: [^\\n]*${text}[^\\n]*\\n$`)),
  })
  const datadir = ['--datadir', join(directory, 'open'), '--http.port', '0']
  expect(await run(['start', '--http.addr', '0.0.0.0', ...datadir])).toMatchObject(refusal('--http.addr: 0.0.0.0'))
  expect(
    await run(['start', '--http.addr', '0.0.0.0', '--http.insecure', '--http.api', 'eth,admin', ...datadir]),
  ).toMatchObject(refusal('--http.api: admin'))
  expect(await run(['start', '--http.api', 'eth,everything', ...datadir])).toMatchObject(
    refusal('--http.api: .*"everything"'),
  )
  for (const namespaces of [
    ['--http.api', 'eth,miner'],
    ['--ws.api', 'eth,admin'],
  ]) {
    expect(await run(['start', '--dev', '--http.addr', '0.0.0.0', '--http.insecure', ...namespaces])).toMatchObject(
      refusal('--http.api: (admin|miner)'),
    )
  }
  await start(['--http.addr', '0.0.0.0', '--http.insecure']).rpcUrl()
})

const NO_PEERS = ['--p2p', '--p2p.addr', '127.0.0.1', '--port', '0', '--nodiscover', '--maxpeers', '7', '--metrics']

test('a node among others is not ready without a peer, and says so', async () => {
  const node = new NodeProcess(['start', '--datadir', join(directory, 'peerless'), '--http.port', '0', ...NO_PEERS])
  running.push(node)
  const url = await node.rpcUrl()
  const ready = await fetch(`${url}/readyz?verbose`)
  expect(ready.status).toBe(503)
  expect(await ready.text()).toMatch(/^\[-\]peers failed: 0 of 7$/m)
  const metrics = await (await fetch(`${url}/metrics`)).text()
  expect(metrics).toMatch(/^ethereum_peer_limit 7$/m)
  expect(metrics).toMatch(/^ethereum_peer_count 0$/m)
})

test('the first node of a network is ready by the blocks it makes, one that was told of others is not', async () => {
  const first = await start(NO_PEERS).rpcUrl()
  const ready = await fetch(`${first}/readyz?verbose`)
  expect(await ready.text()).toMatch(/^\[\+\]peers ok: 0 of 7, makes blocks itself$/m)
  expect(ready.status).toBe(200)
  // Nobody listens there.
  const nowhere = '/ip4/127.0.0.1/tcp/1/p2p/12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp'
  const later = await start([...NO_PEERS, '--bootnodes', nowhere]).rpcUrl()
  expect((await fetch(`${later}/readyz`)).status).toBe(503)
})

test('namespaces that are not served do not exist', async () => {
  const url = await start(['--http.api', 'net,web3', '--ws.api', 'eth']).rpcUrl()
  const answer = async (method: string) => (await fetch(url, call(method))).json()
  expect(await answer('net_version')).toMatchObject({ result: '31337' })
  expect(await answer('eth_chainId')).toMatchObject({ error: { code: -32601 } })
  const socket = new WebSocket(url.replace('http', 'ws'))
  await once(socket, 'open')
  socket.send(call('eth_chainId').body)
  const [text] = await once(socket, 'message')
  expect(JSON.parse(text)).toMatchObject({ result: '0x7a69' })
  socket.terminate()
})

test('secrets never come into the log, nor into what anybody is told', async () => {
  const canary = 'canary1b3c5d7e9f'
  const hex = `${'c0ffee11'.repeat(8)}`
  const tokens = join(directory, 'tokens')
  const jwt = join(directory, 'jwt.hex')
  writeFileSync(tokens, `${canary}-token-of-the-file\n`)
  writeFileSync(jwt, hex)
  const node = start(['--verbosity', '4', '--metrics', '--http.tokenfile', tokens, '--http.jwtsecret', jwt], {
    IDOBATA_PASSWORD: `${canary}-password`,
  })
  const url = await node.rpcUrl()
  const told: string[] = []
  const ask = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(url + path, init)
    told.push(await response.text(), JSON.stringify([...response.headers]))
    return response.status
  }
  const signed = await new SignJWT({}).setProtectedHeader({ alg: 'HS256' }).setIssuedAt().sign(Buffer.from(hex, 'hex'))
  const withToken = (token: string) => ({
    ...call('eth_chainId'),
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
  })
  expect(await ask('/', withToken(`${canary}-token-of-the-file`))).toBe(200)
  expect(await ask('/', withToken(signed))).toBe(200)
  expect(await ask('/', withToken(`${canary}-wrong`))).toBe(401)
  expect(await ask('/metrics', { headers: { authorization: `Bearer ${canary}-wrong` } })).toBe(401)
  // Mistakes that people make: a key or a password where it does not belong.
  const known = withToken(`${canary}-token-of-the-file`)
  for (const method of [
    'eth_sendRawTransaction',
    'eth_getBalance',
    'eth_getTransactionByHash',
    'eth_sign',
    'personal_unlockAccount',
  ]) {
    for (const params of [
      [`0x${hex}`],
      [`${canary}-password`],
      [{ privateKey: `0x${hex}` }],
      { password: `${canary}-password` },
    ]) {
      await ask('/', { ...known, body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }) })
    }
  }
  await ask(`/${canary}-path`)
  const socket = new WebSocket(url.replace('http', 'ws'), { headers: { authorization: `Bearer ${canary}-wrong` } })
  socket.on('error', () => {})
  await once(socket, 'unexpected-response')
  socket.terminate()
  node.signal('SIGTERM')
  const { stdout, stderr, exitCode } = await node.ended()
  expect(exitCode).toBe(0)
  for (const secret of [canary, hex, signed, 'c0ffee11']) expect(stdout + stderr).not.toContain(secret)
  for (const secret of [`${canary}-token`, `${canary}-wrong`, signed]) expect(told.join('\n')).not.toContain(secret)

  const bad = join(directory, 'bad.hex')
  writeFileSync(bad, `${canary}`)
  for (const [flag, variable] of [
    ['--http.jwtsecret', 'IDOBATA_HTTP_JWTSECRET'],
    ['--http.tokenfile', 'IDOBATA_HTTP_TOKENFILE'],
  ] as const) {
    // In the place of the file's name.
    for (const ending of [
      await run(['start', '--dev', flag, canary]),
      await run(['start', '--dev'], { [variable]: canary }),
    ]) {
      expect(ending).toEqual({
        exitCode: 2,
        stdout: '',
        stderr: `idobata: ${flag}: the file cannot be read (ENOENT)\n`,
      })
    }
    const content = flag === '--http.tokenfile' ? `${canary} with spaces` : canary
    writeFileSync(bad, content)
    const ending = await run(['start', '--dev', flag, bad])
    expect(ending.exitCode).toBe(2)
    expect(ending.stdout + ending.stderr).not.toContain(canary)
  }
  // Seven processes, one after the other.
}, 240_000)
