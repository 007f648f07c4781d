import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { BlockGossip } from '../../src/p2p/block-gossip.ts'
import { Gossip, type TopicHandler } from '../../src/p2p/gossip.ts'
import { InboundMeter } from '../../src/p2p/inbound-meter.ts'
import { PropagationWatch } from '../../src/p2p/propagation.ts'
import { RequestError } from '../../src/p2p/reqresp/request-error.ts'
import type { Topics } from '../../src/p2p/topics.ts'
import { TransactionGossip } from '../../src/p2p/transaction-gossip.ts'
import type { TransactionPool } from '../../src/pool/pool.ts'
import type { Block } from '../../src/primitives/block.ts'
import type { RecoveredTransaction, Transaction } from '../../src/primitives/transaction.ts'
import type { Costs } from './costs.ts'
import { NodeChain } from './node-chain.ts'
import { createPool } from './pool.ts'
import { Processor } from './processor.ts'
import { type LinkOptions, SimulatedRouter } from './router.ts'
import type { TrueChain } from './true-chain.ts'
import type { VirtualClock } from './virtual-clock.ts'

export interface SimulatedNodeOptions {
  readonly number: number
  readonly topics: Topics
  readonly link: LinkOptions
  readonly costs: Costs
}

export interface SimulatedNodeComponents {
  readonly clock: VirtualClock
  readonly truth: TrueChain
  readonly random: () => number
  readonly peer: (id: string) => SimulatedNode
  /** A block is whole here and on its way to others. */
  readonly onForwarded: (node: SimulatedNode) => void
}

/** Bytes of a transfer in a bundle. */
const TRANSFER_BYTES = 118

/**
 * A full node as far as gossip goes: the program's own gossip, pool and propagation watch, on a simulated network, a ledger that all
 * nodes share, and a thread that takes on the virtual clock what the work took on this machine.
 */
export class SimulatedNode {
  readonly router: SimulatedRouter
  readonly pool: TransactionPool
  readonly watch: PropagationWatch
  /** Requests to other nodes so far. */
  requests = 0
  readonly #options: SimulatedNodeOptions
  readonly #parts: SimulatedNodeComponents
  readonly #chain: NodeChain
  readonly #thread: Processor
  readonly #recovering: Processor
  readonly #blocks: BlockGossip
  readonly #transactions: TransactionGossip

  static async create(options: SimulatedNodeOptions, components: SimulatedNodeComponents): Promise<SimulatedNode> {
    const secret = new Uint8Array(32)
    new DataView(secret.buffer).setUint32(0, options.number)
    const key = await generateKeyPairFromSeed('Ed25519', secret)
    const node = new SimulatedNode(options, components, peerIdFromPrivateKey(key))
    await node.pool.start()
    return node
  }

