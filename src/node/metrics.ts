import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Chain } from '../chain/chain.ts'
import type { ExecutedBlock } from '../chain/executed-block.ts'
import type { TransactionPool } from '../pool/pool.ts'
import type { CallMeter } from '../rpc/dispatch.ts'
import type { HealthFacts } from '../rpc/health.ts'
import type { MetricsSource } from '../rpc/pages.ts'
import type { Pacer } from '../trie/update.ts'
import type { WatchedNetwork } from './network-backend.ts'

/** Seconds; from a number that lies at hand to the time-out. */
const DURATION_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 30]

export interface MetricsComponents {
  readonly chain: Chain
  readonly pool: TransactionPool
  readonly health: () => Promise<HealthFacts>
  readonly wsConnections: () => number
  readonly pacer: Pacer
  /** undefined: the node is alone. */
  readonly network: Promise<Pick<WatchedNetwork, 'onBlock'>> | undefined
}

/** What a node tells Prometheus, and the meter that its calls are counted by. */
export interface Metrics extends MetricsSource {
  readonly meter: CallMeter
  stop(): void
}

/** Chain and peers by the names of EIP-2159, everything else under `idobata_`. Values are read when they are asked for. */
export function createMetrics({ chain, pool, health, wsConnections, network, pacer }: MetricsComponents): Metrics {
  const register = new Registry()
  const registers = [register]
  const gauge = (name: string, help: string, read: () => number | Promise<number>) =>
    new Gauge({
      name,
      help,
      registers,
      async collect() {
        this.set(await read())
      },
    })

  const height = () => chain.head.header.number
  gauge('ethereum_blockchain_height', 'Number of the head', height)
  gauge('ethereum_best_known_block_number', 'Number of the best block known of', async () => {
    return height() + (await health()).blocksBehind
  })
  gauge('ethereum_peer_count', 'Connected peers', async () => (await health()).peers)
  gauge('ethereum_peer_limit', 'Peers that may be connected', async () => (await health()).peerLimit)
  gauge('idobata_head_timestamp_seconds', "Unix time of the head's header", () => chain.head.header.timestamp)
  gauge('idobata_pool_pending', 'Transactions that could be mined next', () => pool.status().pending)
  gauge('idobata_pool_queued', 'Transactions behind a nonce gap', () => pool.status().queued)
  gauge('idobata_disk_free_bytes', 'Free on the disk of the data directory', async () => {
    return (await health()).diskFreeBytes ?? Number.NaN
  })
  gauge('idobata_rpc_ws_connections', 'Open WebSocket connections', wsConnections)

  const blocks = new Counter({ name: 'idobata_blocks_total', help: 'Blocks that became canonical', registers })
  const transactions = new Counter({
    name: 'idobata_block_transactions_total',
    help: 'Transactions in them',
    registers,
  })
  const removed = new Counter({ name: 'idobata_reorged_blocks_total', help: 'Blocks that reorgs took away', registers })
  const countTransactions = async (connected: Iterable<ExecutedBlock>) => {
    try {
      for (const { transactions: own } of connected) {
        transactions.inc(own.length)
        await pacer.pause()
      }
    } catch {
      // A block that cannot be read is told of by those who need it.
    }
  }
  const unsubscribe = chain.subscribe((event) => {
    if (event.type !== 'head') return
    blocks.inc(event.connected.length)
    void countTransactions(event.connected)
    removed.inc(event.disconnected.length)
  })

  const whole = new Histogram({
    name: 'idobata_block_whole_seconds',
    help: 'From the first word of a block that came by gossip until it was put together and passed on',
    buckets: DURATION_BUCKETS,
    registers,
  })
  const valid = new Histogram({
    name: 'idobata_block_valid_seconds',
    help: 'The same until it had been executed',
    buckets: DURATION_BUCKETS,
    registers,
  })
  const again = new Histogram({
    name: 'idobata_block_again_seconds',
    help: 'The same until other peers brought it too, each of them counted',
    buckets: DURATION_BUCKETS,
    registers,
  })
  let stopped = false
  let unwatch = () => {}
  const watch = ({ onBlock }: Pick<WatchedNetwork, 'onBlock'>) => {
    if (stopped) return
    unwatch = onBlock(({ from, rebuiltAfterMs, validAfterMs, arrivals }) => {
      if (from === undefined) return
      if (rebuiltAfterMs !== undefined) whole.observe(rebuiltAfterMs / 1000)
      if (validAfterMs !== undefined) valid.observe(validAfterMs / 1000)
      for (const { afterMs } of arrivals) again.observe(afterMs / 1000)
    })
  }
  // Whoever started it hears that it has failed.
  network?.then(watch, () => undefined)

  const durations = new Histogram({
    name: 'idobata_rpc_call_duration_seconds',
    help: 'Calls by method, and by error code where they failed',
    labelNames: ['method', 'code'],
    buckets: DURATION_BUCKETS,
    registers,
  })
  // Memory, CPU, garbage collection and event-loop delay of the process.
  collectDefaultMetrics({ register, prefix: 'idobata_' })

  return {
    contentType: register.contentType,
    text: () => register.metrics(),
    meter: {
      start(method) {
        const end = durations.startTimer({ method })
        return (code) => void end({ code: code === undefined ? '' : `${code}` })
      },
    },
    stop() {
      stopped = true
      unwatch()
      unsubscribe()
    },
  }
}
