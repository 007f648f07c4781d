import type { ConnectionGater, IdentifyResult, MultiaddrConnection, PeerInfo } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import type { BaseHost } from '../p2p/base-host.ts'
import { AddressBook } from '../p2p/peers/address-book.ts'
import { BanList } from '../p2p/peers/ban-list.ts'
import { Connector, type Dialer, type PeerStore } from '../p2p/peers/connector.ts'
import type { PeerAddresses } from '../p2p/peers/known-peer.ts'
import { MAX_PEERS_EXCHANGED } from '../p2p/peers/limits.ts'
import { hostOf } from '../p2p/peers/network-group.ts'
import { PeerManager } from '../p2p/peers/peer-manager.ts'
import type { SavedPeers } from '../p2p/peers/saved-peers.ts'
import { hearsay, type Source, sourceAt } from '../p2p/peers/source.ts'
import type { PeerSession } from '../p2p/sessions.ts'
import type { Clock } from '../primitives/clock.ts'
import { openRecords, sequenceOf } from './peer-records.ts'
import { random } from './system.ts'

export interface PeeringOptions {
  readonly self: string
  readonly bootnodes: readonly string[]
  readonly maxPeers: number
  readonly exchange: boolean
  /** Whether private addresses that the DHT and the local network tell of are worth anything. */
  readonly privateAddresses: boolean
}

export interface PeeringComponents {
  /** Known once it is made: it asks who may connect before. */
  readonly host: () => BaseHost
  /** Of the last run. */
  readonly saved: SavedPeers | undefined
  readonly store: PeerStore
  /** Signed peer records of others, in their envelopes. */
  readonly requestPeers: (peer: string, count: number, signal: AbortSignal) => Promise<readonly Uint8Array[]>
  /** Settles when a connected peer has said who it is, or has gone. */
  readonly untilReady: (peer: string) => Promise<boolean>
  readonly clock: Clock
  /** Hears why a connection is ended from here. */
  readonly onHangUp: (peer: string, reason: string) => void
  readonly onError: (error: unknown) => void
}

/** The peer manager on libp2p: dials what it asks for and nothing else, and tells it what happens. */
export class Peering {
  readonly manager: PeerManager
  readonly bans = new BanList()
  readonly #book: AddressBook
  readonly #connector: Connector
  readonly #options: PeeringOptions
  readonly #parts: PeeringComponents
  /** Peers that are being dialled because we want to. */
  readonly #wanted = new Set<string>()

