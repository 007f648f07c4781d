import { setTimeout } from 'node:timers/promises'
import type { RPC } from '@chainsafe/libp2p-gossipsub/message'
import * as gossipMessages from '@chainsafe/libp2p-gossipsub/message'
import type { Connection, Stream } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { appendLeaf, historyLeaf, NO_PEAKS } from '../../../src/chain/history.ts'
import type { PowParams } from '../../../src/consensus/pow.ts'
import { systemClock } from '../../../src/node/system.ts'
import { RequestClient } from '../../../src/p2p/reqresp/client.ts'
import { connectionsOf } from '../../../src/p2p/reqresp/connections.ts'
import { requestHeaders } from '../../../src/p2p/reqresp/protocols/headers.ts'
import { drained } from '../../../src/p2p/reqresp/receive.ts'
import { RequestServer } from '../../../src/p2p/reqresp/server.ts'
import { type Topics, topicsOf } from '../../../src/p2p/topics.ts'
import { MAX_HEADERS } from '../../../src/p2p/wire/limits.ts'
import { type Status, WIRE_VERSION } from '../../../src/p2p/wire/status.ts'
import type { HashedHeader } from '../../../src/primitives/header.ts'
import { Adversary } from '../adversary.ts'
import { HeaderMaker } from '../header-maker.ts'
import { startTestHost } from '../test-host.ts'

/** What is known of whom one attacks. */
export interface Victim {
  readonly prefix: string
  readonly addresses: readonly Multiaddr[]
  readonly genesisHash: Uint8Array
  readonly chainId: bigint
  readonly pow: PowParams
}

/** Something hostile to do. */
export interface Attack {
  readonly name: string
  /** Whether the victim has to part with whoever does it; otherwise it is enough that it bears it. */
  readonly unforgivable: boolean
  /** What its status says, beside the truth. */
  readonly claim?: Partial<Status>
  /** What it listens to; all there is unless told. */
  readonly topics?: readonly (keyof Topics)[]
  /** Done again and again until the connection is gone or the time is up. */
  once(attacker: ScriptedPeer): Promise<void>
}

/** Members of gossipsub that its interface does not declare. */
interface OutboundStreams {
  readonly streamsOutbound: ReadonlyMap<string, { pushPrefixed(data: Uint8Array): void; readonly rawStream: Stream }>
}

const NO_STREAM_PAUSE_MS = 20

/** One identity, connected to the victim and taken in by it. */
export class ScriptedPeer {
  readonly adversary: Adversary
  readonly victim: Victim
  readonly connection: Connection
  readonly topics: Topics
  readonly signal: AbortSignal
  readonly client: RequestClient
  readonly #callee: { getMultiaddrs(): Multiaddr[] }

  private constructor(adversary: Adversary, victim: Victim, connection: Connection, signal: AbortSignal) {
    this.adversary = adversary
    this.victim = victim
    this.connection = connection
    this.signal = signal
    this.topics = topicsOf(victim.prefix)
    this.#callee = { getMultiaddrs: () => [...victim.addresses] }
    this.client = new RequestClient(
      { prefix: victim.prefix },
      { clock: systemClock, connectionTo: connectionsOf(adversary.host) },
    )
  }

  /** A new identity that says of itself what the attack wants. @throws Error if the victim does not take it in. */
  static async connect(
    victim: Victim,
    { name, claim, topics }: Pick<Attack, 'name' | 'claim' | 'topics'>,
    signal: AbortSignal,
  ): Promise<ScriptedPeer> {
    const { prefix, genesisHash } = victim
    const host = await startTestHost({ prefix, topics: topicsOf(prefix), listen: [] })
    try {
      const status: Status = {
        version: WIRE_VERSION,
        genesisHash,
        headHash: genesisHash,
        number: 0,
        totalDifficulty: 1n,
        oldestBody: 0,
        serves: { headers: true, bodies: true, txs: true, proof: false, history: false },
        agent: name.slice(0, 64),
        ...claim,
      }
      const server = new RequestServer(
        { prefix },
        {
          host,
          backend: { status: () => status, peerRecords: async () => [] },
          clock: systemClock,
          onOffence: () => undefined,
          onError: () => undefined,
        },
      )
      await server.start()
      const all = topicsOf(prefix)
      for (const topic of topics?.map((name) => all[name]) ?? Object.values(all)) host.services.gossip.subscribe(topic)
      const connection = await host.dial([...victim.addresses], { signal: AbortSignal.timeout(10_000) })
      return new ScriptedPeer(new Adversary(host, prefix), victim, connection, signal)
    } catch (error) {
      await host.stop()
      throw error
    }
  }

  /** Whether it is worth going on. */
  get going(): boolean {
    return this.connection.status === 'open' && !this.signal.aborted
  }

  async stop(): Promise<void> {
    await this.adversary.host.stop()
  }

  /** In [0, 1). */
  random(): number {
    return Math.random()
  }

  pause(ms: number): Promise<void> {
    return setTimeout(ms)
  }

  /** A stream of any protocol, by its whole name. */
  open(name: string): Promise<Stream> {
    return this.adversary.openNamed(this.#callee, name)
  }

  openRequest(protocol: Parameters<Adversary['open']>[1]): Promise<Stream> {
    return this.adversary.open(this.#callee, protocol)
  }

  bytes(length: number): Uint8Array {
    return crypto.getRandomValues(new Uint8Array(Math.min(length, 65_536)))
  }

  /** Sends a gossip frame, whatever it holds. Resolves when the victim takes more. */
  gossip(rpc: Partial<RPC>): Promise<void> {
    return this.gossipFrame(gossipMessages.RPC.encode({ subscriptions: [], messages: [], ...rpc }))
  }

  gossipMessage(topic: string, data: Uint8Array): Promise<void> {
    return this.gossip({ messages: [{ topic, data }] })
  }

  /** @param length  what is said of it; the truth by default. */
  async gossipFrame(payload: Uint8Array, length = payload.length): Promise<void> {
    const { streamsOutbound } = this.adversary.host.services.gossip as unknown as OutboundStreams
    const stream = streamsOutbound.get(this.connection.remotePeer.toString())
    if (stream === undefined) return this.pause(NO_STREAM_PAUSE_MS)
    stream.pushPrefixed(Uint8Array.of(...varint(length)))
    stream.pushPrefixed(payload)
    await drained(stream.rawStream)
  }

  /** The victim's canonical headers from genesis on. */
  async headers(): Promise<HashedHeader[]> {
    const request = { start: 0, count: MAX_HEADERS, skip: 0, reverse: false }
    return requestHeaders(this.client, this.connection.remotePeer.toString(), request)
  }

  /** Makes headers with valid seals on the victim's chain. @param below  blocks under its head. */
  async maker(below = 0): Promise<HeaderMaker> {
    const headers = await this.headers()
    const kept = headers.slice(0, Math.max(1, headers.length - below))
    let peaks = NO_PEAKS
    for (const { hash, header } of kept) peaks = appendLeaf(peaks, historyLeaf(hash, header)).peaks
    const tip = kept.at(-1)!
    const parent = kept.at(-2)?.header
    const totalDifficulty = kept.reduce((sum, { header }) => sum + header.difficulty, 0n)
    const { chainId, pow } = this.victim
    return new HeaderMaker({ ...tip, totalDifficulty, peaks, ...(parent && { parent }) }, { chainId, pow })
  }
}

export function varint(value: number): number[] {
  const bytes: number[] = []
  let left = value
  for (; left > 127; left = Math.floor(left / 128)) bytes.push((left % 128) | 128)
  return [...bytes, left]
}
