import { percentiles } from '../../src/p2p/propagation.ts'
import { type Costs, RECORDED_COSTS } from '../simulation/costs.ts'
import { measureCosts } from '../simulation/measure-costs.ts'
import { SimulatedNetwork, type Wave } from '../simulation/network.ts'
import type { Finding, Scenario, ScenarioOptions } from './scenario.ts'

const NODES = 50
const TRANSACTIONS = 1_000
const SENDERS = 100
/** Transfers that a wallet sends at a time. */
const BURST = 10
/** 50 Mbit/s up. */
const LINK = { latencyMs: 50, uplink: 6_250 }
const SPACING_MS = 10_000
/** Milliseconds before a seal in which nobody sends anything, where pools are to agree. */
const QUIET_MS = 2_000
const BLOCKS = 10
const FLOWING_BLOCKS = 4
const QUICK_BLOCKS = 1

/** Fifty nodes on a virtual clock; what work costs is measured on this machine first. */
export const propagation: Scenario = {
  name: 'propagation',
  claim: 'a block of 1,000 transactions reaches 50 nodes: half in 300 ms, nine of ten in 700 ms',
  async run({ quick, seed, log }: ScenarioOptions): Promise<readonly Finding[]> {
    const costs = quick ? RECORDED_COSTS : await measureCosts(TRANSACTIONS)
    const shown = Object.entries(costs).map(([name, ms]) => `${name} ${ms.toPrecision(2)}`)
    log(`milliseconds charged (${quick ? 'recorded' : 'measured now'}): ${shown.join(', ')}`)
    const agreeing = await waves({ blocks: quick ? QUICK_BLOCKS : BLOCKS, seed, quietMs: QUIET_MS, costs })
    const flowing = quick ? [] : await waves({ blocks: FLOWING_BLOCKS, seed, quietMs: 0, costs })
    const { count, p50, p90, p99 } = percentiles(agreeing.flatMap(({ delaysMs }) => delaysMs))
    const alone = share(agreeing)
    const findings: Finding[] = [
      {
        name: `blocks × nodes that had them whole`,
        value: `${count}`,
        bar: `all ${agreeing.length * (NODES - 1)}`,
        pass:
          count === agreeing.length * (NODES - 1) &&
          agreeing.every(({ transactions }) => transactions === TRANSACTIONS),
      },
      { name: 'sealed to forwardable, p50, ms', value: p50.toFixed(0), bar: '< 300', pass: p50 < 300 },
      { name: 'sealed to forwardable, p90, ms', value: p90.toFixed(0), bar: '< 700', pass: p90 < 700 },
      { name: 'sealed to forwardable, p99, ms', value: p99.toFixed(0) },
      { name: 'rebuilt without a request, pools agreeing', value: percent(alone), bar: '≥ 95 %', pass: alone >= 0.95 },
      {
        name: 'sent per node and block, KiB',
        value: (sum(agreeing.map(({ sent }) => sent)) / count / 1024).toFixed(0),
      },
    ]
    if (quick) return findings
    const rough = percentiles(flowing.flatMap(({ delaysMs }) => delaysMs))
    return [
      ...findings,
      { name: 'the same while transfers pour in: p50, ms', value: rough.p50.toFixed(0) },
      { name: '  p90, ms', value: rough.p90.toFixed(0) },
      { name: '  rebuilt without a request', value: percent(share(flowing)) },
    ]
  },
}

interface Run {
  readonly blocks: number
  readonly seed: number
  readonly quietMs: number
  readonly costs: Costs
}

async function waves({ blocks, seed, quietMs, costs }: Run): Promise<readonly Wave[]> {
  const network = await SimulatedNetwork.create({ nodes: NODES, senders: SENDERS, seed, link: LINK, costs })
  try {
    const seen: Wave[] = []
    while (seen.length < blocks) {
      await network.transfers(TRANSACTIONS, BURST, SPACING_MS - quietMs)
      await network.pass(quietMs)
      seen.push(await network.block(TRANSACTIONS))
    }
    return seen
  } finally {
    await network.close()
  }
}

function share(waves: readonly Wave[]): number {
  return sum(waves.map(({ alone }) => alone)) / (waves.length * (NODES - 1))
}

function percent(fraction: number): string {
  return `${(100 * fraction).toFixed(1)} %`
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
