import type { Connection } from '@libp2p/interface'
import { equalBytes } from '../primitives/bytes.ts'
import type { Clock } from '../primitives/clock.ts'
import { MAX_HANDSHAKE_TRIES } from './limits.ts'
import { RequestError } from './reqresp/request-error.ts'
import { type Status, WIRE_VERSION } from './wire/status.ts'

/** A peer of our network, connected. */
export interface PeerSession {
  /** Its peer id. */
  readonly peer: string
  /** Whether we called it. */
  readonly outbound: boolean
  /** The multiaddr it is reached at, or called from. */
  readonly address: string
  /** Milliseconds since the Unix epoch. */
  readonly connectedMs: number
  /** What it said last about itself. */
  readonly status: Status
}

export interface PeerSessionsComponents {
  readonly genesisHash: Uint8Array
  readonly clock: Clock
  /** Tells a peer how we stand, and asks the same. Rejects with RequestError. */
  readonly ask: (peer: string) => Promise<Status>
  readonly hangUp: (peer: string) => void
  readonly onReady: (session: PeerSession) => void
  readonly onGone: (session: PeerSession) => void
  /** It is of another network, or speaks another version of ours. */
  readonly onStranger: (peer: string) => void
  readonly onError: (error: unknown) => void
}

/**
 * Who of those that are connected is of our network: each is asked for its status first, whoever called whom, and one whose
 * genesis is another is hung up on. Nothing else is asked of a peer before that.
 */
export class PeerSessions {
  readonly #parts: PeerSessionsComponents
  readonly #ready = new Map<string, PeerSession>()
  /** The connection that each peer was asked over who it is, or is being asked. */
  readonly #connections = new Map<string, Connection>()
  /** Being asked, one attempt for each connection; settles with whether the peer is ready. */
  readonly #asking = new Map<string, Promise<boolean>>()

  constructor(components: PeerSessionsComponents) {
    this.#parts = components
  }

  get ready(): ReadonlyMap<string, PeerSession> {
    return this.#ready
  }

  /** A connection to a peer has been opened. Another beside one that stands changes nothing. */
  connected(connection: Connection): void {
    const peer = connection.remotePeer.toString()
    const held = this.#connections.get(peer)
    if (held?.status === 'open') return
    // One that is being closed will not be asked over again, and its end must not be taken for this one's.
    if (held !== undefined) this.#end(peer)
    this.#connections.set(peer, connection)
    const attempt: Promise<boolean> = this.#ask(peer).then((status) => {
      // It may have gone, and come again, meanwhile.
      if (this.#asking.get(peer) !== attempt) return false
      this.#asking.delete(peer)
      if (status !== undefined) this.#begin(peer, connection, status)
      else this.#parts.hangUp(peer)
      return status !== undefined
    })
    this.#asking.set(peer, attempt)
    attempt.catch(this.#parts.onError)
  }

  /** Settles when a connected peer has said who it is: whether it may be dealt with. */
  async untilReady(peer: string): Promise<boolean> {
    return (await this.#asking.get(peer)) ?? this.#ready.has(peer)
  }

  /** A peer has told us how it stands, asked or not. */
  heard(peer: string, status: Status): void {
    const session = this.#ready.get(peer)
    if (session !== undefined) this.#ready.set(peer, { ...session, status })
  }

  /** A connection has been closed. @param others  those to the same peer that are left. */
  disconnected(connection: Connection, others: readonly Connection[]): void {
    const peer = connection.remotePeer.toString()
    if (this.#connections.get(peer) !== connection) return
    this.#end(peer)
    const next = others.find(({ status }) => status === 'open')
    if (next !== undefined) this.connected(next)
  }

  #end(peer: string): void {
    this.#connections.delete(peer)
    this.#asking.delete(peer)
    const session = this.#ready.get(peer)
    if (session === undefined) return
    this.#ready.delete(peer)
    this.#parts.onGone(session)
  }

  #begin(peer: string, { remoteAddr, direction }: Connection, status: Status): void {
    const { clock, onReady } = this.#parts
    const session = {
      peer,
      outbound: direction === 'outbound',
      address: remoteAddr.toString(),
      connectedMs: clock.nowMs(),
      status,
    }
    this.#ready.set(peer, session)
    onReady(session)
  }

  async #ask(peer: string): Promise<Status | undefined> {
    const { ask, genesisHash, onStranger } = this.#parts
    for (let tries = 1; ; tries++) {
      try {
        const status = await ask(peer)
        if (status.version === WIRE_VERSION && equalBytes(status.genesisHash, genesisHash)) return status
        onStranger(peer)
        return undefined
      } catch (error) {
        if (!(error instanceof RequestError)) throw error
        // Names carry the genesis: who does not know ours is of another network.
        if (error.code === 'unsupported') onStranger(peer)
        if (error.code === 'unsupported' || error.code === 'disconnected' || tries === MAX_HANDSHAKE_TRIES) {
          return undefined
        }
      }
    }
  }
}
