import { Branch } from '../../src/chain/branch.ts'
import { nextBaseFee } from '../../src/chain/header-rules.ts'
import type { ChainEvent, Head, ImportOutcome } from '../../src/chain/types.ts'
import type { GossipChain } from '../../src/p2p/block-gossip.ts'
import type { Account } from '../../src/primitives/account.ts'
import type { Block } from '../../src/primitives/block.ts'
import { equalBytes, type Key, toKey } from '../../src/primitives/bytes.ts'
import type { TrueChain } from './true-chain.ts'

/** What takes time before something of it happens. */
export interface Delays {
  readonly beforeBody: () => Promise<void>
  readonly beforeExecution: () => Promise<void>
}

/** What one node holds of the ledger that all agree on, for its gossip and its pool. */
export class NodeChain implements GossipChain {
  readonly #truth: TrueChain
  readonly #delays: Delays
  readonly #held = new Map<Key, Block>()
  readonly #listeners = new Set<(event: ChainEvent) => void>()
  #head: Head

  constructor(truth: TrueChain, delays: Delays) {
    this.#truth = truth
    this.#delays = delays
    this.#head = truth.chain.head
  }

  get head(): Head {
    return this.#head
  }

  get nextBaseFee(): bigint {
    return nextBaseFee(this.#head.header)
  }

  readonly overridden = () => undefined

  block(hash: Uint8Array): Block | undefined {
    return this.#held.get(toKey(hash))
  }

  has(hash: Uint8Array): boolean {
    return this.#held.has(toKey(hash))
  }

  isBad(): boolean {
    return false
  }

  branch(hash: Uint8Array) {
    const { chain } = this.#truth
    return this.has(hash) || equalBytes(hash, chain.genesisHash) ? chain.branch(hash) : undefined
  }

  async checkBody(block: Block): Promise<void> {
    await this.#delays.beforeBody()
    await this.#truth.chain.checkBody(block)
  }

  async import(block: Block): Promise<ImportOutcome> {
    this.#held.set(toKey(block.hash), block)
    await this.#delays.beforeExecution()
    const { hash, header } = block
    this.#head = { hash, header, totalDifficulty: this.#head.totalDifficulty + header.difficulty }
    const connected = Branch.of([{ head: this.#head, executed: this.#truth.executed(hash) }])
    const event = { type: 'head', head: this.#head, connected, disconnected: Branch.of<Head>([]) } as const
    for (const listener of this.#listeners) listener(event)
    return 'head'
  }

  async accounts(keys: readonly Key[], blockHash: Uint8Array): Promise<(Account | undefined)[]> {
    const accounts = this.#truth.accounts(blockHash)
    return keys.map((key) => accounts.get(key))
  }

  subscribe(listener: (event: ChainEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
