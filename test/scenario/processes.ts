import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { RpcClient } from '../../src/cli/rpc-client.ts'
import { NodeProcess, run } from '../support/node-process.ts'
import { temporaryDirectory } from '../support/test-chain.ts'

export interface StartedNode {
  readonly process: NodeProcess
  readonly url: string
  readonly rpc: RpcClient
  /** A multiaddr with the peer id. */
  readonly address: string
  readonly peer: string
  /** Its data directory. */
  readonly home: string
}

export interface NodeSettings {
  /** As in genesis.json. */
  readonly genesis: unknown
  /** A file of blocks that it has before it starts. */
  readonly blocks?: string
  readonly bootnodes?: readonly string[]
  /** That of an earlier one that has ended: the same node again. */
  readonly home?: string
  readonly args?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
}

/** Nodes started at a time. */
const AT_ONCE = 3

/** Nodes as processes of their own on loopback, with RPC open to this one; whatever they leave goes at the end. */
export class NodeProcesses {
  readonly #directory = temporaryDirectory()
  readonly #processes: NodeProcess[] = []
  #homes = 0

  async start(settings: NodeSettings): Promise<StartedNode> {
    const { environment = {} } = settings
    const home = settings.home ?? this.#newHome()
    const process = await this.#spawn(
      { ...settings, home },
      {
        IDOBATA_P2P_ADDR: '127.0.0.1',
        IDOBATA_P2P_TRANSPORTS: 'tcp',
        IDOBATA_PORT: '0',
        IDOBATA_HTTP_API: 'eth,idobata,admin',
        IDOBATA_WS_API: 'eth',
        ...environment,
      },
    )
    const url = await process.rpcUrl()
    const { addresses } = await process.record('listening for peers')
    const [address] = String(addresses).split(' ')
    return { process, url, rpc: new RpcClient(url), address: address!, peer: address!.split('/').at(-1)!, home }
  }

  /** As many, a few at a time: each start takes a second or two of one core. @param settingsOf  of each by its place. */
  async startAll(count: number, settingsOf: (place: number) => NodeSettings): Promise<readonly StartedNode[]> {
    const started: StartedNode[] = []
    while (started.length < count) {
      const places = Array.from({ length: Math.min(AT_ONCE, count - started.length) }, (_, i) => started.length + i)
      started.push(...(await Promise.all(places.map((place) => this.start(settingsOf(place))))))
    }
    return started
  }

  /** A light node; it is not called, so all there is to know of it is where it answers. */
  async startLight(settings: NodeSettings): Promise<Pick<StartedNode, 'process' | 'url' | 'rpc'>> {
    const process = await this.#spawn({ ...settings, args: ['--light', ...(settings.args ?? [])] }, {})
    const url = await process.rpcUrl()
    return { process, url, rpc: new RpcClient(url) }
  }

  #newHome(): string {
    return join(this.#directory, `node-${this.#homes++}`)
  }

  async #spawn(
    { genesis, blocks, bootnodes = [], args = [], home = this.#newHome() }: NodeSettings,
    environment: NonNullable<NodeSettings['environment']>,
  ): Promise<NodeProcess> {
    const file = `${home}.json`
    writeFileSync(file, JSON.stringify(genesis))
    if (blocks !== undefined) {
      const { exitCode, stderr } = await run(['import', blocks, '--datadir', home, '--genesis', file])
      if (exitCode !== 0) throw new Error(`the blocks were not imported: ${stderr}`)
    }
    const process = new NodeProcess(['start', '--datadir', home, '--genesis', file, ...args], {
      IDOBATA_P2P: 'true',
      IDOBATA_HTTP_PORT: '0',
      IDOBATA_BOOTNODES: bootnodes.join(','),
      ...environment,
    })
    this.#processes.push(process)
    return process
  }

  async stop(): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.kill()))
    rmSync(this.#directory, { recursive: true, force: true })
  }
}

export interface PeerLine {
  readonly id: string
  readonly score: number
  readonly route: string
  readonly inbound: boolean
  /** Unix milliseconds. */
  readonly connectedMs: number
}

export async function peersOf({ rpc }: Pick<StartedNode, 'rpc'>): Promise<readonly PeerLine[]> {
  return (await rpc.call('idobata_peers')) as PeerLine[]
}

export async function genesisHashOf({ rpc }: Pick<StartedNode, 'rpc'>): Promise<string> {
  const block = (await rpc.call('eth_getBlockByNumber', ['0x0', false])) as { readonly hash: string }
  return block.hash
}
