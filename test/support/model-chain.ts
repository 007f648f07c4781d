import { Branch } from '../../src/chain/branch.ts'
import type { ExecutedBlock } from '../../src/chain/executed-block.ts'
import type { ChainEvent, Head, HeadEvent } from '../../src/chain/types.ts'
import { headerHash } from '../../src/crypto/hashes.ts'
import { keccak256Key } from '../../src/crypto/keccak.ts'
import { type Account, EMPTY_ACCOUNT } from '../../src/primitives/account.ts'
import { equalBytes, type Key } from '../../src/primitives/bytes.ts'
import { StateUnavailableError } from '../../src/primitives/errors.ts'
import { EMPTY_OMMERS_HASH, type Header } from '../../src/primitives/header.ts'
import { EMPTY_BLOOM } from '../../src/primitives/receipt.ts'
import { effectiveTip, intrinsicGas, type RecoveredTransaction } from '../../src/primitives/transaction.ts'

export type Accounts = Map<Key, Account>

interface ModelBlock {
  readonly head: Head
  readonly executed: ExecutedBlock
  readonly accounts: Accounts
}

export interface ModelOptions {
  readonly gasLimit?: bigint
  readonly baseFee?: bigint
  readonly timestamp?: number
}

/** A chain of transfers in memory: it executes what it is given, emits heads, and answers from the head's state. */
export class ModelChain {
  baseFee: bigint
  gasLimit: bigint
  /** Calls of `accounts` so far. */
  reads = 0
  /** Makes the next reads fail. */
  failure: Error | undefined
  /** Why a block that joined cannot be read. */
  unreadable: (number: number) => Error | undefined = () => undefined
  readonly #blocks: ModelBlock[]
  readonly #listeners = new Set<(event: ChainEvent) => void>()

  constructor(options: ModelOptions = {}) {
    this.baseFee = options.baseFee ?? 7n
    this.gasLimit = options.gasLimit ?? 30_000_000n
    this.#blocks = [modelBlock(this.#header(undefined, options.timestamp ?? 0), [], new Map())]
  }

  get head(): Head {
    return this.#blocks.at(-1)!.head
  }

  subscribe(listener: (event: ChainEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Address of the account that a block sets. */
  overridden: () => Uint8Array | undefined = () => undefined

  get listenerCount(): number {
    return this.#listeners.size
  }

  async accounts(keys: readonly Key[], blockHash: Uint8Array): Promise<(Account | undefined)[]> {
    this.reads++
    if (this.failure !== undefined) throw this.failure
    const block = this.#blocks.find(({ head }) => equalBytes(head.hash, blockHash))
    if (block === undefined) throw new StateUnavailableError()
    return keys.map((key) => block.accounts.get(key))
  }

  account(address: Uint8Array): Account {
    return this.#state.get(keccak256Key(address)) ?? EMPTY_ACCOUNT
  }

  /** Changes the head's state as no block would. */
  set(address: Uint8Array, changes: Partial<Account>): void {
    this.#state.set(keccak256Key(address), { ...this.account(address), ...changes })
  }

  /** A new head on the old one. @throws Error if a transaction does not apply. */
  mine(transactions: readonly RecoveredTransaction[], miner?: Uint8Array, timestamp?: number): HeadEvent {
    return this.reorg(0, [transactions], miner, timestamp)
  }

  /** Replaces the last `depth` blocks. */
  reorg(
    depth: number,
    bodies: readonly (readonly RecoveredTransaction[])[],
    miner?: Uint8Array,
    timestamp?: number,
  ): HeadEvent {
    const disconnected = this.#blocks.splice(this.#blocks.length - depth, depth).map(({ executed }) => executed)
    const connected = bodies.map((transactions) => {
      const parent = this.head.header
      return this.#push(this.#header(parent, timestamp ?? parent.timestamp + 1, miner), transactions)
    })
    return this.#emit(connected, disconnected)
  }

  /** Goes back by `depth` blocks, as if they had never been. */
  rewind(depth: number): HeadEvent {
    const gone = this.#blocks.splice(this.#blocks.length - depth, depth).map(({ executed }) => executed)
    return this.#emit([], gone, true)
  }

  /** A new head whose header is given. @throws Error if a transaction does not apply. */
  append(header: Header, transactions: readonly RecoveredTransaction[]): HeadEvent {
    return this.#emit([this.#push(header, transactions)], [])
  }

  get #state(): Accounts {
    return this.#blocks.at(-1)!.accounts
  }

  /** A copy of the head's state. */
  protected copyState(): Accounts {
    return new Map(this.#state)
  }

  #emit(connected: readonly ExecutedBlock[], disconnected: readonly ExecutedBlock[], rewound = false): HeadEvent {
    const event = {
      type: 'head' as const,
      head: this.head,
      connected: this.#readable(branchOf(connected)),
      disconnected: branchOf(disconnected.toReversed()),
      ...(rewound && { rewound }),
    }
    for (const listener of this.#listeners) listener(event)
    return event
  }

  #readable(branch: Branch<Head>): Branch<Head> {
    const places = new Map(branch.hashes.map((hash, place) => [hash, place]))
    return new Branch(branch.hashes, {
      head: (hash) => branch.head(places.get(hash)!),
      executed: (hash) => {
        const executed = branch.block(places.get(hash)!)
        const failure = this.unreadable(executed.block.header.number)
        if (failure) throw failure
        return executed
      },
    })
  }

  #push(header: Header, transactions: readonly RecoveredTransaction[]): ExecutedBlock {
    const accounts = this.copyState()
    for (const transaction of transactions) applyTransfer(accounts, transaction, this.baseFee)
    const block = modelBlock(header, transactions, accounts)
    this.#blocks.push(block)
    return block.executed
  }

