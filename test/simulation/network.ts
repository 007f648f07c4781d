import { topicsOf } from '../../src/p2p/topics.ts'
import { GENESIS_TIMESTAMP } from '../support/header-chain.ts'
import { seededRandom } from '../support/seeded-random.ts'
import type { Costs } from './costs.ts'
import { connect } from './mesh.ts'
import { SimulatedNode } from './node.ts'
import type { LinkOptions } from './router.ts'
import { TrueChain } from './true-chain.ts'
import { VirtualClock } from './virtual-clock.ts'

export interface SimulatedNetworkOptions {
  readonly nodes: number
  /** Accounts with coins, and wallets that use them. */
  readonly senders: number
  readonly seed: number
  readonly link: LinkOptions
  readonly costs: Costs
}

/** How a block went round. */
export interface Wave {
  readonly transactions: number
  /** Milliseconds from sealing until a node had it whole and passed it on, of each that did. */
  readonly delaysMs: readonly number[]
  /** Nodes that had to ask for none of its transactions. */
  readonly alone: number
  /** Bytes that all nodes sent meanwhile. */
  readonly sent: number
}

/** Milliseconds after which a block is everywhere, or has got lost. */
const SETTLING_MS = 10_000

/** Many full nodes on one clock. All that happens follows from the seed and the costs. */
export class SimulatedNetwork {
  readonly #nodes: SimulatedNode[] = []
  readonly #clock: VirtualClock
  readonly #truth: TrueChain
  readonly #random: () => number
  readonly #senders: number
  #forwarded = new Map<SimulatedNode, number>()

  static async create(options: SimulatedNetworkOptions): Promise<SimulatedNetwork> {
    const clock = new VirtualClock(GENESIS_TIMESTAMP * 1000)
    const network = new SimulatedNetwork(options, clock, await TrueChain.open(options.senders, clock))
    await network.#populate(options)
    return network
  }

  private constructor({ seed, senders }: SimulatedNetworkOptions, clock: VirtualClock, truth: TrueChain) {
    this.#clock = clock
    this.#truth = truth
    this.#random = seededRandom(seed)
    this.#senders = senders
  }

  async #populate({ nodes, link, costs }: SimulatedNetworkOptions): Promise<void> {
    const topics = topicsOf('/idobata/00000000')
    const byId = new Map<string, SimulatedNode>()
    for (let number = 0; number < nodes; number++) {
      const node = await SimulatedNode.create(
        { number, topics, link, costs },
        {
          clock: this.#clock,
          truth: this.#truth,
          random: this.#random,
          peer: (id) => byId.get(id)!,
          onForwarded: (forwarding) => this.#forwarded.set(forwarding, this.#clock.nowMs()),
        },
      )
      this.#nodes.push(node)
      byId.set(node.router.peerId.toString(), node)
    }
    const routers = this.#nodes.map(({ router }) => router)
    connect(routers, [topics.tx, topics.block], this.#random)
  }

  /** Has wallets send so many transfers, `burst` at a time, spread over the next `overMs`; returns when that time is over. */
  async transfers(count: number, burst: number, overMs: number): Promise<void> {
    for (let sent = 0; sent < count; sent += burst) {
      const sender = Math.floor(this.#random() * this.#senders)
      const made = await this.#truth.transfers(sender, burst)
      this.#clock.after(this.#random() * overMs, () => {
        // A wallet keeps to its node: a gap before a nonce would be its own fault.
        void this.#nodes[sender % this.#nodes.length]!.submit(made)
      })
    }
    await this.pass(overMs)
  }

  /** Has the first so many nodes lose their pools, as if they had only just come. */
  async emptyPools(count: number): Promise<void> {
    await Promise.all(this.#nodes.slice(0, count).map(({ pool }) => pool.discard(() => true)))
  }

  pass(ms: number): Promise<void> {
    return this.#clock.runUntil(this.#clock.nowMs() + ms)
  }

  /** Has one node seal a block of the best of its pool, and follows it. */
  async block(maxTransactions: number): Promise<Wave> {
    const miner = this.#nodes[Math.floor(this.#random() * this.#nodes.length)]!
    const sealedMs = this.#clock.nowMs()
    const block = await this.#truth.make(miner.best(maxTransactions), sealedMs)
    const before = this.#sent
    this.#forwarded = new Map()
    void miner.sealed(block)
    await this.pass(SETTLING_MS)
    const others = this.#nodes.filter((node) => node !== miner)
    return {
      transactions: block.transactions.length,
      delaysMs: [...this.#forwarded.values()].map((atMs) => atMs - sealedMs),
      alone: others.filter(({ watch }) => watch.block(block.hash)?.missing === 0).length,
      sent: this.#sent - before,
    }
  }

  close(): Promise<void> {
    return this.#truth.close()
  }

  get #sent(): number {
    return this.#nodes.reduce((sum, { router }) => sum + router.sent, 0)
  }
}
