import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { multiaddr } from '@multiformats/multiaddr'
import { wirePrefix } from '../../src/p2p/wire/names.ts'
import { fromHex } from '../../src/primitives/bytes.ts'
import { ATTACKS } from '../support/attacks/all.ts'
import { ScriptedPeer, type Victim } from '../support/attacks/scripted-peer.ts'
import { HOSTILE_CHAIN_ID, HOSTILE_POW, hostileGenesis } from './hostile-genesis.ts'
import type { AttackOrder, AttackReport } from './hostile-run.ts'
import { HonestTraffic, type Waits } from './hostile-traffic.ts'
import { mib, mostResidentMib, p99 } from './measure.ts'
import { genesisHashOf, NodeProcesses, peersOf, type StartedNode } from './processes.ts'
import type { Finding, Scenario } from './scenario.ts'

const MAX_GROWTH_MIB = 200
const MAX_WAIT_MS = 1_000
/** Seconds of honest traffic alone, first. */
const CALM_MS = 8_000
const QUICK_CALM_MS = 2_000
/** Of each attack by itself (longer where a slow machine needs longer to find it out), and of all of them at once. */
const EACH_MS = 3_000
const MOST_MS = 60_000
const TOGETHER_MS = 20_000
const QUICK_TOGETHER_MS = 4_000

/** A node, its honest neighbour that mines, a peer that asks it, and a process full of adversaries. */
class Siege {
  readonly #nodes = new NodeProcesses()
  readonly #traffic = new HonestTraffic()
  #adversaries: ChildProcess[] = []
  #friend: ScriptedPeer | undefined
  #order!: Omit<AttackOrder, 'attacks' | 'forMs' | 'mostMs'>
  #victim!: StartedNode
  #neighbour!: string

  /** @param processes  that adversaries run in. */
  async start(processes: number): Promise<void> {
    const genesis = hostileGenesis()
    const miner = await this.#nodes.start({ genesis, args: ['--mine'] })
    const victim = await this.#nodes.start({ genesis, bootnodes: [miner.address] })
    this.#victim = victim
    this.#neighbour = miner.peer
    const genesisHash = await genesisHashOf(victim)
    const prefix = wirePrefix(fromHex(genesisHash))
    this.#order = { addresses: [victim.address], prefix, genesisHash, chainId: HOSTILE_CHAIN_ID }
    const known: Victim = {
      prefix,
      addresses: [multiaddr(victim.address)],
      genesisHash: fromHex(genesisHash),
      chainId: BigInt(HOSTILE_CHAIN_ID),
      pow: HOSTILE_POW,
    }
    this.#friend = await ScriptedPeer.connect(known, { name: 'honest' }, new AbortController().signal)
    await this.#traffic.start(miner.url, victim.url, this.#friend)
    this.#adversaries = Array.from({ length: processes }, () => fork(new URL('hostile-run.ts', import.meta.url)))
  }

  async stop(): Promise<void> {
    await this.#traffic.stop()
    for (const adversaries of this.#adversaries) adversaries.disconnect()
    await this.#friend?.stop()
    await this.#nodes.stop()
  }

  /** What the victim's process holds, in MiB: the most of some seconds. */
  memory(whileRuns: Promise<unknown>): Promise<number> {
    return mostResidentMib(this.#victim.process.pid, whileRuns)
  }

  async attack(attacks: readonly string[], forMs: number, mostMs: number): Promise<readonly AttackReport[]> {
    const shares = this.#adversaries.map(async (adversaries, i) => {
      const share = attacks.filter((_, at) => at % this.#adversaries.length === i)
      adversaries.send({ ...this.#order, attacks: share, forMs, mostMs } satisfies AttackOrder)
      const [reports] = (await once(adversaries, 'message')) as [readonly AttackReport[]]
      return reports
    })
    return (await Promise.all(shares)).flat()
  }

  /** Waits since the last call. */
  waits(): Waits {
    const taken = structuredClone(this.#traffic.waits)
    this.#traffic.reset()
    return taken
  }

  /** Whether the victim thinks ill of those who did nothing. */
  async wronged(): Promise<readonly string[]> {
    const honest = [this.#neighbour, this.#friend!.adversary.peer]
    const peers = await peersOf(this.#victim)
    const bans = (await this.#victim.rpc.call('admin_bans')) as { readonly target: string }[]
    return honest.filter((id) => {
      const peer = peers.find((each) => each.id === id)
      return peer === undefined || peer.score < 0 || bans.some(({ target }) => target === id)
    })
  }
}

export const hostile: Scenario = {
  name: 'hostile',
  claim: 'adversaries on every protocol cost memory within bounds, and honest traffic goes on',
  async run({ quick, log }) {
    const siege = new Siege()
    const findings: Finding[] = []
    try {
      await siege.start(quick ? 1 : 3)
      const before = await siege.memory(setTimeout(quick ? QUICK_CALM_MS : CALM_MS))
      const calm = siege.waits()
      findings.push({ name: 'memory of the node before', value: mib(before) })
      findings.push({ name: 'p99 of transactions, blocks, requests before', value: p99s(calm) })
      const all = ATTACKS.map(({ name }) => name)
      const rounds = [...(quick ? [] : all.map((name) => [name])), all]
      let most = before
      for (const attacks of rounds) {
        const together = attacks.length > 1
        const togetherMs = quick ? QUICK_TOGETHER_MS : TOGETHER_MS
        const underway = together
          ? siege.attack(attacks, togetherMs, togetherMs)
          : siege.attack(attacks, EACH_MS, MOST_MS)
        const held = await siege.memory(underway)
        most = Math.max(most, held)
        const reports = await underway
        const waits = siege.waits()
        findings.push(...reports.map((report) => judged(report, !together)))
        const name = together ? 'all at once' : attacks[0]!
        log(`${name}: ${mib(held)}, p99 ${p99s(waits)}`)
        findings.push({
          name: `p99 under ${name}`,
          value: p99s(waits),
          bar: `each < ${MAX_WAIT_MS} ms`,
          // The short form runs beside other tests: what it times is their doing.
          ...(!quick && { pass: areShort(waits) }),
        })
      }
      findings.push({
        name: 'memory of the node at most',
        value: `+ ${mib(most - before)}`,
        bar: `< ${MAX_GROWTH_MIB} MiB`,
        pass: most - before < MAX_GROWTH_MIB,
      })
      const wronged = await siege.wronged()
      findings.push({
        name: 'honest peers that were scored or lost',
        value: `${wronged.length}`,
        bar: '0',
        pass: wronged.length === 0,
      })
      return findings
    } finally {
      await siege.stop()
    }
  },
}

/** @param alone  whether it had the time to itself that it takes to be found out. */
function judged({ name, connected, hungUp, repeats }: AttackReport, alone: boolean): Finding {
  const { unforgivable } = ATTACKS.find((attack) => attack.name === name)!
  const value = `hung up on ${hungUp} of ${connected}, ${repeats} times`
  return { name, value, ...(unforgivable && alone && { bar: 'hung up on', pass: hungUp > 0 }) }
}

function p99s({ transactions, blocks, requests }: Waits): string {
  return `${[transactions, blocks, requests].map((waits) => (waits.length === 0 ? '–' : Math.round(p99(waits)))).join(' / ')} ms`
}

function areShort(waits: Waits): boolean {
  return Object.values(waits).every((list: readonly number[]) => p99(list) < MAX_WAIT_MS)
}
