import type { Connection, Stream, StreamHandler, StreamHandlerOptions } from '@libp2p/interface'
import type { Clock } from '../../primitives/clock.ts'
import { PeerBuckets } from '../peer-buckets.ts'
import { requestName } from '../wire/names.ts'
import { Answer, type RequestOffence } from './answer.ts'
import type { RequestBackend } from './backend.ts'
import { ALLOWANCE, MAX_CONCURRENT, MAX_STREAMS, REQUEST_TIMEOUT_MS } from './limits.ts'
import { requestProtocols } from './protocols/all.ts'
import type { ServedProtocol } from './served-protocol.ts'

export interface RequestServerOptions {
  /** What all names of the network begin with, `/idobata/<digest>`. */
  readonly prefix: string
}

export interface RequestServerComponents {
  /** libp2p's. */
  readonly host: {
    handle(protocol: string, handler: StreamHandler, options: StreamHandlerOptions): Promise<void>
    unhandle(protocol: string): Promise<void>
  }
  readonly backend: RequestBackend
  readonly clock: Clock
  readonly onOffence: (peer: string, offence: RequestOffence) => void
  /** Told of failures of our own while a request was answered. */
  readonly onError: (error: unknown) => void
}

/**
 * Answers peers. What one of them can cost is bounded four ways: two streams a protocol at a time, ten seconds each, an
 * allowance that all work for it is charged to, and the next part of an answer is made only when the last has been taken.
 */
export class RequestServer {
  readonly #options: RequestServerOptions
  readonly #components: RequestServerComponents
  readonly #allowances = new PeerBuckets(ALLOWANCE)
  readonly #unsent = { bytes: 0 }
  readonly #open = new Set<Stream>()
  /** Streams of a peer and protocol. */
  readonly #counts = new Map<string, number>()

  constructor(options: RequestServerOptions, components: RequestServerComponents) {
    this.#options = options
    this.#components = components
  }

  /** Registers the protocols that the backend serves. */
  async start(): Promise<void> {
    for (const protocol of this.#served()) {
      const handler: StreamHandler = (stream, connection) => this.#accept(stream, connection, protocol)
      await this.#components.host.handle(this.#name(protocol), handler, {
        maxInboundStreams: MAX_STREAMS,
        maxOutboundStreams: MAX_STREAMS,
        runOnLimitedConnection: true,
      })
    }
  }

  /** Answers nothing any more; what is under way is cut off. */
  async stop(): Promise<void> {
    for (const protocol of this.#served()) await this.#components.host.unhandle(this.#name(protocol))
    for (const stream of this.#open) stream.abort(new Error('the node stops'))
  }

  #served(): ServedProtocol[] {
    return requestProtocols.filter((protocol) => protocol.served(this.#components.backend))
  }

  #name({ name }: ServedProtocol): string {
    return requestName(this.#options.prefix, name)
  }

  #accept(stream: Stream, connection: Connection, protocol: ServedProtocol): void {
    if (stream.status !== 'open') return
    const { clock, onOffence } = this.#components
    const peer = connection.remotePeer.toString()
    const key = `${peer} ${protocol.name}`
    const count = this.#counts.get(key) ?? 0
    // What waits while nobody reads it.
    stream.maxReadBufferLength = protocol.maxRequestBytes + 16
    const answer = new Answer(stream, peer, protocol, {
      ...this.#components,
      allowances: this.#allowances,
      unsent: this.#unsent,
      onOffence: (offence) => onOffence(peer, offence),
    })
    if (count === MAX_CONCURRENT) {
      answer.refuse()
      return
    }
    const cancelTimeout = clock.after(REQUEST_TIMEOUT_MS, () => answer.expire())
    this.#counts.set(key, count + 1)
    this.#open.add(stream)
    // The place is free when both sides have closed, not when the answer is sent: else streams half open would pile up.
    stream.addEventListener('close', () => {
      cancelTimeout()
      this.#open.delete(stream)
      const left = this.#counts.get(key)! - 1
      if (left === 0) this.#counts.delete(key)
      else this.#counts.set(key, left)
    })
    void answer.run()
  }
}
