import { AddressBook } from '../../src/p2p/peers/address-book.ts'
import { BanList } from '../../src/p2p/peers/ban-list.ts'
import type { PeerAddresses } from '../../src/p2p/peers/known-peer.ts'
import { BLOCK_ONLY_OUTBOUND, FULL_OUTBOUND } from '../../src/p2p/peers/limits.ts'
import { networkGroup } from '../../src/p2p/peers/network-group.ts'
import { PeerManager } from '../../src/p2p/peers/peer-manager.ts'
import { decodeSavedPeers, encodeSavedPeers } from '../../src/p2p/peers/saved-peers.ts'
import { sourceAt } from '../../src/p2p/peers/source.ts'
import { seededRandom } from '../support/seeded-random.ts'
import type { Scenario } from './scenario.ts'

const HONEST = 200
const SYBILS = 2000
const SYBIL_GROUPS = 32
const SEEDS = 100
const QUICK_SEEDS = 20
/** Of the worlds, those in which enough are honest. */
const MIN_SHARE = 0.95
const MIN_HONEST = 2
/** Milliseconds of one step of the simulation; the victim looks at its slots in each. */
const STEP_MS = 60_000
const PEACE_MS = 12 * 3_600_000
const SIEGE_MS = 4 * 3_600_000
const AFTER_MS = 600_000

interface Node extends PeerAddresses {
  readonly host: string
  readonly sybil: boolean
}

const pick = <T>(list: readonly T[], random: () => number): T => list[Math.floor(random() * list.length)]!

/** A network with one victim; the attacker's hosts always answer, others mostly. */
class World {
  readonly random: () => number
  readonly honest: Node[]
  readonly sybils: Node[]
  readonly #nodes: Map<string, Node>
  nowMs = 1_700_000_000_000
  manager: PeerManager
  book: AddressBook
  readonly #secret: Uint8Array
  readonly #unreachable = new Set<string>()

