import assert from 'node:assert/strict'
import { reported } from '../support/figure.ts'
import { nativeRecoveryRate } from '../support/native-recovery.ts'
import { PeerProcess, untilAnswer } from '../support/peer-process.ts'
import { runChild } from '../support/session.ts'
import type { SendRun } from '../support/transfers.ts'
import type { FigureGroup } from './group.ts'

const NODES = 4
/** Transactions in a message of `rpc-load-run.ts`. */
const BATCH = 100
/** Confirmed transactions a second of single nodes, taken on another machine of two cores: to compare ratios with, not values. */
const ELSEWHERE = 'elsewhere, one node alone: anvil 4,500 confirmed tx/s, hardhat 545 to 620, ganache 150'

interface Stats {
  readonly blocks: { readonly rebuilt: { count: number; p50: number; p90: number }; readonly rebuiltAlone: number }
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
      log(`${plan.batches * BATCH} transactions into one of ${NODES} nodes`)
      const counts = nodes.map((node) => new Confirmed(node, plan.batches * BATCH))
      const { startedMs, perSecond: accepted } = await runChild<SendRun>('rpc-load-run.ts', [
        'send',
        nodes[1]!.url,
        rpc.accounts,
        0,
        plan.batches,
      ])
      await Promise.all(counts.map((count) => count.whole()))
      const perSecond = (plan.batches * BATCH * 1000) / (Date.now() - startedMs)
      const after = await nativeRecoveryRate(loopMs)
      const stats = await Promise.all(nodes.slice(1).map((node) => node.call<Stats>('idobata_propagationStats')))
      const rebuilt = sum(stats.map(({ blocks }) => blocks.rebuilt.count))
      const alone = sum(stats.map(({ blocks }) => blocks.rebuiltAlone))
      assert(rebuilt > 0, 'no block came by gossip')
      const largest = Math.max(...counts.map(({ largestBlock }) => largestBlock))
      log(
        `accepted ${Math.round(accepted)} tx/s; ${rebuilt} blocks came by gossip, up to ${largest} transactions; ${ELSEWHERE}`,
      )
      const limit = { name: 'native recovery ÷ 4', value: (before + after) / 2 / NODES }
      const p90 = Math.max(...stats.map(({ blocks }) => blocks.rebuilt.p90))
      return [
        reported({ name: 'throughput', value: perSecond, unit: 'tx/s confirmed on all' }, limit),
        reported({ name: 'throughput-rebuilt', value: (100 * alone) / rebuilt, unit: '% without a round trip' }),
        reported({ name: 'throughput-rebuild-time', value: p90, unit: 'ms, p90 of the slowest' }),
      ]
    } finally {
      await Promise.all(nodes.map((node) => node.stop()))
    }
  },
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

/** Counts the transactions of a node's blocks as they come. */
class Confirmed {
  readonly #node: PeerProcess
  readonly #wanted: number
  #height = 0
  #count = 0
  largestBlock = 0

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
      const count = Number(await this.#node.call<string>('eth_getBlockTransactionCountByNumber', number))
      this.#count += count
      this.largestBlock = Math.max(this.largestBlock, count)
    }
    return this.#count
  }
}
