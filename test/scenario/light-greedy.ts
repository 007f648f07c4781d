import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { multiaddr } from '@multiformats/multiaddr'
import { parseGenesis } from '../../src/chain/genesis.ts'
import { createPow } from '../../src/consensus/pow.ts'
import { hashHeader } from '../../src/crypto/hashes.ts'
import { nobleRecovery } from '../../src/crypto/noble.ts'
import { LightClient } from '../../src/light/client.ts'
import { devAccounts } from '../../src/node/dev.ts'
import { createPacer, monotonicMs, random, systemClock } from '../../src/node/system.ts'
import { lightRequests } from '../../src/p2p/light-requests.ts'
import { wirePrefix } from '../../src/p2p/wire/names.ts'
import { type Status, WIRE_VERSION } from '../../src/p2p/wire/status.ts'
import { fromHex } from '../../src/primitives/bytes.ts'
import { ScriptedPeer } from '../support/attacks/scripted-peer.ts'
import { HOSTILE_CHAIN_ID, HOSTILE_POW, hostileGenesis } from './hostile-genesis.ts'
import { HonestTraffic, type Waits } from './hostile-traffic.ts'
import type { GreedyOrder, GreedyReport, GreedyStart } from './light-greedy-run.ts'
import { type LongChain, mineChain } from './long-chain.ts'
import { mib, mostResidentMib, p99 } from './measure.ts'
import { NodeProcesses, type StartedNode } from './processes.ts'
import type { Finding, Scenario } from './scenario.ts'

const SIZES = { clients: 500, blocks: 1_200, calmMs: 8_000, greedMs: 20_000 }
const QUICK_SIZES = { clients: 40, blocks: 120, calmMs: 2_000, greedMs: 4_000 }
/** Room for all of them at once: by default there are 64 places. */
const MAX_PEERS = 600
const PROCESSES = 2
const MAX_GROWTH_MIB = 200
const MAX_WAIT_MS = 1_000
const MAX_LAG_BLOCKS = 2
/** From nothing to a proven balance. */
const MAX_NEWCOMER_MS = 10_000
const GIVEN_UP_MS = 20_000
/** Looks until a block has come; a minute. */
const MAX_LOOKS = 600
const LOOK_MS = 100
const BETWEEN_NEWCOMERS_MS = 500

async function heightOf({ rpc }: StartedNode): Promise<number> {
  return Number(await rpc.call('eth_blockNumber', []))
}

