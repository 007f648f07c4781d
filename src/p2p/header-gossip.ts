import type { ChainEvent } from '../chain/types.ts'
import { type Key, toKey } from '../primitives/bytes.ts'
import type { Clock } from '../primitives/clock.ts'
import { BlockError, DecodeError } from '../primitives/errors.ts'
import { encodeHeader, type HashedHeader } from '../primitives/header.ts'
import type { GossipChain } from './block-gossip.ts'
import {
  HEADER_WAIT_MS,
  MAX_CARRIED_BLOCKS,
  MAX_GOSSIP_DEPTH,
  MAX_PEER_WAITING_HEADERS,
  MAX_WAITING_HEADERS,
} from './limits.ts'
import { RecentKeys } from './recent-keys.ts'
import { BLOCK_VERDICTS, type GossipVerdict } from './verdict.ts'
import { decodeHeaderAnnouncement } from './wire/headers.ts'

export interface HeaderGossipComponents {
  readonly chain: Pick<GossipChain, 'branch' | 'head' | 'isBad'>
  readonly clock: Clock
  readonly publish: (data: Uint8Array) => void
  /** See `BlockGossipComponents`. */
  readonly catchingUp: () => boolean
  /** A peer has a block that is not to be had here: its parent is unknown, or it did not come. */
  readonly onUnknownBlock: (peer: string) => void
}

interface Waiter {
  readonly key: Key
  readonly from: string
  readonly resolve: (verdict: GossipVerdict) => void
}

/**
 * The `header` topic: tells light nodes of blocks that this node has executed. Headers of others are passed on only then
 * either, so that a header which arrives here has been found good by all nodes it came through.
 */
export class HeaderGossip {
  readonly #parts: HeaderGossipComponents
  readonly #executed = new RecentKeys(MAX_CARRIED_BLOCKS)
  readonly #waiting = new Set<Waiter>()
  #stopped = false

  constructor(components: HeaderGossipComponents) {
    this.#parts = components
  }

  /** Lets everything lie that waits for its block, and whatever comes. */
  stop(): void {
    this.#stopped = true
    for (const { resolve } of this.#waiting) resolve('ignore')
  }

  async handle(data: Uint8Array, from: string): Promise<GossipVerdict> {
    const header = decode(data)
    if (header === undefined) return 'reject'
    const key = toKey(header.hash)
    const { chain } = this.#parts
    const tooDeep = header.header.number + MAX_GOSSIP_DEPTH < chain.head.header.number
    // What has been executed has been announced from here: this is a replay.
    if (this.#stopped || tooDeep || this.#executed.has(key) || chain.isBad(header.hash)) return 'ignore'
    const branch = chain.branch(header.header.parentHash)
    if (branch === undefined) {
      this.#parts.onUnknownBlock(from)
      return 'ignore'
    }
    try {
      branch.extend(header)
    } catch (error) {
      if (error instanceof BlockError) return BLOCK_VERDICTS[error.code]
      throw error
    }
    const verdict = await this.#untilExecuted(key, from)
    if (verdict === 'ignore' && !this.#stopped) this.#parts.onUnknownBlock(from)
    return verdict
  }

  /** Follows the chain. */
  follow(event: ChainEvent): void {
    if (event.type !== 'head') return
    for (const hash of event.connected.hashes) {
      const key = toKey(hash)
      this.#executed.add(key)
      for (const waiter of this.#waiting) if (waiter.key === key) waiter.resolve('accept')
    }
    if (event.connected.length > 0 && !this.#parts.catchingUp()) this.#parts.publish(encodeHeader(event.head.header))
  }

  #untilExecuted(key: Key, from: string): Promise<GossipVerdict> {
    const ofPeer = [...this.#waiting].filter((waiter) => waiter.from === from).length
    if (this.#waiting.size >= MAX_WAITING_HEADERS || ofPeer >= MAX_PEER_WAITING_HEADERS)
      return Promise.resolve('ignore')
    const { promise, resolve } = Promise.withResolvers<GossipVerdict>()
    const waiter = { key, from, resolve }
    this.#waiting.add(waiter)
    const cancel = this.#parts.clock.after(HEADER_WAIT_MS, () => resolve('ignore'))
    return promise.finally(() => {
      cancel()
      this.#waiting.delete(waiter)
    })
  }
}

function decode(data: Uint8Array): HashedHeader | undefined {
  try {
    return decodeHeaderAnnouncement(data)
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}
