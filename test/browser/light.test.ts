import { existsSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { build } from 'esbuild'
import { type Browser, chromium } from 'playwright-core'
import { afterAll, expect, test } from 'vitest'
import { devAccounts, devGenesis } from '../../src/node/dev.ts'
import { toHex } from '../../src/primitives/bytes.ts'
import { startNode, walletOf } from '../support/network-nodes.ts'

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync)
const [RICH, OTHER] = devAccounts().map(({ address }) => toHex(address)) as [`0x${string}`, `0x${string}`]
const PAGE = `<!doctype html><meta charset="utf-8"><title>idobata</title>
<p>balance <b id="balance"></b> at block <b id="block"></b>, <b id="bytes"></b> bytes, <i id="client"></i>: <b id="state">running</b></p>
<script type="module" src="/page.js"></script>`

let browser: Browser | undefined
let server: Server | undefined
afterAll(async () => {
  await browser?.close()
  server?.close()
})

/** The page and the node in it as one file, as any application's bundler would make it. */
async function bundle(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [new URL('page.ts', import.meta.url).pathname],
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2024',
    write: false,
    logLevel: 'error',
  })
  return outputFiles[0]!.text
}

/** Serves the page on loopback. @returns its address. */
async function serve(script: string, settings: unknown): Promise<string> {
  const contents: Readonly<Record<string, readonly [type: string, body: string]>> = {
    '/': ['text/html', PAGE],
    '/page.js': ['text/javascript', script],
    '/settings.json': ['application/json', JSON.stringify(settings)],
  }
  server = createServer((request, response) => {
    const found = contents[request.url!]
    response.writeHead(found ? 200 : 404, { 'content-type': found?.[0] ?? 'text/plain' }).end(found?.[1])
  })
  await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

test('a page in a browser proves a balance to itself', { timeout: 180_000 }, async ({ skip }) => {
  if (CHROMIUM === undefined) skip('there is no Chromium here')
  const full = await startNode({ mine: true, network: { transports: ['ws'] } })
  await walletOf(full).sendTransaction({ to: OTHER, value: 5n })
  const bootnode = full.addresses[0]!
  expect(bootnode).toContain('/ws/')
  const url = await serve(await bundle(), { genesis: devGenesis(), bootnode, address: RICH })
  browser = await chromium.launch({ executablePath: CHROMIUM!, args: ['--no-sandbox'] })
  const page = await browser.newPage()
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(String(error)))
  await page.goto(url)
  await page.waitForFunction("document.getElementById('state').textContent !== 'running'", undefined, {
    timeout: 60_000,
  })
  const shown = (id: string) => page.textContent(`#${id}`)
  expect(complaints).toEqual([])
  expect(await shown('state')).toBe('done')
  expect(await shown('block')).toBe('0x1')
  expect(await shown('balance')).toBe(await full.request({ method: 'eth_getBalance', params: [RICH] }))
  expect(await shown('client')).toBe('idobata/0.1.0/web/light')
  expect(Number(await shown('bytes'))).toBeLessThan(100_000)
})
