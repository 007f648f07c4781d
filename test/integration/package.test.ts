import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { temporaryDirectory } from '../support/test-chain.ts'

/** The package as others get it: packed, installed into a project of its own, run and type-checked there. */

const ROOT = new URL('../..', import.meta.url).pathname
const BIN = join(ROOT, 'node_modules/.bin')
/** npm, and the package's own shebang, are to find the Node that the project is developed with. */
const env = { ...process.env, PATH: `${BIN}:${process.env.PATH}` }
/** What npm says when there is no registry, in place of what is wrong with the package. */
const NO_REGISTRY = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ENOTCACHED/
const INSTALL_MS = 480_000

const directory = temporaryDirectory()
const project = join(directory, 'project')
const children: ChildProcess[] = []
let unreachable: string | undefined

const run = (command: string, args: readonly string[], cwd = project) =>
  promisify(execFile)(command, args, { cwd, env })

beforeAll(async () => {
  await run('npm', ['pack', '--pack-destination', directory], ROOT)
  const [tarball] = readdirSync(directory).filter((name) => name.endsWith('.tgz'))
  mkdirSync(project)
  writeFileSync(join(project, 'package.json'), '{ "name": "project", "private": true, "type": "module" }')
  const install = ['install', '--prefer-offline', '--no-audit', '--no-fund', join(directory, tarball!)]
  await run('npm', install).catch((error: Error & { stderr: string }) => {
    unreachable = NO_REGISTRY.exec(error.stderr)?.[0]
    if (unreachable === undefined) throw error
  })
}, INSTALL_MS)

afterAll(async () => {
  for (const child of children) {
    if (child.exitCode === null && child.kill('SIGKILL')) await once(child, 'exit')
  }
  rmSync(directory, { recursive: true, force: true })
  rmSync(join(ROOT, 'dist'), { recursive: true, force: true })
})

function installed(name: string, body: () => Promise<void>): void {
  test(name, async ({ skip }) => {
    if (unreachable !== undefined) skip(`npm reaches no registry: ${unreachable}`)
    await body()
  })
}

installed('the command tells its version', async () => {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }
  expect((await run('npx', ['--no-install', 'idobata', '--version'])).stdout).toBe(`${version}\n`)
})

installed('the command runs a development node, workers included, and stops cleanly', async () => {
  const child = spawn(join(project, 'node_modules/.bin/idobata'), ['start', '--dev', '--http.port', '0'], {
    cwd: project,
    env: { ...env, TMPDIR: directory },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  let url: string | undefined
  for await (const line of createInterface(child.stdout!)) {
    url = (JSON.parse(line) as { url?: string }).url
    if (url) break
  }
  const ask = async (method: string, ...params: unknown[]) => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
    const response = await fetch(url!, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
    return ((await response.json()) as { result: unknown }).result
  }
  const [from, to] = (await ask('eth_accounts')) as string[]
  const hash = await ask('eth_sendTransaction', { from, to, value: '0x1' })
  expect(await ask('eth_getTransactionReceipt', hash)).toMatchObject({ status: '0x1', blockNumber: '0x1' })
  child.kill('SIGTERM')
  expect(await once(child, 'exit')).toEqual([0, null])
})

installed('a program imports it, finds the network shipped with it, and mines on one of its own', async () => {
  const source = `
    import { createFullNode, parseGenesis } from 'idobata'
    const shipped = createFullNode({ datadir: 'shipped' })
    await shipped.start()
    console.log(await shipped.request({ method: 'eth_chainId' }))
    await shipped.stop()
    const genesis = parseGenesis({
      config: { chainId: 7, idobata: { engine: 'pow' } },
      difficulty: 16,
      gasLimit: 120000000,
      extraData: '0x' + '00'.repeat(32),
    })
    const node = createFullNode({ datadir: 'own', genesis, mining: { threads: 1 } })
    const mined = new Promise((resolve) => node.onHead(resolve))
    await node.start()
    console.log((await mined).number)
    await node.stop()`
  writeFileSync(join(project, 'program.mjs'), source)
  expect((await run(process.execPath, ['program.mjs'])).stdout).toBe('0x4e95\n1\n')
})

installed('a program has a light node of the entry for browsers', async () => {
  const source = `
    import { createFullNode, parseGenesis } from 'idobata'
    import { createLightNode } from 'idobata/light'
    const genesis = parseGenesis({
      config: { chainId: 8, idobata: { engine: 'pow' } },
      // A light node answers from no block that is old.
      timestamp: Math.floor(Date.now() / 1000),
      difficulty: 16,
      gasLimit: 120000000,
      extraData: '0x' + '00'.repeat(32),
      alloc: { ['0x' + '0b'.repeat(20)]: { balance: '0x7' } },
    })
    const network = { addr: '127.0.0.1', port: 0, transports: ['ws'], bootnodes: [], maxPeers: 8 }
    const full = createFullNode({ datadir: 'served', genesis, network })
    await full.start()
    const light = createLightNode({ genesis, bootnodes: full.addresses, vouchers: 1 })
    await light.start()
    await light.waitUntilSynced()
    console.log(await light.request({ method: 'eth_getBalance', params: ['0x' + '0b'.repeat(20), 'latest'] }))
    await light.stop()
    await full.stop()`
  writeFileSync(join(project, 'light.mjs'), source)
  expect((await run(process.execPath, ['light.mjs'])).stdout).toBe('0x7\n')
})

installed('a program in TypeScript is checked against its types', async () => {
  const source = (number: string) => `
    import { createFullNode, type FullNode, type FullNodeOptions, ProviderError, parseGenesis } from 'idobata'
    const options: FullNodeOptions = { dev: true, http: { host: '127.0.0.1', port: 0 }, genesis: parseGenesis({}) }
    export const node: FullNode = createFullNode(options)
    export const end: () => void = node.onHead(({ number, hashHex }) => [number satisfies ${number}, hashHex satisfies string])
    export const code = (error: unknown): number => (error instanceof ProviderError ? error.code : 0)`
  const check = (name: string, text: string) => {
    writeFileSync(join(project, name), text)
    const options = [
      '--noEmit',
      '--strict',
      '--module',
      'nodenext',
      '--target',
      'es2024',
      '--exactOptionalPropertyTypes',
    ]
    return run(join(BIN, 'tsc'), [...options, name])
  }
  await check('right.ts', source('number'))
  await expect(check('wrong.ts', source('string'))).rejects.toMatchObject({
    stdout: expect.stringMatching(/^wrong\.ts\(5,\d+\): error TS1360/),
  })
})
