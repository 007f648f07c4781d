import { createLightNode, type LightNode, parseGenesis } from '../../src/light.ts'

/** What the page is told by whoever serves it. */
interface PageSettings {
  readonly genesis: unknown
  /** Of a WebSocket listener. */
  readonly bootnode: string
  readonly address: string
}

/** A wallet's page: a light node in it, and a balance that is proven. What fails is shown too. */
async function show(): Promise<void> {
  const settings = (await (await fetch('/settings.json')).json()) as PageSettings
  const node: LightNode = createLightNode({
    genesis: parseGenesis(settings.genesis),
    bootnodes: [settings.bootnode],
    vouchers: 1,
  })
  await node.start()
  await node.waitUntilSynced()
  const ask = (method: string, ...params: unknown[]) => node.request({ method, params })
  tell('balance', String(await ask('eth_getBalance', settings.address, 'latest')))
  tell('block', String(await ask('eth_blockNumber')))
  tell('client', String(await ask('web3_clientVersion')))
  tell('bytes', String(node.status().receivedBytes))
  await node.stop()
  tell('state', 'done')
}

function tell(id: string, text: string): void {
  const { document } = globalThis as unknown as { document: { getElementById(id: string): { textContent: string } } }
  document.getElementById(id).textContent = text
}

show().catch((error: Error) => tell('state', `failed: ${error.stack}`))
