import { spawn } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { Namespaces } from '../support/namespaces.ts'
import { NodeProcess } from '../support/node-process.ts'
import { temporaryDirectory } from '../support/test-chain.ts'
import { hostileGenesis } from './hostile-genesis.ts'
import type { PeerLine } from './processes.ts'
import type { Finding, Scenario } from './scenario.ts'

const POLL_MS = 250
/** Looks until something must have happened; a minute and a half on a machine that keeps up. */
const MAX_LOOKS = 360
/** The same for a trial, which takes no longer than a call that nobody answers. */
const TRIAL_LOOKS = 80
const RPC_PORT = 8545
const PORT = 30_303
/** Public ones, as far as anybody inside can tell: private ones are not told of, nor mapped. */
const OUTSIDE = { relay: '20.0.0.1', router: '20.0.0.2', friend: '20.0.0.4' }
const INSIDE = { router: '192.168.1.1', node: '192.168.1.2', neighbour: '192.168.1.3' }

interface Reached {
  readonly name: string
  readonly peer: string
  /** Multiaddrs that it tells of. */
  addresses(): readonly string[]
}

/** A relay and a friend on a public network; behind a router that lets nothing in, a node and its neighbour. */
class Neighbourhood {
  readonly #machines = new Namespaces(`idb${process.pid % 100_000}`)
  readonly #directory = temporaryDirectory()
  readonly #running = new Set<{ stop(): Promise<unknown> }>()
  #count = 0

  build(): void {
    const machines = this.#machines
    machines.addSwitch('wan')
    machines.addSwitch('lan')
    for (const name of ['relay', 'router', 'friend', 'node', 'neighbour']) machines.add(name)
    for (const name of ['relay', 'router', 'friend'] as const) machines.connect(name, 'wan', `${OUTSIDE[name]}/24`)
    for (const name of ['router', 'node', 'neighbour'] as const) machines.connect(name, 'lan', `${INSIDE[name]}/24`)
    for (const name of ['node', 'neighbour']) machines.run(name, `ip route add default via ${INSIDE.router}`)
    machines.translate('router', 'wan')
  }