  private constructor(
    options: SimulatedNodeOptions,
    components: SimulatedNodeComponents,
    peerId: SimulatedRouter['peerId'],
  ) {
    this.#options = options
    this.#parts = components
    const { costs, topics, link } = options
    const { clock, truth, random } = components
    this.#thread = new Processor(clock)
    this.#recovering = new Processor(clock)
    const read = (sizeBytes: number) => this.#thread.work((costs.readKib * sizeBytes) / 1024)
    this.router = new SimulatedRouter(link, { peerId, clock, read })
    this.watch = new PropagationWatch(clock)
    this.#chain = new NodeChain(truth, {
      beforeBody: () => this.#thread.work(costs.root),
      beforeExecution: () => this.#thread.work(costs.execution),
    })
    const onError = (error: unknown) => {
      throw error
    }
    const recover = async (transactions: readonly Transaction[]) => {
      const found = transactions.map((tx) => truth.recovered(tx))
      await this.#recovering.work(costs.recovery * transactions.length)
      return found
    }
    this.pool = createPool(this.#chain, truth.chain.params.chainId, clock, recover)
    this.#transactions = new TransactionGossip({
      pool: this.pool,
      recover,
      clock,
      watch: this.watch,
      random,
      publish: (data) => gossip.publish('tx', data),
      hasListeners: () => gossip.hasListeners('tx'),
      onFlood: () => onError(new Error('an honest peer for a flood')),
    })
    this.#blocks = new BlockGossip(
      { maxFutureSeconds: 15 },
      {
        chain: this.#chain,
        requests: {
          blockTransactions: (peer, hash, indexes) => this.#ask(peer, hash, indexes),
          async body(peer, hash) {
            const { transactions, body } = await ask(peer, hash)
            return { transactions, encoded: body }
          },
        },
        clock,
        watch: this.watch,
        candidates: () => this.#candidates(),
        isAnnounced: (transaction) => this.#transactions.isAnnounced(transaction),
        randomBytes: (length) => Uint8Array.from({ length }, () => Math.floor(random() * 256)),
        publish: (data) => {
          void this.#thread.work(costs.announcement).then(() => gossip.publish('block', data))
        },
        neighbours: () => gossip.neighbours('block'),
        catchingUp: () => false,
        onUnknownParent: () => undefined,
        onWrongBody: () => onError(new Error('a wrong body from an honest peer')),
        onGivenUp: () => undefined,
        onWithholding: () => undefined,
        onRefused: (_block, error) => onError(error),
        onError,
      },
    )
    const ask = (peer: string, hash: Uint8Array) => this.#askBlock(peer, hash)
    const gossip = new Gossip(
      { topics },
      {
        router: this.router,
        meter: new InboundMeter({ clock, onFlood: () => onError(new Error('an honest peer for a flood')) }),
        handlers: {
          tx: this.#taking((data) => (costs.transaction * data.length) / TRANSFER_BYTES, this.#transactions),
          block: this.#taking(() => costs.match, this.#blocks),
        },
        onVerdict: (_peer, topic, verdict) => {
          if (topic === 'block' && verdict === 'accept') components.onForwarded(this)
        },
        onSubscription: () => this.#transactions.peerListens(),
        onError,
      },
    )
    this.#chain.subscribe((event) => this.#blocks.follow(event))
    this.pool.subscribe((changes) => this.#transactions.follow(changes))
    gossip.start(true)
    this.#transactions.start()
  }

  /** What a wallet does at this node. */
  async submit(transactions: readonly RecoveredTransaction[]): Promise<void> {
    await this.pool.addBatch(transactions, 'local')
  }

  /** The best that the pool has, for a block of this node's. */
  best(count: number): RecoveredTransaction[] {
    const best = this.pool.best(this.#chain.nextBaseFee)
    const chosen: RecoveredTransaction[] = []
    for (let next = best.next(); next !== undefined && chosen.length < count; next = best.next()) chosen.push(next)
    return chosen
  }

  /** A block that was made here. */
  async sealed(block: Block): Promise<void> {
    await this.#chain.import(block)
  }

  /** A topic's handler whose beginning takes time. */
  #taking(costMs: (data: Uint8Array) => number, handler: TopicHandler): TopicHandler {
    return {
      handle: async (data, from, remember) => {
        await this.#thread.work(costMs(data))
        return handler.handle(data, from, remember)
      },
    }
  }

  *#candidates() {
    yield* this.pool.transactions()
    yield* this.#transactions.underway
  }

  async #ask(peer: string, hash: Uint8Array, indexes: readonly number[]): Promise<readonly Transaction[]> {
    const { transactions } = await this.#askBlock(peer, hash)
    return indexes.map((index) => transactions[index]!)
  }

  async #askBlock(id: string, hash: Uint8Array): Promise<Block> {
    const { clock, peer } = this.#parts
    const { link, costs } = this.#options
    this.requests++
    await clock.pass(link.latencyMs)
    const asked = peer(id)
    await asked.#thread.work(costs.answer)
    const block = asked.#chain.block(hash) ?? asked.#blocks.arriving(hash)
    await clock.pass(link.latencyMs)
    if (block === undefined || block === 'not-yet') throw new RequestError(block ?? 'unavailable')
    return block
  }
}
