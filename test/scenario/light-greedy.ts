import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { multiaddr } from '@multiformats/multiaddr'
import { monotonicMs } from '../../src/node/system.ts'
import { SPARE_CONNECTIONS } from '../../src/p2p/limits.ts'
import { MAX_INBOUND } from '../../src/p2p/peers/limits.ts'
import { wirePrefix } from '../../src/p2p/wire/names.ts'
import { fromHex } from '../../src/primitives/bytes.ts'
import { ScriptedPeer } from '../support/attacks/scripted-peer.ts'
import { HOSTILE_CHAIN_ID, HOSTILE_POW, hostileGenesis } from './hostile-genesis.ts'
import { HonestTraffic, type Waits } from './hostile-traffic.ts'
import type { GreedyOrder, GreedyReport, GreedyStart } from './light-greedy-run.ts'
import { newcomerMs } from './light-newcomer.ts'
import { type LongChain, mineChain } from './long-chain.ts'
import { cpuSec, mib, mostResidentMib, p99 } from './measure.ts'
import { NodeProcesses, type StartedNode } from './processes.ts'
import type { Finding, Scenario, ScenarioOptions } from './scenario.ts'

const SIZES = { clients: 500, blocks: 1_200, calmMs: 8_000, greedMs: 20_000 }
const QUICK_SIZES = { clients: 40, blocks: 120, calmMs: 2_000, greedMs: 4_000 }
/** Places for all of them at once, beside those that there are by default. */
const OPENED_PEERS = 600
const PROCESSES = 2
const MAX_GROWTH_MIB = 200
/** Of the node's main thread, with everything that is asked of it. */
const MAX_MAIN_THREAD = 0.9
const MAX_WAIT_MS = 1_000
const MAX_LAG_BLOCKS = 2
/** From nothing to a proven balance. */
const MAX_NEWCOMER_MS = 10_000
/** Looks until a block has come; a minute. */
const MAX_LOOKS = 600
const LOOK_MS = 100
const BETWEEN_NEWCOMERS_MS = 500

async function heightOf({ rpc }: StartedNode): Promise<number> {
  return Number(await rpc.call('eth_blockNumber', []))
}

/** A node among greedy light clients, its honest neighbour that mines, a peer that asks it, and an honest light client. */
class Crowd {
  readonly #nodes = new NodeProcesses()
  readonly #traffic = new HonestTraffic()
  readonly #chain: LongChain
  readonly #maxPeers: number | undefined
  readonly #processes: ChildProcess[] = []
  readonly #friends: ScriptedPeer[] = []
  #miner!: StartedNode
  #victim!: StartedNode

  /** @param maxPeers  undefined: as many as there are by default. */
  constructor(chain: LongChain, maxPeers: number | undefined) {
    this.#chain = chain
    this.#maxPeers = maxPeers
  }

