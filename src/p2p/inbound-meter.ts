import type { RPC } from '@chainsafe/libp2p-gossipsub/message'
import type { Connection, PeerId, Stream } from '@libp2p/interface'
import type { Clock } from '../primitives/clock.ts'
import {
  GOSSIP_ALLOWANCE,
  GOSSIP_CHANGE_COST,
  GOSSIP_ID_COST,
  GOSSIP_MESSAGE_COST,
  GOSSIP_USELESS_COST,
  MAX_GOSSIP_DEBT,
  MAX_SERVICE_DEBT,
  SERVICE_ALLOWANCE,
  SERVICE_REFUSED_COST,
  SERVICE_STREAM_COST,
} from './limits.ts'
import { PeerBuckets } from './peer-buckets.ts'

/** The member of libp2p's streams through which everything comes that arrives on them. */
interface ArrivingStream extends Stream {
  onData(data: { readonly byteLength: number }): void
}

export interface InboundMeterComponents {
  readonly clock: Clock
  /** A peer goes on and on beyond its allowance. */
  readonly onFlood: (peer: string) => void
}

/**
 * What peers have libp2p's own protocols do for them. The libraries bound how much they hold, not how often they are asked: one
 * peer alone could keep this thread busy with subscriptions, questions to the DHT or announcements of nothing. Requests have
 * an allowance of their own (`reqresp/`), and so do transactions.
 */
export class InboundMeter {
  readonly #parts: InboundMeterComponents
  readonly #gossip = new PeerBuckets(GOSSIP_ALLOWANCE)
  readonly #services = new PeerBuckets(SERVICE_ALLOWANCE)

  constructor(components: InboundMeterComponents) {
    this.#parts = components
  }

  /** Counts what arrives on a stream of gossip. */
  watchGossip(stream: Stream, { remotePeer }: Connection): void {
    const peer = remotePeer.toString()
    onArrival(stream, (bytes) => {
      this.#chargeGossip(peer, bytes)
      return true
    })
  }

  /** Counts a stream of another protocol of libp2p's, and what arrives on it; one that is too much is cut. */
  watchService(stream: Stream, { remotePeer }: Connection): void {
    const peer = remotePeer.toString()
    const takes = (bytes: number) => {
      const nowMs = this.#parts.clock.nowMs()
      const allowance = this.#services.of(peer, nowMs)
      const exhausted = allowance.waitMs(nowMs) > 0
      allowance.charge(exhausted ? SERVICE_REFUSED_COST : bytes, MAX_SERVICE_DEBT, nowMs)
      if (allowance.waitMs(nowMs) >= waitOf(MAX_SERVICE_DEBT, SERVICE_ALLOWANCE)) this.#parts.onFlood(peer)
      if (exhausted) stream.abort(new Error('too much of it'))
      return !exhausted
    }
    if (takes(SERVICE_STREAM_COST)) onArrival(stream, takes)
  }

  /** Whether a frame of gossip is looked at: what stands in it costs more than its bytes, which have been counted. */
  takesRpc(from: PeerId, { subscriptions, messages, control }: RPC): boolean {
    const peer = from.toString()
    const nowMs = this.#parts.clock.nowMs()
    if (this.#gossip.of(peer, nowMs).waitMs(nowMs) > 0) {
      this.#chargeGossip(peer, GOSSIP_USELESS_COST)
      return false
    }
    const { graft = [], prune = [], ihave = [], iwant = [], idontwant = [] } = control ?? {}
    const changes = subscriptions.length + graft.length + prune.length
    const ids = [...ihave, ...iwant, ...idontwant].reduce((sum, { messageIDs }) => sum + messageIDs.length, 0)
    this.#chargeGossip(
      peer,
      messages.length * GOSSIP_MESSAGE_COST + changes * GOSSIP_CHANGE_COST + ids * GOSSIP_ID_COST,
    )
    return true
  }

  /** A message was of use: what it took of the allowance is given back. */
  useful(peer: string, bytes: number): void {
    this.#gossip.of(peer, this.#parts.clock.nowMs()).refund(bytes + GOSSIP_MESSAGE_COST)
  }

  /** A block or header was judged and goes nowhere. */
  useless(peer: string): void {
    this.#chargeGossip(peer, GOSSIP_USELESS_COST)
  }

  #chargeGossip(peer: string, cost: number): void {
    const nowMs = this.#parts.clock.nowMs()
    const allowance = this.#gossip.of(peer, nowMs)
    allowance.charge(cost, MAX_GOSSIP_DEBT, nowMs)
    if (allowance.waitMs(nowMs) >= waitOf(MAX_GOSSIP_DEBT, GOSSIP_ALLOWANCE)) this.#parts.onFlood(peer)
  }
}

/** Milliseconds until whoever owes as much as it can is out of debt. */
function waitOf(debt: number, { perSecond }: { readonly perSecond: number }): number {
  return (debt / perSecond) * 1000
}

/** Calls `takes` with the bytes of whatever arrives, before anybody reads it; they go no further when it says so. */
function onArrival(stream: Stream, takes: (bytes: number) => boolean): void {
  const arriving = stream as ArrivingStream
  if (typeof arriving.onData !== 'function') throw new Error('libp2p has changed: no onData')
  const onData = arriving.onData.bind(arriving)
  if (stream.readBufferLength > 0 && !takes(stream.readBufferLength)) return
  arriving.onData = (data) => {
    if (takes(data.byteLength)) onData(data)
  }
}