  constructor(options: PeeringOptions, components: PeeringComponents) {
    this.#options = options
    this.#parts = components
    const { saved, clock } = components
    const secret = saved?.secret ?? crypto.getRandomValues(new Uint8Array(32))
    this.#book = new AddressBook(secret, random)
    const nowMs = clock.nowMs()
    if (saved !== undefined) this.#book.load(saved.book, nowMs)
    for (const ban of saved?.bans ?? []) this.bans.add(ban, nowMs)
    this.manager = new PeerManager(
      {
        self: options.self,
        bootnodes: byPeer(options.bootnodes),
        trusted: [],
        anchors: saved?.anchors ?? [],
        maxPeers: options.maxPeers,
      },
      { book: this.#book, bans: this.bans, random, secret },
    )
    this.#connector = new Connector({
      manager: this.manager,
      book: this.#book,
      bans: this.bans,
      secret,
      dialer: this.#dialer(),
      store: components.store,
      clock,
      onError: components.onError,
    })
  }

  /** Who may connect, for the host. What libp2p's own services would dial by themselves they may not. */
  get gater(): ConnectionGater {
    const { clock } = this.#parts
    return {
      denyDialPeer: (peer) => !this.#wanted.has(peer.toString()) && !this.#isConnected(peer.toString()),
      denyInboundConnection: (connection: MultiaddrConnection) => {
        const host = hostOf(connection.remoteAddr.toString())
        if (host === undefined) return false
        const ended = this.manager.accept(host, clock.nowMs())
        if (connection.status === 'open') connection.addEventListener('close', () => ended?.(), { once: true })
        else ended?.()
        return ended === undefined
      },
      denyInboundEncryptedConnection: (peer) => !this.manager.mayConnect(peer.toString(), clock.nowMs()),
      denyOutboundConnection: (peer) => !this.manager.mayConnect(peer.toString(), clock.nowMs()),
      // Which addresses are worth dialling is decided where they are heard of.
      denyDialMultiaddr: () => false,
    }
  }

  start(): void {
    const host = this.#parts.host()
    host.addEventListener('peer:discovery', ({ detail }: CustomEvent<PeerInfo>) => {
      this.#hear(detail.id.toString(), detail.multiaddrs, hearsay(this.#options.privateAddresses))
    })
    // Who calls us tells where it can be called itself.
    host.addEventListener('peer:identify', ({ detail }: CustomEvent<IdentifyResult>) => {
      const source = sourceAt(hostOf(detail.connection.remoteAddr.toString()))
      const { signedPeerRecord: signed } = detail
      this.#hear(detail.peerId.toString(), signed?.addresses ?? detail.listenAddrs, source, signed?.seq)
    })
    this.#connector.start()
  }

  /** Remembers whom we are connected to; before the host hangs up. */
  stop(): Promise<void> {
    return this.#connector.stop()
  }

  connected({ peer, outbound, address }: PeerSession): void {
    this.#connector.connected(peer, outbound, hostOf(address))
  }

  disconnected(peer: string): void {
    this.#connector.disconnected(peer)
  }

  penalize(peer: string, penalty: 'ban' | 'discourage', reason: string): void {
    this.#connector.penalize(peer, penalty, reason)
  }

  /** Bans somebody because the operator says so. */
  ban(target: string, seconds: number): void {
    const nowMs = this.#parts.clock.nowMs()
    this.bans.add({ target, untilMs: nowMs + seconds * 1000, reason: 'the operator' }, nowMs)
    void this.#connector.save()
    for (const { peer, host } of this.manager.links) {
      if (peer === target || host === target) this.#dialer().disconnect(peer, 'banned')
    }
  }

  unban(target: string): boolean {
    const lifted = this.bans.lift(target)
    if (lifted) void this.#connector.save()
    return lifted
  }

  #hear(peer: string, addresses: readonly Multiaddr[], source: Source, sequence = 0n): void {
    const named = { peer, addresses: addresses.map(String), sequence: sequenceOf(sequence) }
    this.manager.hear([named], source, this.#parts.clock.nowMs())
  }

  #isConnected(peer: string): boolean {
    return this.#parts.host().getConnections(peerIdFromString(peer)).length > 0
  }

  #dialer(): Dialer {
    const { host, requestPeers, untilReady, onHangUp } = this.#parts
    return {
      dial: async (peer, addresses, _kind, signal) => {
        this.#wanted.add(peer)
        try {
          const suffix = `/p2p/${peer}`
          const targets = addresses.map((address) => multiaddr(address.endsWith(suffix) ? address : address + suffix))
          await host().dial(targets, { signal })
        } finally {
          this.#wanted.delete(peer)
        }
        if (!(await untilReady(peer))) throw new Error('not of our network, or gone')
      },
      disconnect: (peer, reason) => {
        onHangUp(peer, reason)
        host()
          .hangUp(peerIdFromString(peer))
          .catch(() => undefined)
      },
      askAddresses: async (peer, signal) => {
        if (!this.#options.exchange) return []
        return openRecords(await requestPeers(peer, MAX_PEERS_EXCHANGED, signal))
      },
    }
  }
}

/** Multiaddrs with peer ids, put together for each peer. */
export function byPeer(addresses: readonly string[]): PeerAddresses[] {
  const peers = new Map<string, string[]>()
  for (const address of addresses) {
    const peer = peerOf(address)
    if (peer !== undefined) peers.set(peer, [...(peers.get(peer) ?? []), address])
  }
  return [...peers].map(([peer, addresses]) => ({ peer, addresses }))
}

/** The peer id at the end of a multiaddr, or the text itself if it is one; undefined: neither. */
export function peerOf(text: string): string | undefined {
  const last = text.split('/').at(-1)!
  try {
    return peerIdFromString(last).toString()
  } catch {
    return undefined
  }
}
