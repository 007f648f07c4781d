import type { GossipsubMessage } from '@chainsafe/libp2p-gossipsub'
import type { GossipRouter } from './gossip-router.ts'
import type { InboundMeter } from './inbound-meter.ts'
import { MAX_ARRIVALS, MAX_JUDGED_AT_ONCE, MAX_REMEMBERED_MESSAGES } from './limits.ts'
import type { Topics } from './topics.ts'
import type { GossipVerdict } from './verdict.ts'

/** Judges the messages of one topic. */
export interface TopicHandler {
  /**
   * @param data  as it came: possibly a Buffer, and a view into more.
   * @param remember  takes what shall be done when another peer brings the same message.
   */
  handle(data: Uint8Array, from: string, remember: (again: (peer: string) => void) => void): Promise<GossipVerdict>
}

export interface GossipOptions {
  readonly topics: Topics
}

/** What is needed of gossipsub. */
export type MessageRouter = Pick<
  GossipRouter,
  | 'addEventListener'
  | 'removeEventListener'
  | 'subscribe'
  | 'unsubscribe'
  | 'getTopics'
  | 'getSubscribers'
  | 'getMeshPeers'
  | 'publish'
  | 'reportMessageValidationResult'
  | 'mcache'
>

export interface GossipComponents {
  readonly router: MessageRouter
  /** Of the topics that this node takes part in. */
  readonly handlers: Partial<Record<keyof Topics, TopicHandler>>
  readonly meter: Pick<InboundMeter, 'useful' | 'useless'>
  readonly onVerdict: (peer: string, topic: keyof Topics, verdict: GossipVerdict) => void
  readonly onSubscription: () => void
  readonly onError: (error: unknown) => void
}

/** Messages judged since the start, by topic and verdict. */
export type GossipCounts = Readonly<Record<keyof Topics, Readonly<Record<GossipVerdict, number>>>>

/** Between gossipsub and the handlers of the topics. */
export class Gossip {
  readonly #topics: Topics
  readonly #parts: GossipComponents
  /** What to do when a message comes again; insertion order is age. */
  readonly #again = new Map<string, (peer: string) => void>()
  readonly #counts: Record<keyof Topics, Record<GossipVerdict, number>>
  /** By topic: a flood of one must not keep the others out. */
  readonly #judging: Record<keyof Topics, number> = { tx: 0, block: 0, header: 0, sighting: 0 }

  constructor({ topics }: GossipOptions, components: GossipComponents) {
    this.#topics = topics
    this.#parts = components
    const none = () => ({ accept: 0, ignore: 0, reject: 0 })
    this.#counts = { tx: none(), block: none(), header: none(), sighting: none() }
  }

  get counts(): GossipCounts {
    return this.#counts
  }

  /** Begins to listen; `transactions`: to those too, which is of no use far behind the head. */
  start(transactions: boolean): void {
    const { router, handlers, onSubscription } = this.#parts
    router.addEventListener('gossipsub:message', this.#onMessage)
    router.addEventListener('subscription-change', onSubscription)
    const observe = router.mcache.observeDuplicate.bind(router.mcache)
    router.mcache.observeDuplicate = (id, peer) => {
      observe(id, peer)
      this.#again.get(id)?.(peer)
    }
    for (const name of Object.keys(handlers)) {
      if (name !== 'tx' || transactions) router.subscribe(this.#topics[name as keyof Topics])
    }
  }

  stop(): void {
    this.#parts.router.removeEventListener('gossipsub:message', this.#onMessage)
    this.#parts.router.removeEventListener('subscription-change', this.#parts.onSubscription)
  }

  listenToTransactions(wanted: boolean): void {
    const { router } = this.#parts
    if (wanted === router.getTopics().includes(this.#topics.tx)) return
    if (wanted) router.subscribe(this.#topics.tx)
    else router.unsubscribe(this.#topics.tx)
  }

  /** @returns how many peers it goes to. */
  async publish(topic: keyof Topics, data: Uint8Array): Promise<number> {
    try {
      return (await this.#parts.router.publish(this.#topics[topic], data)).recipients.length
    } catch (error) {
      this.#parts.onError(error)
      return 0
    }
  }

  hasListeners(topic: keyof Topics): boolean {
    return this.#parts.router.getSubscribers(this.#topics[topic]).length > 0
  }

  /** Peers that messages of a topic are exchanged with. */
  neighbours(topic: keyof Topics): readonly string[] {
    return this.#parts.router.getMeshPeers(this.#topics[topic])
  }

  readonly #onMessage = ({ detail }: CustomEvent<GossipsubMessage>): void => {
    void this.#judge(detail)
  }

  async #judge({ msgId, msg, propagationSource }: GossipsubMessage): Promise<void> {
    const { router, meter, onVerdict, onError } = this.#parts
    const from = propagationSource.toString()
    const topic = this.#topicOf(msg.topic)
    const handler = topic && this.#parts.handlers[topic]
    let verdict: GossipVerdict = 'ignore'
    if (topic !== undefined && handler !== undefined && this.#judging[topic] < MAX_JUDGED_AT_ONCE) {
      this.#judging[topic]++
      try {
        verdict = await handler.handle(msg.data, from, (again) => this.#remember(msgId, again))
      } catch (error) {
        // Ours to solve, and no reason to think worse of anybody.
        onError(error)
      } finally {
        this.#judging[topic]--
      }
    }
    router.reportMessageValidationResult(msgId, from, verdict)
    if (topic === undefined) return
    this.#counts[topic][verdict]++
    // Transactions are paid for where they are judged.
    if (verdict === 'accept') meter.useful(from, msg.data.length)
    else if (topic !== 'tx') meter.useless(from)
    onVerdict(from, topic, verdict)
  }

  #topicOf(name: string): keyof Topics | undefined {
    return (Object.keys(this.#topics) as (keyof Topics)[]).find((topic) => this.#topics[topic] === name)
  }

  #remember(id: string, again: (peer: string) => void): void {
    const brought = new Set<string>()
    this.#again.set(id, (peer) => {
      if (brought.has(peer) || brought.size === MAX_ARRIVALS) return
      brought.add(peer)
      again(peer)
    })
    if (this.#again.size > MAX_REMEMBERED_MESSAGES) this.#again.delete(this.#again.keys().next().value!)
  }
}
