import type { ChainEvent, ExecutedBlock, Head, ImportOutcome } from '../chain/types.ts'
import { hashBlock } from '../crypto/hashes.ts'
import { type Block, blockLength, encodeTransactions } from '../primitives/block.ts'
import { type Key, toKey } from '../primitives/bytes.ts'
import type { Clock } from '../primitives/clock.ts'
import { BlockError, DecodeError } from '../primitives/errors.ts'
import type { HashedHeader, Header } from '../primitives/header.ts'
import type { RecoveredTransaction, Transaction } from '../primitives/transaction.ts'
import { compactForm, describesBlock, type KnownTransaction, matchTransactions } from './compact-matching.ts'
import { MAX_CARRIED_BLOCKS, MAX_GOSSIP_DEPTH, MAX_REBUILDS } from './limits.ts'
import type { PropagationWatch } from './propagation.ts'
import { RecentKeys } from './recent-keys.ts'
import { beginRebuild, type RebuildAction, type RebuildEvent, stepRebuild } from './reconstruction.ts'
import { BLOCK_VERDICTS, type GossipVerdict } from './verdict.ts'
import type { Body } from './wire/blocks.ts'
import { type CompactBlock, decodeCompactBlock } from './wire/compact-block.ts'
import { MAX_COMPACT_BLOCK_BYTES } from './wire/limits.ts'

/** What gossip needs of a chain: `chain/chain.ts` has it. */
export interface GossipChain {
  readonly head: Head
  /** Held or on its way to be. */
  has(hash: Uint8Array): boolean
  isBad(hash: Uint8Array): boolean
  /** Headers to be judged on top of a known block; undefined: it is not known. */
  branch(hash: Uint8Array): { extend(next: HashedHeader): unknown } | undefined
  /** Whether the body is the header's. @throws BlockError */
  checkBody(block: Block): Promise<void>
  /** @throws BlockError, StoreError */
  import(block: Block): Promise<ImportOutcome>
}

/** Asks one peer. Rejects if it does not answer, or not with what was asked for. */
export interface BlockRequests {
  /** The transactions at these places of a block, in order. */
  blockTransactions(peer: string, blockHash: Uint8Array, indexes: readonly number[]): Promise<readonly Transaction[]>
  body(peer: string, blockHash: Uint8Array): Promise<Body>
}

export interface BlockGossipOptions {
  /** Seconds that a block may be ahead of the clock; undefined: no bound. */
  readonly maxFutureSeconds: number | undefined
}

export interface BlockGossipComponents {
  readonly chain: GossipChain
  readonly requests: BlockRequests
  readonly clock: Clock
  readonly watch: PropagationWatch
  /** Transactions that a block with this header may hold: the pool's, and those of blocks in its place. */
  readonly candidates: (header: Header) => Iterable<KnownTransaction>
  /** Whether peers are likely to have a transaction. */
  readonly isAnnounced: (transaction: RecoveredTransaction) => boolean
  readonly randomBytes: (length: number) => Uint8Array
  readonly publish: (data: Uint8Array) => void
  /** Peers that get the same blocks, and may have one that its first sender does not hand out. */
  readonly neighbours: () => readonly string[]
  /** While whole chains are fetched their blocks are no news to anybody. */
  readonly catchingUp: () => boolean
  /** A peer has a block whose parent is not here. */
  readonly onUnknownParent: (peer: string) => void
  /** A peer has answered with a body that is not the one asked for. */
  readonly onWrongBody: (peer: string) => void
  readonly onRefused: (block: HashedHeader, error: BlockError, peer: string) => void
  readonly onError: (error: unknown) => void
}

interface Running {
  readonly send: (event: RebuildEvent) => void
  /** Settles when the chain has been handed the block, or it has been given up. */
  readonly done: Promise<GossipVerdict>
}

/**
 * The `block` topic: judges compact blocks by their headers, puts the blocks together, passes them on before they are
 * executed, and announces what came into the chain by another way, mined here for instance.
 */