/** Seconds of processor time that a process has had. */
function cpuSec(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

/** A node among greedy light clients, its honest neighbour that mines, a peer that asks it, and an honest light client. */
class Crowd {
  readonly #nodes = new NodeProcesses()
  readonly #traffic = new HonestTraffic()
  readonly #chain: LongChain
  readonly #processes: ChildProcess[] = []
  readonly #friends: ScriptedPeer[] = []
  #miner!: StartedNode
  #victim!: StartedNode

  constructor(chain: LongChain) {
    this.#chain = chain
  }

  async start(): Promise<void> {
    const genesis = hostileGenesis()
    const { file: blocks, nonce } = this.#chain
    this.#miner = await this.#nodes.start({ genesis, blocks, args: ['--mine'] })
    const args = ['--maxpeers', `${MAX_PEERS}`]
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
    const [beganMs, beganSec] = [monotonicMs(), cpuSec(pid)]
    let over = false
    const end = () => {
      over = true
    }
    void whileRuns.then(end, end)
    const newcomers: number[] = []
    let lag = 0
    const arrive = async () => {
      while (!over) {
        newcomers.push(await this.#newcomer())
        await setTimeout(BETWEEN_NEWCOMERS_MS)
      }
    }
    const compare = async () => {
      while (!over) {
        const ours = await heightOf(this.#victim)
        lag = Math.max(lag, (await heightOf(this.#miner)) - ours)
        await setTimeout(BETWEEN_NEWCOMERS_MS)
      }
    }
    this.#traffic.reset()
    const [memoryMib] = await Promise.all([mostResidentMib(pid, whileRuns), arrive(), compare()])
    const cpu = (cpuSec(pid) - beganSec) / ((monotonicMs() - beganMs) / 1_000)
    return { memoryMib, cpu, lag, newcomers, waits: structuredClone(this.#traffic.waits) }
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

  /** Milliseconds until a light client that knows only genesis has proven a balance; Infinity if it gives up. */
  async #newcomer(): Promise<number> {
    const peer = this.#friends[1]!
    const beganMs = monotonicMs()
    const genesisHash = fromHex(this.#chain.blocks[0]!)
    const status: Status = {
      version: WIRE_VERSION,
      genesisHash,
      headHash: genesisHash,
      number: 0,
      totalDifficulty: 1n,
      oldestBody: 0,
      serves: { headers: false, bodies: false, txs: false, proof: false, history: false },
      agent: 'light',
    }
    const { params, header } = parseGenesis(hostileGenesis())
    const stateRoot = this.#chain.genesisStateRoot
    const client = new LightClient(
      { params, rules: { name: 'pow', ...HOSTILE_POW }, genesis: hashHeader({ ...header, stateRoot }), vouchers: 1 },
      {
        engine: createPow(HOSTILE_POW, {}),
        requests: lightRequests(
          peer.client,
          () => status,
          () => undefined,
        ),
        clock: systemClock,
        random,
        pacer: createPacer(),
        recovery: nobleRecovery(),
        report: () => undefined,
        checkTransaction: () => undefined,
        send: async () => 0,
        genesisCode: () => undefined,
        onError: () => undefined,
      },
    )
    await client.start()
    try {
      const signal = AbortSignal.timeout(GIVEN_UP_MS)
      // `head` stays at genesis until something has been proven.
      const followed = new Promise<void>((resolve, reject) => {
        client.subscribe(() => resolve())
        signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      })
      client.addPeer(peer.connection.remotePeer.toString())
      await followed
      const { account } = await client.prove(devAccounts()[0]!.address, [], client.head)
      return account === undefined ? Number.POSITIVE_INFINITY : monotonicMs() - beganMs
    } catch {
      return Number.POSITIVE_INFINITY
    } finally {
      await client.stop()
    }
  }
}

interface Watched {
  readonly memoryMib: number
  /** Processors that the node kept busy. */
  readonly cpu: number
  /** Blocks that its head was behind the miner's at most. */
  readonly lag: number
  readonly newcomers: readonly number[]
  readonly waits: Waits
}

function ms(waits: readonly number[]): string {
  const value = p99(waits)
  return Number.isFinite(value) ? `${Math.round(value)} ms (${waits.length})` : `never (${waits.length})`
}

export const lightGreedy: Scenario = {
  name: 'light-greedy',
  claim: `what ${SIZES.clients} greedy light clients at once (--maxpeers ${MAX_PEERS}) cost a node, beside what they may`,
  async run({ quick, log }) {
    const { clients, blocks, calmMs, greedMs } = quick ? QUICK_SIZES : SIZES
    log(`mining ${blocks} blocks`)
    const chain = await mineChain(blocks)
    const crowd = new Crowd(chain)
    try {
      await crowd.start()
      const calm = await crowd.watch(setTimeout(calmMs))
      log(`calm: ${mib(calm.memoryMib)}, blocks ${ms(calm.waits.blocks)}, newcomers ${ms(calm.newcomers)}`)
      const connected = await crowd.gather(clients)
      log(`${connected} are connected`)
      const underway = crowd.greed(greedMs)
      const busy = await crowd.watch(underway)
      const reports = await underway
      const sum = (count: (report: GreedyReport) => number) => reports.reduce((all, report) => all + count(report), 0)
      const protocols = [
        ...new Set(reports.flatMap(({ answered, refused }) => Object.keys({ ...answered, ...refused }))),
      ]
      const growth = busy.memoryMib - calm.memoryMib
      const beside = (before: readonly number[], under: readonly number[], barMs: number): Partial<Finding> => ({
        value: `${ms(before)}, then ${ms(under)}`,
        bar: `< ${barMs} ms`,
        // The short form runs beside other tests: what it times is their doing.
        ...(!quick && { pass: p99(under) < barMs }),
      })
      return [
        { name: 'clients let in', value: `${connected}`, bar: `${clients}`, pass: connected === clients },
        { name: 'of them hung up on', value: `${sum(({ hungUp }) => hungUp)}` },
        ...protocols.map((name) => ({
          name: `${name} answered, refused`,
          value: `${sum(({ answered }) => answered[name] ?? 0)}, ${sum(({ refused }) => refused[name] ?? 0)}`,
        })),
        { name: 'processor time of the node', value: `${percent(calm.cpu)}, then ${percent(busy.cpu)}` },
        { name: 'memory', value: `+ ${mib(growth)}`, bar: `< ${MAX_GROWTH_MIB} MiB`, pass: growth < MAX_GROWTH_MIB },
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
    } finally {
      await crowd.stop()
      await chain.remove()
    }
  },
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}