  async start(name: string, settings: Readonly<Record<string, string>> = {}): Promise<Reached> {
    const home = join(this.#directory, `${this.#count++}`)
    const genesis = `${home}.json`
    writeFileSync(genesis, JSON.stringify(hostileGenesis()))
    const child = new NodeProcess(
      ['start', '--datadir', home, '--genesis', genesis],
      {
        IDOBATA_P2P: 'true',
        IDOBATA_PORT: `${PORT}`,
        IDOBATA_P2P_TRANSPORTS: 'tcp',
        IDOBATA_P2P_AUTONAT: 'false',
        IDOBATA_P2P_HOLEPUNCH: 'false',
        IDOBATA_NODISCOVER: 'true',
        IDOBATA_HTTP_API: 'eth,idobata,admin',
        ...settings,
      },
      undefined,
      this.#machines.within(name),
    )
    this.#running.add({ stop: () => child.kill() })
    const { peerId } = await child.record('listening for peers')
    return {
      name,
      peer: String(peerId),
      addresses: () => (this.call(name, 'admin_nodeInfo') as { readonly addresses: readonly string[] }).addresses,
    }
  }

  /** The router's service that forwards ports. */
  startGateway(): void {
    const [command, ...args] = this.#machines.within('router')
    const script = new URL('gateway-run.ts', import.meta.url).pathname
    const child = spawn(command!, [...args, process.execPath, script, INSIDE.router, OUTSIDE.router], {
      stdio: 'ignore',
    })
    this.#running.add({
      stop: async () => {
        child.kill('SIGKILL')
        this.#machines.forwardNothing('router')
      },
    })
  }

  /** Whether the router has been asked to forward a port. */
  forwards(): boolean {
    return this.#machines.forwards('router')
  }

  /** Undoes that; the node is not told. */
  forwardNothing(): void {
    this.#machines.forwardNothing('router')
  }

  /** Asks the node that runs on a machine. */
  call(name: string, method: string, ...params: readonly unknown[]): unknown {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
    const header = "-H 'content-type: application/json'"
    const output = this.#machines.run(name, `curl -s ${header} -d '${body}' http://127.0.0.1:${RPC_PORT}`)
    return JSON.parse(output).result
  }

  /** How `of` reaches a peer; undefined: not at all. */
  route(of: Reached, { peer }: Reached): PeerLine | undefined {
    return (this.call(of.name, 'idobata_peers') as readonly PeerLine[]).find(({ id }) => id === peer)
  }

  /** Ends all nodes. */
  async clear(): Promise<void> {
    for (const each of this.#running) await each.stop()
    this.#running.clear()
  }

  async stop(): Promise<void> {
    await this.clear()
    this.#machines.remove()
    rmSync(this.#directory, { recursive: true, force: true })
  }
}

async function until<T>(look: () => T | undefined | false, maxLooks = MAX_LOOKS): Promise<T | undefined> {
  for (let looks = 0; looks < maxLooks; looks++) {
    const found = look()
    if (found) return found
    await setTimeout(POLL_MS)
  }
  return undefined
}

const startRelay = (place: Neighbourhood) =>
  place.start('relay', { IDOBATA_P2P_RELAYSERVER: 'true', IDOBATA_P2P_ADDR: OUTSIDE.relay })

function found(name: string, value = 'not at all', bar = 'not at all'): Finding {
  return { name, value, bar, pass: value === bar }
}

/** By the relay, and with hole punching without it. */
async function relayed(place: Neighbourhood, holepunch: boolean): Promise<Finding[]> {
  const relay = await startRelay(place)
  const settings = {
    IDOBATA_BOOTNODES: `/ip4/${OUTSIDE.relay}/tcp/${PORT}/p2p/${relay.peer}`,
    IDOBATA_P2P_HOLEPUNCH: `${holepunch}`,
  }
  const node = await place.start('node', { ...settings, IDOBATA_P2P_RELAY: 'true' })
  const friend = await place.start('friend', {
    ...settings,
    IDOBATA_P2P_RELAY: 'true',
    IDOBATA_P2P_ADDR: OUTSIDE.friend,
  })
  const address = await until(() => node.addresses().find((each) => each.includes('/p2p-circuit')))
  await until(() => place.route(friend, relay))
  if (address !== undefined) place.call('friend', 'admin_addPeer', address)
  const wanted = holepunch ? 'direct' : 'relayed'
  const atFriend = await until(() => place.route(friend, node)?.route === wanted && wanted)
  const atNode = await until(() => place.route(node, friend)?.route === wanted && wanted)
  const how = holepunch ? 'by a relay, then a hole' : 'by a relay'
  await place.clear()
  return [
    found(`${how}: the node's way to a public peer`, atNode, wanted),
    found(`${how}: the peer's way to the node behind the router`, atFriend, wanted),
  ]
}

async function mapped(place: Neighbourhood): Promise<Finding[]> {
  place.startGateway()
  const node = await place.start('node', { IDOBATA_NAT: 'upnp' })
  const address = await until(() => node.addresses().find((each) => each.startsWith(`/ip4/${OUTSIDE.router}/`)))
  const friend = await place.start('friend', { IDOBATA_P2P_ADDR: OUTSIDE.friend, IDOBATA_BOOTNODES: address ?? '' })
  const atNode = await until(() => place.route(node, friend))
  const atFriend = place.route(friend, node)
  await place.clear()
  return [
    { name: 'by a forwarded port: what the node tells of', value: address ?? 'nothing', pass: address !== undefined },
    found("by a forwarded port: the node's way to who called it", atNode?.route, 'mapped'),
    found("by a forwarded port: the caller's way to the node", atFriend?.route, 'direct'),
  ]
}

/** By a port that a router says it forwards, of which the node tells nobody before a peer has come in there. */
async function tried(place: Neighbourhood, forwards: boolean): Promise<Finding[]> {
  place.startGateway()
  const settings = { IDOBATA_P2P_AUTONAT: 'true' }
  const friend = await place.start('friend', { ...settings, IDOBATA_P2P_ADDR: OUTSIDE.friend })
  const node = await place.start('node', { ...settings, IDOBATA_NAT: 'upnp' })
  const told = () => node.addresses().find((each) => each.startsWith(`/ip4/${OUTSIDE.router}/`))
  await until(() => place.forwards())
  if (!forwards) place.forwardNothing()
  const before = told()
  place.call('node', 'admin_addPeer', `/ip4/${OUTSIDE.friend}/tcp/${PORT}/p2p/${friend.peer}`)
  const first = await until(() => place.route(node, friend))
  const address = await until(told, forwards ? MAX_LOOKS : TRIAL_LOOKS)
  const last = place.route(node, friend)
  await place.clear()
  const how = forwards ? 'a port that peers try' : 'a port that is said to be forwarded'
  return [
    found(`${how}: told of before`, before),
    found(`${how}: told of after`, address && 'yes', forwards ? 'yes' : undefined),
    found(
      `${how}: the connection to who tried it`,
      last?.connectedMs === first?.connectedMs ? last?.route : 'another',
      'direct',
    ),
  ]
}

async function closed(place: Neighbourhood): Promise<Finding[]> {
  const node = await place.start('node')
  const friend = await place.start('friend', {
    IDOBATA_P2P_ADDR: OUTSIDE.friend,
    IDOBATA_BOOTNODES: `/ip4/${OUTSIDE.router}/tcp/${PORT}/p2p/${node.peer}`,
  })
  // As long as it takes a bootnode to be called, and to be called again.
  await until(() => place.route(friend, node), 60)
  const route = place.route(friend, node)?.route
  await place.clear()
  return [found('without help', route)]
}

async function local(place: Neighbourhood): Promise<Finding[]> {
  const [node, neighbour] = await Promise.all([
    place.start('node', { IDOBATA_MDNS: 'true' }),
    place.start('neighbour', { IDOBATA_MDNS: 'true' }),
  ])
  const way = await until(() => place.route(node, neighbour)?.route)
  await place.clear()
  return [found('on the local network, by mDNS', way, 'direct')]
}

export const nat: Scenario = {
  name: 'nat',
  claim:
    'a node behind a router is reached by relay, by a hole, by a forwarded port, and on its own network; status says how',
  async run({ quick, log }) {
    const missing = Namespaces.missing()
    if (missing !== undefined) return [{ name: 'not looked at', value: missing }]
    const place = new Neighbourhood()
    try {
      place.build()
      const findings: Finding[] = []
      const parts: Readonly<Record<string, () => Promise<Finding[]>>> = {
        'by a relay': () => relayed(place, false),
        ...(!quick && {
          'by a hole': () => relayed(place, true),
          'by a forwarded port': () => mapped(place),
          'by a port that peers try': () => tried(place, true),
          'by a port that is not forwarded': () => tried(place, false),
          'without help': () => closed(place),
          locally: () => local(place),
        }),
      }
      for (const [name, part] of Object.entries(parts)) {
        log(name)
        findings.push(...(await part()))
      }
      return findings
    } finally {
      await place.stop()
    }
  },
}
