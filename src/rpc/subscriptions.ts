import { toHex } from '../primitives/bytes.ts'
import type { Subscriber } from './caller.ts'
import { encodeHeader, encodeLog, encodeSyncing, encodeTransaction } from './encode.ts'
import { LIMIT_EXCEEDED, RpcError } from './errors.ts'
import type { AnnouncedBlock, NodeEvent, NodeEvents } from './events.ts'
import type { Json } from './json.ts'
import { MAX_SUBSCRIPTIONS_PER_CONNECTION } from './limits.ts'
import { type LogCriteria, wantedLogs } from './logs.ts'

/** What a connection wants to be told of. */
export type Topic =
  /** `removed`: also of blocks that a reorg takes away, marked so, before those that take their place. */
  | { readonly kind: 'newHeads'; readonly removed: boolean }
  | { readonly kind: 'newPendingTransactions'; readonly full: boolean }
  | { readonly kind: 'logs'; readonly criteria: LogCriteria }
  | { readonly kind: 'syncing' }

interface Subscription<T extends Topic = Topic> {
  readonly id: string
  readonly topic: T
  readonly subscriber: Subscriber
}

export interface SubscriptionsComponents {
  readonly events: NodeEvents
  /** An id that nobody can guess. */
  readonly createId: () => string
}

/**
 * Who is to be told of what. An event is turned into JSON once, however many there are to tell; where nobody wants it,
 * not at all.
 */
export class Subscriptions {
  readonly #createId: () => string
  readonly #bySubscriber = new Map<Subscriber, Map<string, Subscription>>()
  readonly #byKind: { readonly [K in Topic['kind']]: Set<Subscription<Topic & { readonly kind: K }>> } = {
    newHeads: new Set(),
    newPendingTransactions: new Set(),
    logs: new Set(),
    syncing: new Set(),
  }
  readonly #unsubscribe: () => void

  constructor({ events, createId }: SubscriptionsComponents) {
    this.#createId = createId
    this.#unsubscribe = events.subscribe((event) => this.#tell(event))
  }

  stop(): void {
    this.#unsubscribe()
  }

  /**
   * Events are told of once the answer with the id is on its way, until `unsubscribe` or the end of the connection.
   * @param afterAnswer  as in `Caller`. @returns the subscription's id. @throws RpcError if the connection has as many as it may.
   */
  subscribe(subscriber: Subscriber, topic: Topic, afterAnswer: (action: () => void) => void): string {
    const own = this.#ownOf(subscriber)
    if (own.size >= MAX_SUBSCRIPTIONS_PER_CONNECTION) {
      const limit = `${MAX_SUBSCRIPTIONS_PER_CONNECTION} subscriptions of one connection`
      throw new RpcError(LIMIT_EXCEEDED, `limit exceeded: ${limit}`)
    }
    const subscription = { id: this.#createId(), topic, subscriber }
    own.set(subscription.id, subscription)
    afterAnswer(() => {
      if (own.has(subscription.id)) this.#setOf(topic.kind).add(subscription)
    })
    return subscription.id
  }

  /** @returns whether there was such a subscription of this connection. */
  unsubscribe(subscriber: Subscriber, id: string): boolean {
    const own = this.#bySubscriber.get(subscriber)
    const subscription = own?.get(id)
    if (!own || !subscription) return false
    own.delete(id)
    this.#setOf(subscription.topic.kind).delete(subscription)
    return true
  }

  #ownOf(subscriber: Subscriber): Map<string, Subscription> {
    const known = this.#bySubscriber.get(subscriber)
    if (known) return known
    const own = new Map<string, Subscription>()
    this.#bySubscriber.set(subscriber, own)
    subscriber.onClose(() => {
      for (const id of [...own.keys()]) this.unsubscribe(subscriber, id)
      this.#bySubscriber.delete(subscriber)
    })
    return own
  }

  #setOf(kind: Topic['kind']): Set<Subscription> {
    return this.#byKind[kind] as Set<Subscription>
  }

  #tell(event: NodeEvent): void {
    if (event.type === 'head') {
      this.#tellHeads(event.connected, event.disconnected)
      this.#tellLogs(event.disconnected, true)
      this.#tellLogs(event.connected, false)
    } else if (event.type === 'pending') {
      const { newPendingTransactions: all } = this.#byKind
      if (all.size === 0) return
      const [full, hashes] = [[...all].filter(({ topic }) => topic.full), [...all].filter(({ topic }) => !topic.full)]
      for (const transaction of event.transactions) {
        announce(hashes, () => toHex(transaction.hash))
        announce(full, () => encodeTransaction(transaction, undefined))
      }
    } else {
      const { progress } = event
      announce(this.#byKind.syncing, () => (progress ? { syncing: true, status: encodeSyncing(progress) } : false))
    }
  }

  /** A reorg shows as heads that do not follow the one before, as geth tells it; who asked is told what has gone, too. */
  #tellHeads(connected: readonly AnnouncedBlock[], disconnected: readonly AnnouncedBlock[]): void {
    const all = this.#byKind.newHeads
    const attentive = disconnected.length === 0 ? [] : [...all].filter(({ topic }) => topic.removed)
    for (const { header } of disconnected) announce(attentive, () => ({ ...encodeHeader(header), removed: true }))
    for (const { header } of connected) announce(all, () => encodeHeader(header))
  }

  #tellLogs(blocks: readonly AnnouncedBlock[], removed: boolean): void {
    for (const subscription of this.#byKind.logs) {
      for (const block of blocks) {
        for (const log of wantedLogs(subscription.topic.criteria, block)) {
          announce([subscription], () => encodeLog(log, block.header, removed))
        }
      }
    }
  }
}

/** Encodes at most once. */
function announce(subscriptions: Iterable<Subscription>, encode: () => Json): void {
  let payload: string | undefined
  for (const { id, subscriber } of subscriptions) {
    payload ??= JSON.stringify(encode())
    subscriber.notify(
      `{"jsonrpc":"2.0","method":"eth_subscription","params":{"subscription":"${id}","result":${payload}}}`,
    )
  }
}