export class BlockGossip {
  readonly #options: BlockGossipOptions
  readonly #parts: BlockGossipComponents
  readonly #running = new Map<Key, Running>()
  /** Put together and not yet through the chain. */
  readonly #rebuilt = new Map<Key, Block>()
  readonly #carried = new RecentKeys(MAX_CARRIED_BLOCKS)

  constructor(options: BlockGossipOptions, components: BlockGossipComponents) {
    this.#options = options
    this.#parts = components
  }

  /** A block that peers may ask about although the chain has not got it yet; `not-yet`: nor is it here whole. */
  arriving(hash: Uint8Array): Block | 'not-yet' | undefined {
    const key = toKey(hash)
    return this.#rebuilt.get(key) ?? (this.#running.has(key) ? 'not-yet' : undefined)
  }

  /** Judges a message of the topic. */
  async handle(
    data: Uint8Array,
    from: string,
    remember: (again: (peer: string) => void) => void,
  ): Promise<GossipVerdict> {
    const compact = decode(data)
    if (compact === undefined) return 'reject'
    const { chain, watch } = this.#parts
    const { hash, header } = compact
    const key = toKey(hash)
    const arrived = (peer: string) => {
      watch.blockArrived(hash, header.number, peer)
      this.#running.get(key)?.send({ type: 'announced', peer })
    }
    arrived(from)
    remember(arrived)
    if (this.#running.has(key)) return 'ignore'
    if (chain.has(hash) || chain.isBad(hash) || header.number + MAX_GOSSIP_DEPTH < chain.head.header.number) {
      return 'ignore'
    }
    // Blocks in quick succession: the parent may be here and not be whole.
    await this.#running.get(toKey(header.parentHash))?.done
    const refused = this.#judge(compact, from)
    if (refused !== undefined) return refused
    if (this.#running.has(key) || this.#running.size >= MAX_REBUILDS) return 'ignore'
    return this.#run(compact, from)
  }

  /** Follows the chain: what has come into it is announced, unless it came by gossip and has been passed on. */
  follow(event: ChainEvent): void {
    const { catchingUp, watch } = this.#parts
    if (event.type === 'side') watch.blockValid(event.head.hash)
    if (event.type !== 'head') return
    for (const { block } of event.connected) watch.blockValid(block.hash)
    const newest = event.connected.at(-1)
    if (newest !== undefined && !catchingUp()) this.#announce(newest)
  }

  #announce({ block, transactions }: ExecutedBlock): void {
    const key = toKey(block.hash)
    if (this.#carried.has(key)) return
    this.#carried.add(key)
    const { randomBytes, isAnnounced, publish, watch } = this.#parts
    watch.blockMade(block.hash, block.header.number)
    const data = compactForm(block, transactions, randomBytes(8), (transaction) => !isAnnounced(transaction))
    // Only where a network's blocks have no bound: there, peers hear of the header and fetch the rest.
    if (data.length <= MAX_COMPACT_BLOCK_BYTES) publish(data)
  }

  /** By the header alone, which is the cheapest to check and costs an attacker the most. */
  #judge({ hash, header }: HashedHeader, from: string): GossipVerdict | undefined {
    const { chain, onUnknownParent } = this.#parts
    const branch = chain.branch(header.parentHash)
    if (branch === undefined) {
      onUnknownParent(from)
      return BLOCK_VERDICTS['unknown-parent']
    }
    try {
      branch.extend({ hash, header })
      return undefined
    } catch (error) {
      if (error instanceof BlockError) return BLOCK_VERDICTS[error.code]
      throw error
    }
  }

  #run(compact: CompactBlock, from: string): Promise<GossipVerdict> {
    const key = toKey(compact.hash)
    const rebuilding = this.#rebuild(compact, from)
    const done = rebuilding.block
      .then((block) => (block === undefined ? 'ignore' : this.#take(compact, block, from)))
      .finally(() => this.#running.delete(key))
    this.#running.set(key, { send: rebuilding.send, done })
    return done
  }

  /** Hands the block to the chain, and says what its message deserves, which does not wait for that. */
  #take(compact: CompactBlock, block: Block, from: string): GossipVerdict {
    const { maxFutureSeconds } = this.#options
    const { clock } = this.#parts
    const early = maxFutureSeconds !== undefined && block.header.timestamp > clock.nowMs() / 1000 + maxFutureSeconds
    const honest = describesBlock(compact, block.transactions)
    const verdict = !honest ? 'reject' : early ? 'ignore' : 'accept'
    const key = toKey(block.hash)
    if (verdict === 'accept') this.#carried.add(key)
    this.#rebuilt.set(key, block)
    void this.#import(block, from).finally(() => this.#rebuilt.delete(key))
    return verdict
  }

  async #import(block: Block, from: string): Promise<void> {
    try {
      await this.#parts.chain.import(block)
    } catch (error) {
      if (error instanceof BlockError) this.#parts.onRefused(block, error, from)
      else this.#parts.onError(error)
    }
  }

  /** Runs the steps of `reconstruction.ts` until there is a block or none to be had. */
  #rebuild(compact: CompactBlock, from: string) {
    const { clock, candidates, neighbours, watch } = this.#parts
    const { promise, resolve, reject } = Promise.withResolvers<Block | undefined>()
    const found = matchTransactions(compact, candidates(compact.header))
    let [state, first] = beginRebuild(found, from, neighbours(), clock.nowMs())
    let cancel = () => {}
    let over = false
    const finish = (block: Block | undefined) => {
      over = true
      cancel()
      if (block !== undefined) watch.blockRebuilt(compact.hash, found.length, state.missing.length)
      resolve(block)
    }
    const send = (event: RebuildEvent) => {
      if (over) return
      const [next, actions] = stepRebuild(state, event, clock.nowMs())
      state = next
      act(actions)
    }
    const act = (actions: readonly RebuildAction[]) => {
      for (const action of actions) {
        if (action.type === 'give-up') return finish(undefined)
        if (action.type === 'assemble') {
          const assembled = this.#assemble(compact, action.transactions)
          assembled.then((block) => (block === undefined ? send({ type: 'wrong-root' }) : finish(block)), reject)
        } else this.#perform(compact, action, send)
      }
      cancel()
      if (state.asking === 'assembling') return
      cancel = clock.after(Math.max(0, state.dueMs - clock.nowMs()), () => send({ type: 'due' }))
    }
    act(first)
    return { send, block: promise }
  }

