import type { Connection } from '@libp2p/interface'
import type { Clock } from '../primitives/clock.ts'
import type { BaseHost } from './base-host.ts'
import { GOSSIP_CHECK_MS } from './limits.ts'

/**
 * Gossipsub opens one stream to a peer when that connects, and never again: a stream that ends while its connection lives on leaves
 * both sides believing to be neighbours that have nothing to say. This looks for such connections and opens it again.
 */
export class GossipWatchdog {
  readonly #host: Pick<BaseHost, 'getConnections' | 'services'>
  readonly #clock: Clock
  /** Connections found without a stream, by id; the next look will tell whether it was only being opened. */
  #silent = new Set<string>()
  #cancel = () => {}
  #reopened = 0

  constructor(host: Pick<BaseHost, 'getConnections' | 'services'>, clock: Clock) {
    this.#host = host
    this.#clock = clock
  }

  /** Streams opened again since the start. */
  get reopened(): number {
    return this.#reopened
  }

  start(): void {
    this.#cancel = this.#clock.after(GOSSIP_CHECK_MS, () => {
      this.#look()
      this.start()
    })
  }

  stop(): void {
    this.#cancel()
  }

  #look(): void {
    const silent = new Set<string>()
    for (const connection of this.#host.getConnections()) {
      if (connection.status !== 'open' || connection.limits !== undefined || this.#hasStream(connection)) continue
      if (this.#silent.has(connection.id)) {
        this.#reopened++
        this.#host.services.gossip.onPeerConnected(connection.remotePeer, connection)
      } else silent.add(connection.id)
    }
    this.#silent = silent
  }

  /** To the peer, on any of its connections. */
  #hasStream({ remotePeer }: Connection): boolean {
    const { protocols } = this.#host.services.gossip
    return this.#host.getConnections(remotePeer).some(({ streams }) =>
      streams.some(({ protocol, direction, status }) => {
        return direction === 'outbound' && status === 'open' && protocols.includes(protocol)
      }),
    )
  }
}
