import { setTimeout } from 'node:timers/promises'
import { RpcAnswerError } from '../../src/cli/rpc-client.ts'
import { Link } from './link.ts'
import { minedGenesis } from './mined-genesis.ts'
import { NodeProcesses, peersOf, type StartedNode } from './processes.ts'

export interface LinkedNode extends StartedNode {
  readonly number: number
}

/** The cables between two nodes, one for each that may call the other. */
interface Pair {
  readonly between: readonly [number, number]
  readonly links: readonly [Link, Link]
}

interface Block {
  readonly number: string
  readonly hash: string
  readonly totalDifficulty: string
}

export interface Agreement {
  readonly number: number
  readonly hash: string
  /** Blocks between the lowest and the highest head. */
  readonly apart: number
}

const POLL_MS = 250

/**
 * Full nodes as processes that meet over cables of given latency and over nothing else: each keeps its links to those that it is laid a
 * cable to, and takes no others.
 */
export class LinkedNodes {
  readonly #processes = new NodeProcesses()
  readonly #genesis = minedGenesis()
  readonly #nodes = new Map<number, LinkedNode>()
  readonly #pairs: Pair[] = []

  /** @param mines  numbers of those that make blocks. */
  async start(count: number, mines: ReadonlySet<number>): Promise<void> {
    const nodes = await this.#processes.startAll(count, (number) => ({
      genesis: this.#genesis,
      args: mines.has(number) ? ['--mine'] : [],
      environment: {
        IDOBATA_HTTP_API: 'eth,idobata,admin,miner',
        // Trusted peers come on top of these.
        IDOBATA_MAXPEERS: '0',
        IDOBATA_NODISCOVER: 'true',
      },
    }))
    for (const [number, node] of nodes.entries()) this.#nodes.set(number, { ...node, number })
  }

  get all(): readonly LinkedNode[] {
    return [...this.#nodes.values()]
  }

  get pairs(): readonly Pair[] {
    return this.#pairs
  }

  node(number: number): LinkedNode {
    return this.#nodes.get(number)!
  }

  async join(a: number, b: number, latencyMs: number): Promise<void> {
    const links = [
      await Link.lay(portOf(this.node(b)), latencyMs),
      await Link.lay(portOf(this.node(a)), latencyMs),
    ] as const
    const pair = { between: [a, b], links } as const
    this.#pairs.push(pair)
    await this.#introduce(pair)
  }

  /** Has what was cut lead through again; nodes find out by themselves. */
  restore(pairs: readonly Pair[]): void {
    for (const { links } of pairs) for (const link of links) link.restore()
  }

  async #introduce({ between: [a, b], links: [there, back] }: Pair): Promise<void> {
    const [first, second] = [this.node(a), this.node(b)]
    await first.rpc.call('admin_addPeer', [`/ip4/127.0.0.1/tcp/${there.port}/p2p/${second.peer}`])
    await second.rpc.call('admin_addPeer', [`/ip4/127.0.0.1/tcp/${back.port}/p2p/${first.peer}`])
  }

  async kill(number: number): Promise<void> {
    await this.node(number).process.kill()
    this.#nodes.delete(number)
  }

  /** Whether every node has at least one peer. */
  async connected(): Promise<boolean> {
    const peers = await Promise.all(this.all.map((node) => peersOf(node)))
    return peers.every(({ length }) => length > 0)
  }

  /** The newest block that all of `nodes` have on their chains, if their heads are at most two blocks apart. */
  async agreement(nodes: readonly LinkedNode[] = this.all): Promise<Agreement | undefined> {
    const heads = await Promise.all(nodes.map(async ({ rpc }) => Number(await rpc.call('eth_blockNumber'))))
    const [number, highest] = [Math.min(...heads), Math.max(...heads)]
    const hashes = await Promise.all(nodes.map(async (node) => (await blockAt(node, number))?.hash))
    const [hash] = hashes
    if (hash === undefined || number === 0 || highest - number > 2 || new Set(hashes).size > 1) return undefined
    return { number, hash, apart: highest - number }
  }

  async stop(): Promise<void> {
    for (const { links } of this.#pairs) for (const link of links) link.close()
    await this.#processes.stop()
  }
}

export async function blockAt({ rpc }: StartedNode, number: number | 'latest'): Promise<Block | undefined> {
  const tag = number === 'latest' ? number : `0x${number.toString(16)}`
  return ((await rpc.call('eth_getBlockByNumber', [tag, false])) as Block | null) ?? undefined
}

/** What `look` finds, asked again and again; undefined: nothing in that time. */
export async function within<T>(seconds: number, look: () => Promise<T | undefined>): Promise<T | undefined> {
  const endMs = performance.now() + seconds * 1000
  while (performance.now() < endMs) {
    // A node that is catching up knows no fees and nonces yet.
    const found = await look().catch((error) => {
      if (!(error instanceof RpcAnswerError)) throw error
      return undefined
    })
    if (found !== undefined) return found
    await setTimeout(POLL_MS)
  }
  return undefined
}

function portOf({ address }: StartedNode): number {
  return Number(address.split('/')[4])
}
