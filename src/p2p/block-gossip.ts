import type { ExecutedBlock } from '../chain/executed-block.ts'
import type { ChainEvent, Head, ImportOutcome } from '../chain/types.ts'
import { hashBlock } from '../crypto/hashes.ts'
import { type Block, blockLength, encodeTransactions } from '../primitives/block.ts'
import { type Key, toKey } from '../primitives/bytes.ts'
import type { Clock } from '../primitives/clock.ts'
import { BlockError, DecodeError } from '../primitives/errors.ts'
import type { HashedHeader, Header } from '../primitives/header.ts'
import type { RecoveredTransaction, Transaction } from '../primitives/transaction.ts'
import { compactForm, describesBlock, type KnownTransaction, matchTransactions } from './compact-matching.ts'
import {
  MAX_CARRIED_BLOCKS,
  MAX_FORMS,
  MAX_GIVEN_UP,
  MAX_GOSSIP_DEPTH,
  MAX_PEER_REBUILDS,
  MAX_REBUILDS,
  MAX_SOURCES,
  WITHHELD_ALLOWANCE,
} from './limits.ts'
import { PeerBuckets } from './peer-buckets.ts'
import type { PropagationWatch } from './propagation.ts'
import { RecentKeys } from './recent-keys.ts'
import {
  beginRebuild,
  type RebuildAction,
  type RebuildEvent,
  type RebuildStage,
  stepRebuild,
} from './reconstruction.ts'
import { RequestError } from './reqresp/request-error.ts'
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
  /** Nobody brings a block that these peers have announced. */
  readonly onGivenUp: (peers: readonly string[]) => void
  /** A peer has announced several blocks, before anybody else, that nobody brings. */
  readonly onWithholding: (peer: string) => void
  readonly onRefused: (block: HashedHeader, error: BlockError, peer: string) => void
  readonly onError: (error: unknown) => void
}

/** One compact form of a block, from one peer. */
interface Form {
  readonly from: string
  readonly send: (event: RebuildEvent) => void
  readonly stop: () => void
}

interface Running {
  /** The first is that whose message waits for its verdict. */
  readonly forms: readonly Form[]
  readonly announcers: Set<string>
  /** Tries another form beside those. */
  readonly add: (compact: CompactBlock, from: string) => void
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
  /** Hash and first announcer. */
  readonly #givenUp = new RecentKeys(MAX_GIVEN_UP)
  readonly #withheld = new PeerBuckets(WITHHELD_ALLOWANCE)
  readonly #importing = new Set<Promise<void>>()
  #stopped = false

  constructor(options: BlockGossipOptions, components: BlockGossipComponents) {
    this.#options = options
    this.#parts = components
  }

  /** A block that peers may ask about although the chain has not got it yet; `not-yet`: nor is it here whole. */
  arriving(hash: Uint8Array): Block | 'not-yet' | undefined {
    const key = toKey(hash)
    return this.#rebuilt.get(key) ?? (this.#running.has(key) ? 'not-yet' : undefined)
  }