  #perform(
    { hash }: CompactBlock,
    action: Exclude<RebuildAction, { readonly type: 'give-up' | 'assemble' }>,
    send: (event: RebuildEvent) => void,
  ): void {
    const { requests, onWrongBody } = this.#parts
    const { peer } = action
    const failed = () => send({ type: 'no-answer', peer })
    if (action.type === 'blame') onWrongBody(peer)
    else if (action.type === 'ask-body') {
      requests.body(peer, hash).then((body) => send({ type: 'body', peer, body }), failed)
    } else {
      const answer = requests.blockTransactions(peer, hash, action.indexes)
      answer.then((transactions) => send({ type: 'transactions', peer, transactions }), failed)
    }
  }

  /** The block, if these are its transactions. */
  async #assemble({ header }: CompactBlock, transactions: readonly Transaction[]): Promise<Block | undefined> {
    const body = encodeTransactions(transactions)
    const block = hashBlock({ header, transactions, body, sizeBytes: blockLength(header, body) })
    try {
      await this.#parts.chain.checkBody(block)
      return block
    } catch (error) {
      if (error instanceof BlockError) return undefined
      throw error
    }
  }
}

function decode(data: Uint8Array): CompactBlock | undefined {
  try {
    return decodeCompactBlock(data)
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}