  async start(): Promise<void> {
    const genesis = hostileGenesis()
    const { file: blocks, nonce } = this.#chain
    this.#miner = await this.#nodes.start({ genesis, blocks, args: ['--mine'] })
    const args = this.#maxPeers === undefined ? [] : ['--maxpeers', `${this.#maxPeers}`]
    this.#victim = await this.#nodes.start({ genesis, blocks, bootnodes: [this.#miner.address], args })
    for (const name of ['honest', 'light']) {
      const known = {
        prefix: this.#prefix,
        addresses: [multiaddr(this.#victim.address)],
        genesisHash: fromHex(this.#chain.blocks[0]!),
        chainId: BigInt(HOSTILE_CHAIN_ID),
        pow: HOSTILE_POW,
      }
      this.#friends.push(await ScriptedPeer.connect(known, { name }, new AbortController().signal))
    }
    await this.#traffic.start(this.#miner.url, this.#victim.url, this.#friends[0]!, nonce)
    for (let looks = 0; (await heightOf(this.#victim)) < this.#chain.blocks.length; looks++) {
      if (looks === MAX_LOOKS) throw new Error('no block comes from the miner')
      await setTimeout(LOOK_MS)
    }
  }

  async stop(): Promise<void> {
    await this.#traffic.stop()
    for (const each of this.#processes) each.disconnect()
    for (const friend of this.#friends) await friend.stop()
    await this.#nodes.stop()
  }

  /** @returns how many have been let in. */
  async gather(clients: number): Promise<number> {
    const { blocks, transactions } = this.#chain
    const { address } = this.#victim
    const order: GreedyOrder = { clients: clients / PROCESSES, address, prefix: this.#prefix, blocks, transactions }
    for (let i = 0; i < PROCESSES; i++) this.#processes.push(fork(new URL('light-greedy-run.ts', import.meta.url)))
    const answers = await this.#tell<{ readonly connected: number }>(order)
    return answers.reduce((sum, { connected }) => sum + connected, 0)
  }

  greed(forMs: number): Promise<readonly GreedyReport[]> {
    return this.#tell<GreedyReport>({ forMs } satisfies GreedyStart)
  }

  /** What goes on until `whileRuns` settles. */
  async watch(whileRuns: Promise<unknown>): Promise<Watched> {
    const { pid } = this.#victim.process
    const used = () => [monotonicMs() / 1_000, cpuSec(pid), cpuSec(pid, 'main')] as const
    const began = used()
    let over = false
    const end = () => {
      over = true
    }
    void whileRuns.then(end, end)
    const newcomers: number[] = []
    let lag = 0
    const arrive = async () => {
      while (!over) {
        newcomers.push(await newcomerMs(this.#friends[1]!, this.#chain))
        await setTimeout(BETWEEN_NEWCOMERS_MS)
      }
    }
    const compare = async () => {
      while (!over) {
        const there = await heightOf(this.#miner)
        lag = Math.max(lag, there - (await heightOf(this.#victim)))
        await setTimeout(BETWEEN_NEWCOMERS_MS)
      }
    }
    this.#traffic.reset()
    const [memoryMib] = await Promise.all([mostResidentMib(pid, whileRuns), arrive(), compare()])
    const [seconds, cpu, mainThread] = used().map((now, i) => now - began[i]!) as [number, number, number]
    return {
      memoryMib,
      cpu: cpu / seconds,
      mainThread: mainThread / seconds,
      lag,
      newcomers,
      waits: structuredClone(this.#traffic.waits),
    }
  }

  get #prefix(): string {
    return wirePrefix(fromHex(this.#chain.blocks[0]!))
  }

  async #tell<Answer>(message: GreedyOrder | GreedyStart): Promise<Answer[]> {
    const asked = this.#processes.map(async (each) => {
      each.send(message)
      const [answer] = (await once(each, 'message')) as [Answer]
      return answer
    })
    return Promise.all(asked)
  }
}

interface Watched {
  readonly memoryMib: number
  /** Processors that the node kept busy, and how much of one its main thread. */
  readonly cpu: number
  readonly mainThread: number
  /** Blocks that its head was behind the miner's at most. */
  readonly lag: number
  readonly newcomers: readonly number[]
  readonly waits: Waits
}

function ms(waits: readonly number[]): string {
  const value = p99(waits)
  return Number.isFinite(value) ? `${Math.round(value)} ms (${waits.length})` : `never (${waits.length})`
}

/** @param maxPeers  undefined: as many as there are by default. */
async function besiege(chain: LongChain, maxPeers: number | undefined, options: ScenarioOptions): Promise<Finding[]> {
  const { quick, log } = options
  const { clients, calmMs, greedMs } = quick ? QUICK_SIZES : SIZES
  const crowd = new Crowd(chain, maxPeers)
  try {
    await crowd.start()
    const calm = await crowd.watch(setTimeout(calmMs))
    log(`calm: ${mib(calm.memoryMib)}, blocks ${ms(calm.waits.blocks)}, newcomers ${ms(calm.newcomers)}`)
    const connected = await crowd.gather(clients)
    log(`${connected} of ${clients} are connected`)
    const underway = crowd.greed(greedMs)
    const busy = await crowd.watch(underway)
    const reports = await underway
    const sum = (count: (report: GreedyReport) => number) => reports.reduce((all, report) => all + count(report), 0)
    const protocols = [...new Set(reports.flatMap(({ answered, refused }) => Object.keys({ ...answered, ...refused })))]
    const growth = busy.memoryMib - calm.memoryMib
    const places = maxPeers === undefined ? Math.min(clients, MAX_INBOUND + SPARE_CONNECTIONS) : clients
    const hungUp = sum((report) => report.hungUp)
    const beside = (before: readonly number[], under: readonly number[], barMs: number): Partial<Finding> => ({
      value: `${ms(before)}, then ${ms(under)}`,
      bar: `< ${barMs} ms`,
      // The short form runs beside other tests: what it times is their doing.
      ...(!quick && { pass: p99(under) < barMs }),
    })
    const findings = [
      maxPeers === undefined
        ? { name: 'clients let in', value: `${connected}`, bar: `<= ${places}`, pass: connected <= places }
        : { name: 'clients let in', value: `${connected}`, bar: `${places}`, pass: connected === places },
      { name: 'of them hung up on', value: `${hungUp}`, ...(maxPeers && { bar: '0', pass: hungUp === 0 }) },
      { name: 'longest that they stood still', value: `${Math.max(...reports.map(({ stallMs }) => stallMs))} ms` },
      ...protocols.map((name) => ({
        name: `${name} answered, refused`,
        value: `${sum(({ answered }) => answered[name] ?? 0)}, ${sum(({ refused }) => refused[name] ?? 0)}`,
      })),
      { name: 'processors that the node kept busy', value: `${percent(calm.cpu)}, then ${percent(busy.cpu)}` },
      {
        name: 'main thread',
        value: `${percent(calm.mainThread)}, then ${percent(busy.mainThread)}`,
        bar: `< ${percent(MAX_MAIN_THREAD)}`,
        pass: busy.mainThread < MAX_MAIN_THREAD,
      },
      {
        name: 'memory',
        value: `+ ${mib(growth)}`,
        bar: `< ${MAX_GROWTH_MIB} MiB`,
        pass: growth < MAX_GROWTH_MIB,
      },
      {
        name: 'blocks behind the miner',
        value: `${busy.lag}`,
        bar: `<= ${MAX_LAG_BLOCKS}`,
        pass: busy.lag <= MAX_LAG_BLOCKS,
      },
      { name: 'p99 of blocks', ...beside(calm.waits.blocks, busy.waits.blocks, MAX_WAIT_MS) },
      { name: 'p99 of transactions', ...beside(calm.waits.transactions, busy.waits.transactions, MAX_WAIT_MS) },
      {
        name: 'p99 until a newcomer has a proven balance',
        ...beside(calm.newcomers, busy.newcomers, MAX_NEWCOMER_MS),
      },
    ] as Finding[]
    const kind = maxPeers === undefined ? 'default' : 'opened'
    return findings.map((finding) => ({ ...finding, name: `${kind}: ${finding.name}` }))
  } finally {
    await crowd.stop()
  }
}

export const lightGreedy: Scenario = {
  name: 'light-greedy',
  claim: `what ${SIZES.clients} greedy light clients at once cost a node, with the places there are by default and with places for all`,
  async run(options) {
    const { blocks } = options.quick ? QUICK_SIZES : SIZES
    options.log(`mining ${blocks} blocks`)
    const chain = await mineChain(blocks)
    try {
      const findings: Finding[] = []
      for (const maxPeers of [undefined, OPENED_PEERS]) findings.push(...(await besiege(chain, maxPeers, options)))
      return findings
    } finally {
      await chain.remove()
    }
  },
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}