  constructor(seed: number) {
    this.random = seededRandom(seed)
    this.#secret = Uint8Array.from({ length: 32 }, () => Math.floor(this.random() * 256))
    this.honest = Array.from({ length: HONEST }, (_, i) => this.#node(`honest-${i}`, this.#publicGroup(100), false))
    const groups = Array.from({ length: SYBIL_GROUPS }, () => this.#publicGroup(20))
    this.sybils = Array.from({ length: SYBILS }, (_, i) => this.#node(`sybil-${i}`, groups[i % SYBIL_GROUPS]!, true))
    this.#nodes = new Map([...this.honest, ...this.sybils].map((node) => [node.peer, node]))
    this.book = new AddressBook(this.#secret, this.random)
    this.manager = this.#manage([this.honest[0]!], [])
  }

  /** Lets time pass. @param siege  whether the attacker tells of his hosts in every step, each time from another. */
  run(forMs: number, siege: boolean): void {
    const endMs = this.nowMs + forMs
    for (; this.nowMs < endMs; this.nowMs += STEP_MS) {
      if (siege) this.#besiege()
      for (const action of this.manager.look(this.nowMs)) {
        if (action.type === 'dial') this.#dial(this.#nodes.get(action.peer)!)
        else if (action.type === 'ask-addresses') this.#exchange(this.#nodes.get(action.peer)!)
      }
      // Honest nodes come and go: one link in a few hours.
      for (const { peer } of [...this.manager.links]) {
        if (!this.#nodes.get(peer)!.sybil && this.random() < STEP_MS / (8 * 3_600_000)) this.manager.disconnected(peer)
      }
    }
  }

  /** The victim starts again from what it has saved; its bootnode and a tenth of the honest nodes are gone. */
  restart(): void {
    const saved = { secret: this.#secret, book: this.book.save(), anchors: this.manager.anchors(), bans: [] }
    const { book, anchors } = decodeSavedPeers(encodeSavedPeers(saved))!
    this.book = new AddressBook(this.#secret, this.random)
    this.book.load(book, this.nowMs)
    this.#unreachable.add(this.honest[0]!.peer)
    for (const { peer } of this.honest) if (this.random() < 0.1) this.#unreachable.add(peer)
    this.manager = this.#manage([this.honest[0]!], anchors)
  }

  outbound(): Node[] {
    return [...this.manager.links].filter(({ outbound }) => outbound).map(({ peer }) => this.#nodes.get(peer)!)
  }

  #manage(bootnodes: readonly PeerAddresses[], anchors: readonly PeerAddresses[]): PeerManager {
    const { random, book } = this
    return new PeerManager(
      { self: 'victim', bootnodes, trusted: [], anchors },
      { book, bans: new BanList(), random, secret: this.#secret },
    )
  }

  #publicGroup(from: number): string {
    return `${from + Math.floor(this.random() * 80)}.${Math.floor(this.random() * 256)}`
  }

  #node(peer: string, group: string, sybil: boolean): Node {
    const host = `${group}.${Math.floor(this.random() * 256)}.${Math.floor(this.random() * 256)}`
    return { peer, host, addresses: [`/ip4/${host}/tcp/30303`], sybil }
  }

  #dial(node: Node): void {
    if (this.#unreachable.has(node.peer)) this.manager.dialFailed(node.peer, this.nowMs)
    else this.manager.connected(node.peer, true, node.host, this.nowMs)
  }

  /** Honest nodes know some honest ones, and as many of the attacker's as he tells them of. */
  #exchange(node: Node): void {
    const answer = Array.from({ length: 64 }, () =>
      pick(node.sybil || this.random() < 0.3 ? this.sybils : this.honest, this.random),
    )
    this.manager.hear(answer, sourceAt(node.host), this.nowMs)
  }

  /** A connection from one of his hosts, who tells of others; then it makes room for the next. */
  #besiege(): void {
    const from = pick(this.sybils, this.random)
    const ended = this.manager.accept(from.host, this.nowMs)
    if (ended === undefined) return
    this.manager.connected(from.peer, false, from.host, this.nowMs)
    const told = Array.from({ length: 16 }, () => pick(this.sybils, this.random))
    this.manager.hear(told, sourceAt(from.host), this.nowMs)
    if (this.manager.link(from.peer)?.outbound === false) this.manager.disconnected(from.peer)
    ended()
  }
}

/** Peers that the victim chose after the siege and a restart. */
function besieged(seed: number): readonly Node[] {
  const world = new World(seed)
  world.run(PEACE_MS, false)
  world.run(SIEGE_MS, true)
  world.restart()
  world.run(AFTER_MS, true)
  return world.outbound()
}

export const eclipse: Scenario = {
  name: 'eclipse',
  claim: 'a victim whose book an attacker fills from 2,000 hosts in 32 networks chooses honest peers after a restart',
  async run({ quick, seed: first, log }) {
    const seeds = quick ? QUICK_SEEDS : SEEDS
    const chosen: (readonly Node[])[] = []
    for (let seed = first; seed < first + seeds; seed++) {
      chosen.push(besieged(seed))
      if (chosen.length % 10 === 0) log(`${chosen.length} of ${seeds} worlds`)
    }
    const honest = chosen.map((peers) => peers.filter(({ sybil }) => !sybil).length)
    const enough = honest.filter((count) => count >= MIN_HONEST).length
    const least = Math.min(...chosen.map(({ length }) => length))
    const most = Math.max(...chosen.map(({ length }) => length))
    const crowded = chosen.filter((peers) => new Set(peers.map(({ host }) => networkGroup(host))).size < peers.length)
    const [fewest, full] = [FULL_OUTBOUND, FULL_OUTBOUND + BLOCK_ONLY_OUTBOUND]
    return [
      {
        name: `worlds with ${MIN_HONEST} honest peers of our choice`,
        value: `${enough} of ${seeds}`,
        bar: `>= ${100 * MIN_SHARE} %`,
        pass: enough >= MIN_SHARE * seeds,
      },
      { name: 'honest peers, fewest and mean', value: `${Math.min(...honest)}, ${mean(honest).toFixed(1)}` },
      {
        name: 'peers of our choice',
        value: `${least} to ${most}`,
        bar: `${fewest} to ${full}`,
        pass: least >= fewest && most <= full,
      },
      {
        name: 'worlds with two of them in one network',
        value: `${crowded.length}`,
        bar: '0',
        pass: crowded.length === 0,
      },
    ]
  },
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