  #header(parent: Header | undefined, timestamp: number, miner: Uint8Array = new Uint8Array(20)): Header {
    return {
      parentHash: parent === undefined ? new Uint8Array(32) : headerHash(parent),
      ommersHash: EMPTY_OMMERS_HASH,
      miner,
      stateRoot: new Uint8Array(32),
      transactionsRoot: new Uint8Array(32),
      receiptsRoot: new Uint8Array(32),
      logsBloom: EMPTY_BLOOM,
      difficulty: 1n,
      number: parent === undefined ? 0 : parent.number + 1,
      gasLimit: this.gasLimit,
      // At the target, so that the base fee stays.
      gasUsed: this.gasLimit / 2n,
      timestamp,
      extraData: new Uint8Array(0),
      mixHash: new Uint8Array(32),
      nonce: new Uint8Array(8),
      baseFeePerGas: this.baseFee,
    }
  }
}

function modelBlock(header: Header, transactions: readonly RecoveredTransaction[], accounts: Accounts): ModelBlock {
  const hash = headerHash(header)
  const bodies = transactions.map(({ tx }) => tx)
  const block = { hash, header, transactions: bodies, body: new Uint8Array(0), sizeBytes: 0 }
  return {
    head: { hash, header, totalDifficulty: BigInt(header.number) },
    executed: { block, transactions, receipts: [] },
    accounts,
  }
}

/** @throws Error if the transaction does not apply. */
export function applyTransfer(
  accounts: Accounts,
  { tx, senderKey, recipientKey }: RecoveredTransaction,
  baseFee: bigint,
): void {
  const sender = accounts.get(senderKey) ?? EMPTY_ACCOUNT
  const paid = tx.value + intrinsicGas(tx) * (baseFee + effectiveTip(tx, baseFee))
  if (sender.nonce !== tx.nonce) throw new Error(`nonce ${tx.nonce}, account has ${sender.nonce}`)
  if (sender.balance < paid) throw new Error('balance too low')
  accounts.set(senderKey, { ...sender, nonce: sender.nonce + 1n, balance: sender.balance - paid })
  const recipient = accounts.get(recipientKey) ?? EMPTY_ACCOUNT
  accounts.set(recipientKey, { ...recipient, balance: recipient.balance + tx.value })
}

/** As a chain tells of blocks that it holds in memory. */
export function branchOf(blocks: readonly ExecutedBlock[]): Branch<Head> {
  return Branch.of(
    blocks.map((executed) => {
      const { hash, header } = executed.block
      return { head: { hash, header, totalDifficulty: BigInt(header.number) }, executed }
    }),
  )
}
