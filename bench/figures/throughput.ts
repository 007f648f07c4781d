import assert from 'node:assert/strict'
import { percentiles } from '../../src/p2p/propagation.ts'
import { reported } from '../support/figure.ts'
import { nativeRecoveryRate } from '../support/native-recovery.ts'
import { PeerProcess, untilAnswer } from '../support/peer-process.ts'
import { runChild } from '../support/session.ts'
import type { SendRun } from '../support/transfers.ts'
import type { FigureGroup } from './group.ts'

const NODES = 4
/** Transactions in a message of `rpc-load-run.ts`. */
const BATCH = 100
/** Enough to keep the node busy while it waits for the medium, and no more than it lets wait. */
const BATCHES_IN_FLIGHT = 16
/** Confirmed transactions a second of single nodes, taken on another machine of two cores: to compare ratios with, not values. */
const ELSEWHERE = 'elsewhere, one node alone: anvil 4,500 confirmed tx/s, hardhat 545 to 620, ganache 150'

/** How a block came to a node by gossip. */
interface Arrival {
  readonly transactions: number
  /** Of them, those that had to be asked for. */
  readonly missing: number
  readonly rebuiltAfterMs: number
}

interface AnotherWay {
  readonly rebuiltAfterMs: null
}

interface Block {
  readonly hash: string
  readonly transactions: readonly string[]
}

/**
 * Four nodes, each a process, each connected to all others; one seals a block a second, another is handed transactions as
 * fast as it takes them. Each of them checks each signature, so that a quarter of native recovery is the limit.
 */
export const throughput: FigureGroup = {
  names: ['throughput', 'throughput-rebuilt', 'throughput-rebuild-time'],
  async measure({ plan: { rpc, throughput: plan, loopMs }, log }) {
    const nodes: PeerProcess[] = []
    try {
      for (let i = 0; i < NODES; i++) {
        const others = nodes.map(({ address }) => address)
        nodes.push(await PeerProcess.start(rpc.accounts, i === 0 ? 'miner' : 'peer', others))
      }
      for (const node of nodes) {
        await untilAnswer(
          () => node.peers(),
          (count) => count === NODES - 1,
          'peers',
        )
      }
      const before = await nativeRecoveryRate(loopMs)
      await Promise.all(nodes.map((node) => node.report()))
      log(`${plan.batches * BATCH} transactions into one of ${NODES} nodes`)
      const counts = nodes.map((node) => new Confirmed(node, plan.batches * BATCH))
      const { startedMs, perSecond: accepted } = await runChild<SendRun>('rpc-load-run.ts', [
        'send',
        nodes[1]!.url,
        rpc.accounts,
        0,
        plan.batches,
        BATCHES_IN_FLIGHT,
      ])
      await Promise.all(counts.map((count) => count.whole()))
      const perSecond = (plan.batches * BATCH * 1000) / (Date.now() - startedMs)
      const reports = await Promise.all(nodes.map((node) => node.report()))
      const cpu = reports.map(({ cpuMicros }) => (cpuMicros / plan.batches / BATCH).toFixed(0))
      const after = await nativeRecoveryRate(loopMs)
      const arrivals = await arrivalsOf(nodes)
      assert(arrivals.length > 0, 'no block came by gossip')
      const alone = arrivals.filter(({ missing }) => missing === 0).length
      const { p90 } = percentiles(arrivals.map(({ rebuiltAfterMs }) => rebuiltAfterMs))
      const largest = Math.max(...arrivals.map(({ transactions }) => transactions))
      log(`accepted ${Math.round(accepted)} tx/s; µs CPU a transaction on each node: ${cpu.join(', ')}`)
      log(`${arrivals.length} times a block with transactions came by gossip, up to ${largest} of them; ${ELSEWHERE}`)
      const limit = { name: 'native recovery ÷ 4', value: (before + after) / 2 / NODES }
      return [
        reported({ name: 'throughput', value: perSecond, unit: 'tx/s confirmed on all' }, limit),
        reported({
          name: 'throughput-rebuilt',
          value: (100 * alone) / arrivals.length,
          unit: '% without a round trip',
        }),
        reported({ name: 'throughput-rebuild-time', value: p90, unit: 'ms, p90' }),
      ]
    } finally {
      await Promise.all(nodes.map((node) => node.stop()))
    }
  },
}

/** Of blocks with transactions, to the nodes that did not seal them. */
async function arrivalsOf([miner, ...others]: readonly PeerProcess[]): Promise<Arrival[]> {
  const arrivals: Arrival[] = []
  for (let height = await miner!.height(); height > 0; height--) {
    const block = await miner!.call<Block>('eth_getBlockByNumber', `0x${height.toString(16)}`, false)
    if (block.transactions.length === 0) continue
    for (const node of others) {
      const seen = await node.call<Arrival | AnotherWay | null>('idobata_propagation', block.hash)
      if (seen !== null && seen.rebuiltAfterMs !== null) arrivals.push(seen)
    }
  }
  return arrivals
}

/** Counts the transactions of a node's blocks as they come. */
class Confirmed {
  readonly #node: PeerProcess
  readonly #wanted: number
  #height = 0
  #count = 0

  constructor(node: PeerProcess, wanted: number) {
    this.#node = node
    this.#wanted = wanted
  }

  /** Resolves when the node has all of them in blocks. */
  async whole(): Promise<void> {
    await untilAnswer(
      () => this.#look(),
      (count) => count === this.#wanted,
      'confirmed transactions',
    )
  }

  async #look(): Promise<number> {
    for (const height = await this.#node.height(); this.#height < height; ) {
      const number = `0x${(++this.#height).toString(16)}`
      this.#count += Number(await this.#node.call<string>('eth_getBlockTransactionCountByNumber', number))
    }
    return this.#count
  }
}
