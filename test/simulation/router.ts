import type { GossipsubMessage, PublishResult } from '@chainsafe/libp2p-gossipsub'
import type { PeerId } from '@libp2p/interface'
import type { MessageRouter } from '../../src/p2p/gossip.ts'
import { messageId } from '../../src/p2p/gossip-router.ts'
import { GOSSIP_LIMITS } from '../../src/p2p/limits.ts'
import type { GossipVerdict } from '../../src/p2p/verdict.ts'
import { Processor } from './processor.ts'
import type { VirtualClock } from './virtual-clock.ts'

export interface LinkOptions {
  /** Milliseconds from one end to the other. */
  readonly latencyMs: number
  /** Bytes that a node sends in a millisecond, to all its peers together. */
  readonly uplink: number
}

export interface RouterComponents {
  readonly peerId: PeerId
  readonly clock: VirtualClock
  /** Resolves when the node's thread has read so many bytes. */
  readonly read: (sizeBytes: number) => Promise<void>
}

interface Message {
  readonly id: string
  readonly topic: string
  readonly data: Uint8Array
}

/** Frame, topic and control bytes around the data of a message. */
const OVERHEAD_BYTES = 64

/**
 * Gossipsub's rules for messages, with its bounds, on a virtual clock: a message goes to the mesh peers of its topic once its
 * verdict is `accept`, except to those that brought it or said that they have it (IDONTWANT), as everybody does of a large one
 * when it arrives. The offers to peers outside of the mesh are left out: they make up for losses, and nothing is lost here.
 */
export class SimulatedRouter extends EventTarget implements MessageRouter {
  readonly peerId: PeerId
  readonly #link: LinkOptions
  readonly #parts: RouterComponents
  readonly #cable: Processor
  readonly #topics = new Set<string>()
  readonly #meshes = new Map<string, readonly SimulatedRouter[]>()
  /** Ids of messages that have come or gone, with who has them for all we know. */
  readonly #holders = new Map<string, Set<SimulatedRouter>>()
  /** Those that wait for their verdict. */
  readonly #waiting = new Map<string, Message>()
  /** Bytes. */
  sent = 0
  /** As gossipsub's: `Gossip` listens here for copies of what it has had. */
  readonly mcache = { observeDuplicate: (_id: string, _peer: string): void => undefined }

  constructor(link: LinkOptions, components: RouterComponents) {
    super()
    this.#link = link
    this.#parts = components
    this.peerId = components.peerId
    this.#cable = new Processor(components.clock)
  }

  setMesh(topic: string, peers: readonly SimulatedRouter[]): void {
    this.#meshes.set(topic, peers)
  }

  subscribe(topic: string): void {
    this.#topics.add(topic)
  }

  unsubscribe(topic: string): void {
    this.#topics.delete(topic)
  }

  getTopics(): string[] {
    return [...this.#topics]
  }

  getSubscribers(topic: string): PeerId[] {
    return this.#mesh(topic).map(({ peerId }) => peerId)
  }

  getMeshPeers(topic: string): string[] {
    return this.getSubscribers(topic).map(String)
  }

  async publish(topic: string, data: Uint8Array = new Uint8Array(0)): Promise<PublishResult> {
    const id = Buffer.from(messageId(topic, data)).toString('base64')
    if (!this.#holders.has(id)) {
      this.#holders.set(id, new Set())
      this.#forward({ id, topic, data })
    }
    return { recipients: this.getSubscribers(topic) }
  }

  reportMessageValidationResult(id: string, _source: string, verdict: GossipVerdict): void {
    const message = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (message !== undefined && verdict === 'accept') this.#forward(message)
  }

  #mesh(topic: string): readonly SimulatedRouter[] {
    return this.#meshes.get(topic) ?? []
  }

  #forward(message: Message): void {
    const holders = this.#holders.get(message.id)!
    for (const peer of this.#mesh(message.topic)) {
      if (!holders.has(peer)) this.#send(peer, message.data.length, () => peer.#receive(message, this))
    }
  }

  /** Calls `arrived` when so many bytes have come to `peer`. */
  #send(peer: SimulatedRouter, sizeBytes: number, arrived: () => unknown): void {
    const { clock } = this.#parts
    const bytes = sizeBytes + OVERHEAD_BYTES
    this.sent += bytes
    void this.#cable
      .work(bytes / this.#link.uplink)
      .then(() => clock.pass(this.#link.latencyMs))
      .then(() => peer.#parts.read(bytes))
      .then(arrived)
  }

  #receive(message: Message, from: SimulatedRouter): void {
    const { id, topic, data } = message
    const known = this.#holders.get(id)
    if (known !== undefined) {
      known.add(from)
      this.mcache.observeDuplicate(id, from.peerId.toString())
      return
    }
    this.#holders.set(id, new Set([from]))
    this.#waiting.set(id, message)
    if (data.length >= GOSSIP_LIMITS.idontwantMinDataSize) {
      for (const peer of this.#mesh(topic)) {
        if (peer !== from) this.#send(peer, id.length, () => peer.#holders.get(id)?.add(this))
      }
    }
    const detail: GossipsubMessage = {
      msgId: id,
      msg: { type: 'unsigned', topic, data },
      propagationSource: from.peerId,
    }
    this.dispatchEvent(new CustomEvent('gossipsub:message', { detail }))
  }
}