  /** Ends what is under way; resolves when the chain is through with what it was handed. */
  async stop(): Promise<void> {
    this.#stopped = true
    for (const { forms } of this.#running.values()) for (const form of forms) form.stop()
    await Promise.all(this.#importing)
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
      const running = this.#running.get(key)
      if (running === undefined) return
      if (running.announcers.size < MAX_SOURCES) running.announcers.add(peer)
      for (const form of running.forms) form.send({ type: 'announced', peer })
    }
    arrived(from)
    remember(arrived)
    this.#running.get(key)?.add(compact, from)
    if (this.#stopped || this.#running.has(key) || this.#givenUp.has(givenUpKey(key, from))) return 'ignore'
    if (chain.has(hash) || chain.isBad(hash) || header.number + MAX_GOSSIP_DEPTH < chain.head.header.number) {
      return 'ignore'
    }
    // Blocks in quick succession: the parent may be here and not be whole.
    await this.#running.get(toKey(header.parentHash))?.done
    const refused = this.#judge(compact, from)
    if (refused !== undefined) return refused
    this.#running.get(key)?.add(compact, from)
    const begun = [...this.#running.values()].filter(({ forms }) => forms[0]!.from === from)
    const full = this.#running.size >= MAX_REBUILDS || begun.length >= MAX_PEER_REBUILDS
    return full || this.#stopped || this.#running.has(key) ? 'ignore' : this.#run(compact, from)
  }

  /** Follows the chain: what has come into it is announced, unless it came by gossip and has been passed on. */
  follow(event: ChainEvent): void {
    const { catchingUp, watch } = this.#parts
    if (event.type === 'side') watch.blockValid(event.head.hash)
    if (event.type !== 'head') return
    for (const hash of event.connected.hashes) watch.blockValid(hash)
    if (event.connected.length > 0 && !catchingUp()) this.#announce(event.connected.block(-1))
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

  #run(first: CompactBlock, from: string): Promise<GossipVerdict> {
    const key = toKey(first.hash)
    const { promise, resolve, reject } = Promise.withResolvers<Block | undefined>()
    const forms: Form[] = []
    const announcers = new Set([from])
    let open = 0
    const add = (compact: CompactBlock, peer: string) => {
      if (forms.length === MAX_FORMS || forms.some((form) => form.from === peer)) return
      const { send, stop, block } = this.#rebuild(compact, peer)
      forms.push({ from: peer, send, stop })
      open++
      block.then((whole) => {
        open--
        if (whole !== undefined || open === 0) resolve(whole)
      }, reject)
    }
    add(first, from)
    const done = promise
      .then((block) => {
        if (this.#stopped) return 'ignore'
        if (block !== undefined) return this.#take(first, block, from)
        this.#giveUp(key, from, announcers)
        return 'ignore'
      })
      .finally(() => {
        for (const form of forms) form.stop()
        this.#running.delete(key)
      })
    this.#running.set(key, { forms, announcers, add, done })
    return done
  }

  #giveUp(key: Key, first: string, announcers: ReadonlySet<string>): void {
    const { clock, onGivenUp, onWithholding } = this.#parts
    this.#givenUp.add(givenUpKey(key, first))
    onGivenUp([...announcers])
    const nowMs = clock.nowMs()
    if (!this.#withheld.of(first, nowMs).take(1, nowMs)) onWithholding(first)
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
    const importing = this.#import(block, from).finally(() => {
      this.#rebuilt.delete(key)
      this.#importing.delete(importing)
    })
    this.#importing.add(importing)
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
      if (over) return
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
      if (state.assembling) return
      cancel = clock.after(Math.max(0, state.dueMs - clock.nowMs()), () => send({ type: 'due' }))
    }
    act(first)
    return { send, stop: () => finish(undefined), block: promise }
  }

  #perform(
    { hash }: CompactBlock,
    action: Exclude<RebuildAction, { readonly type: 'give-up' | 'assemble' }>,
    send: (event: RebuildEvent) => void,
  ): void {
    const { requests, onWrongBody } = this.#parts
    const { peer } = action
    const failed = (to: RebuildStage) => (error: unknown) => {
      // A neighbour that was asked on the off chance has not failed.
      const excused = error instanceof RequestError && !error.peerAtFault
      send({ type: excused ? 'declined' : 'no-answer', peer, to })
    }
    if (action.type === 'blame') onWrongBody(peer)
    else if (action.type === 'ask-body') {
      requests.body(peer, hash).then((body) => send({ type: 'body', peer, body }), failed('body'))
    } else {
      const answer = requests.blockTransactions(peer, hash, action.indexes)
      answer.then((transactions) => send({ type: 'transactions', peer, transactions }), failed('transactions'))
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

function givenUpKey(key: Key, peer: string): Key {
  return `${key} ${peer}` as Key
}

function decode(data: Uint8Array): CompactBlock | undefined {
  try {
    return decodeCompactBlock(data)
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}
