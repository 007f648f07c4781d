import type { Clock } from '../../primitives/clock.ts'
import type { AddressBook } from './address-book.ts'
import type { BanList } from './ban-list.ts'
import type { PeerAddresses } from './known-peer.ts'
import { LOOK_INTERVAL_MS, SAVE_INTERVAL_MS } from './limits.ts'
import type { LinkKind, PeerAction, PeerManager } from './peer-manager.ts'
import { encodeSavedPeers } from './saved-peers.ts'
import { sourceAt } from './source.ts'

/** The network, as far as connections are concerned. */
export interface Dialer {
  /** Resolves once connected and announced by `connected`. */
  dial(peer: string, addresses: readonly string[], kind: LinkKind, signal: AbortSignal): Promise<void>
  disconnect(peer: string, reason: string): void
  /** Addresses of others that a peer tells of, each signed by the one it is of. */
  askAddresses(peer: string, signal: AbortSignal): Promise<readonly PeerAddresses[]>
}

/** Where what is known of peers is kept. */
export interface PeerStore {
  /** Replaces what was there, all or nothing. */
  save(text: string): Promise<void>
}

export interface ConnectorComponents {
  readonly manager: PeerManager
  readonly book: AddressBook
  readonly bans: BanList
  readonly secret: Uint8Array
  readonly dialer: Dialer
  readonly store: PeerStore
  readonly clock: Clock
  /** Hears of failures that say something about this machine. */
  readonly onError: (error: Error) => void
}

/** Carries out what the peer manager decides, looks at the slots once a second, and keeps what is known on disk. */
export class Connector {
  readonly #components: ConnectorComponents
  readonly #abort = new AbortController()
  #cancelLook: () => void = () => {}
  #lastSaveMs: number
  #saving: Promise<void> = Promise.resolve()

  constructor(components: ConnectorComponents) {
    this.#components = components
    this.#lastSaveMs = components.clock.nowMs()
  }

  start(): void {
    const look = () => {
      const { manager, clock } = this.#components
      const nowMs = clock.nowMs()
      this.#act(manager.look(nowMs))
      if (nowMs - this.#lastSaveMs >= SAVE_INTERVAL_MS) void this.save()
      this.#cancelLook = clock.after(LOOK_INTERVAL_MS, look)
    }
    look()
  }

  /** Resolves when everything is on disk. To be called while the connections still stand: they are what is remembered. */
  async stop(): Promise<void> {
    this.#cancelLook()
    this.#abort.abort()
    await this.save()
  }

  /** @param host  IP address of the other side, unless a relay is between. */
  connected(peer: string, outbound: boolean, host: string | undefined): void {
    const { manager, clock } = this.#components
    this.#act(manager.connected(peer, outbound, host, clock.nowMs()))
  }

  disconnected(peer: string): void {
    this.#components.manager.disconnected(peer)
  }

  penalize(peer: string, penalty: 'ban' | 'discourage', reason: string): void {
    const { manager, clock } = this.#components
    this.#act(manager.penalize(peer, penalty, reason, clock.nowMs()))
    if (penalty === 'ban') void this.save()
  }

  /** Writes what is known; one after the other. */
  save(): Promise<void> {
    const { manager, book, bans, secret, store, clock, onError } = this.#components
    this.#lastSaveMs = clock.nowMs()
    this.#saving = this.#saving
      .then(() => {
        const anchors = manager.anchors()
        return store.save(encodeSavedPeers({ secret, book: book.save(), anchors, bans: bans.list(clock.nowMs()) }))
      })
      .catch((error) => onError(error as Error))
    return this.#saving
  }

  #act(actions: readonly PeerAction[]): void {
    for (const action of actions) {
      if (action.type === 'dial') void this.#dial(action.peer, action.addresses, action.kind)
      else if (action.type === 'disconnect') this.#components.dialer.disconnect(action.peer, action.reason)
      else void this.#askAddresses(action.peer)
    }
  }

  async #dial(peer: string, addresses: readonly string[], kind: LinkKind): Promise<void> {
    const { dialer, manager, clock } = this.#components
    try {
      await dialer.dial(peer, addresses, kind, this.#abort.signal)
      // Without its announcement the slot would be kept for ever.
      if (manager.link(peer) === undefined) manager.dialFailed(peer, clock.nowMs())
    } catch {
      manager.dialFailed(peer, clock.nowMs())
    }
  }

  async #askAddresses(peer: string): Promise<void> {
    const { dialer, manager, clock } = this.#components
    const source = sourceAt(manager.link(peer)?.host)
    try {
      manager.hear(await dialer.askAddresses(peer, this.#abort.signal), source, clock.nowMs())
    } catch {
      // It will be asked again, or another.
    }
  }
}
