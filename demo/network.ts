import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { RpcClient } from '../src/cli/rpc-client.ts'
import { devAccounts } from '../src/node/dev.ts'
import { toHex } from '../src/primitives/bytes.ts'
import { NodeProcess } from '../test/support/node-process.ts'

export interface DemoNode {
  readonly name: string
  readonly url: string
  readonly rpc: RpcClient
}

interface Running extends DemoNode {
  readonly process: NodeProcess
  /** Multiaddrs. */
  readonly addresses: readonly string[]
}

const POLL_MS = 250
/** Waits, of up to 25 s each, that a light node has to get in step. */
const MAX_SYNC_WAITS = 4

/** Nodes as processes of their own, each with a data directory below one, on ports that are free. */
export class DemoNetwork {
  readonly #directory: string
  readonly #genesis: string
  readonly #running = new Map<number, Running>()
  #light: NodeProcess | undefined

  constructor(directory: string) {
    this.#directory = directory
    this.#genesis = join(directory, 'genesis.json')
    writeFileSync(this.#genesis, JSON.stringify(demoGenesis()))
  }

  get running(): readonly DemoNode[] {
    return [...this.#running.values()]
  }

  node(number: number): DemoNode {
    return this.#running.get(number)!
  }

  /** Starts a node that knows the ones that run; with the data it had, if it ran before. */
  async start(number: number, { mine = false } = {}): Promise<DemoNode> {
    const bootnodes = [...this.#running.values()].flatMap(({ addresses }) => addresses[0] ?? [])
    const child = new NodeProcess(
      [
        'start',
        '--datadir',
        join(this.#directory, `node-${number}`),
        '--genesis',
        this.#genesis,
        ...(mine ? ['--mine'] : []),
      ],
      {
        IDOBATA_P2P: 'true',
        IDOBATA_P2P_ADDR: '127.0.0.1',
        IDOBATA_PORT: '0',
        IDOBATA_HTTP_PORT: '0',
        IDOBATA_BOOTNODES: bootnodes.join(','),
      },
    )
    const url = await child.rpcUrl()
    const { addresses } = await child.record('listening for peers')
    const node = {
      name: `node ${number}${mine ? ' (miner)' : ''}`,
      url,
      rpc: new RpcClient(url),
      process: child,
      addresses: String(addresses).split(' '),
    }
    this.#running.set(number, node)
    return node
  }

  /** Starts a light node that knows those that run, and waits until it has something to answer from. */
  async startLight(): Promise<DemoNode> {
    const bootnodes = [...this.#running.values()].flatMap(({ addresses }) => addresses[0] ?? [])
    const child = new NodeProcess(
      ['start', '--light', '--datadir', join(this.#directory, 'light'), '--genesis', this.#genesis],
      { IDOBATA_P2P: 'true', IDOBATA_HTTP_PORT: '0', IDOBATA_BOOTNODES: bootnodes.join(',') },
    )
    this.#light = child
    const url = await child.rpcUrl()
    const rpc = new RpcClient(url)
    for (let waits = 1; ; waits++) {
      const { synced } = (await rpc.call('idobata_waitUntilSynced')) as { readonly synced: boolean }
      if (synced) break
      if (waits === MAX_SYNC_WAITS) throw new Error('the light node has found nobody to answer from')
    }
    return { name: 'the light node', url, rpc }
  }

  async kill(number: number): Promise<void> {
    await this.#running.get(number)!.process.kill()
    this.#running.delete(number)
  }

  /** The newest block that all nodes have on their chains, once they differ in no more than the last few. */
  async agreement(withinMs: number): Promise<{ readonly number: number; readonly hash: string } | undefined> {
    for (let leftMs = withinMs; leftMs > 0; leftMs -= POLL_MS) {
      const nodes = [...this.#running.values()]
      const heads = await Promise.all(nodes.map(async ({ rpc }) => Number(await rpc.call('eth_blockNumber'))))
      const number = Math.min(...heads)
      const hashes = await Promise.all(
        nodes.map(async ({ rpc }) => {
          const block = await rpc.call('eth_getBlockByNumber', [`0x${number.toString(16)}`, false])
          return (block as { readonly hash: string } | null)?.hash
        }),
      )
      const [hash] = hashes
      if (hash !== undefined && number > 0 && Math.max(...heads) - number <= 2 && new Set(hashes).size === 1) {
        return { number, hash }
      }
      await setTimeout(POLL_MS)
    }
    return undefined
  }

  /** Asks all to end, and waits until they have. */
  async stop(): Promise<void> {
    const processes = [...this.#running.values()].map(({ process }) => process)
    if (this.#light) processes.push(this.#light)
    for (const process of processes) process.signal('SIGTERM')
    await Promise.all(processes.map((process) => process.ended()))
    this.#running.clear()
  }
}

/** The network that is shipped, with work for one core, a shorter spacing, and coins for the wallet. */
function demoGenesis(): unknown {
  const shipped = JSON.parse(readFileSync(new URL('../genesis.json', import.meta.url), 'utf8'))
  const { config } = shipped
  const [wallet] = devAccounts()
  return {
    ...shipped,
    config: { ...config, chainId: 20_118, idobata: { ...config.idobata, spacing: 4 } },
    difficulty: '0x7a120',
    alloc: { [toHex(wallet!.address)]: { balance: '0xd3c21bcecceda1000000' } },
  }
}
