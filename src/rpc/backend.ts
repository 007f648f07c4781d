import type { Account } from '../primitives/account.ts'
import type { Block } from '../primitives/block.ts'
import type { HashedHeader, Header } from '../primitives/header.ts'
import type { PlacedReceipt, Receipt } from '../primitives/receipt.ts'
import type { Transaction, TransactionFields } from '../primitives/transaction.ts'
import type { Eventually } from './eventually.ts'
import type { HistoryBackend, LightBackend } from './light.ts'
import type { NetworkBackend } from './network.ts'

/**
 * What RPC needs from a node, declared here so that a full node and a light node serve the same methods. Answers are
 * domain objects; `encode.ts` turns them into JSON. A light node answers with what it has proven, or throws.
 */

export type BlockTag = 'latest' | 'pending' | 'earliest' | 'safe' | 'finalized'

/** A block as callers name it. */
export type BlockRef =
  | { readonly tag: BlockTag }
  /** On the canonical chain. */
  | { readonly number: number }
  /** Side blocks included. */
  | { readonly hash: Uint8Array }

export interface ChainHeader extends HashedHeader {
  /** Weight of the chain that ends in this header. */
  readonly totalDifficulty: bigint
}

export interface ChainBlock extends Block {
  readonly totalDifficulty: bigint
}

/** A transaction with what its signature told. */
export interface SignedTransaction {
  readonly tx: Transaction
  readonly hash: Uint8Array
  /** 20 bytes. */
  readonly sender: Uint8Array
}

/** A transaction in a block. */
export interface MinedTransaction extends SignedTransaction {
  readonly header: ChainHeader
  /** Its place in the block. */
  readonly index: number
}

/** Part of an address's history: transactions from or to it, all of each block that is touched on. */
export interface HistoryPage {
  /** In the order asked for. */
  readonly transactions: readonly MinedTransaction[]
  /** Whether there are others further on. */
  readonly more: boolean
}

/** EIP-1186. Proofs are trie nodes from the root down, as many as it takes to prove the value or its absence. */
interface AccountProof {
  /** undefined: proven not to exist. */
  readonly account: Account | undefined
  readonly accountProof: readonly Uint8Array[]
  /** In the order of the keys asked for. */
  readonly storage: readonly StorageProof[]
}

interface StorageProof {
  readonly value: bigint
  readonly proof: readonly Uint8Array[]
}

/** `pending` names the head: no block is shown before it is sealed. Unknown blocks are undefined, never an error. */
export interface ChainBackend {
  readonly chainId: bigint

  head(): Eventually<ChainHeader>
  header(ref: BlockRef): Eventually<ChainHeader | undefined>
  /** A header and those before it, `count` in all or as many as there are, oldest first. */
  branch(newest: ChainHeader, count: number): Promise<readonly ChainHeader[]>
  block(ref: BlockRef): Promise<ChainBlock | undefined>
  /** Receipts of a block's transactions, in order. @throws StateUnavailableError where they are not held (side blocks). */
  receipts(block: ChainBlock): Promise<readonly Receipt[]>
  /** Senders of a block's transactions, in order, 20 bytes each. */
  senders(block: ChainBlock): Promise<readonly Uint8Array[]>
  /** By hash, on the canonical chain. */
  transaction(hash: Uint8Array): Promise<MinedTransaction | undefined>
  /** By place; undefined: no such block, or fewer transactions in it. */
  transactionAt(ref: BlockRef, index: number): Promise<MinedTransaction | undefined>
  /**
   * Receipts of transactions of one block, which come in its order; so are the receipts.
   * @throws StateUnavailableError where they are not held (side blocks).
   */
  receiptsOf(block: HashedHeader, transactions: readonly MinedTransaction[]): Promise<readonly PlacedReceipt[]>
  /**
   * Canonical transactions from or to an address: newest first below block `before`, or oldest first above block
   * `after`; whole blocks of them, until there are `atLeast`.
   */
  history(
    address: Uint8Array,
    from: { readonly before: number } | { readonly after: number },
    atLeast: number,
  ): Promise<HistoryPage>

  /** State after `at`; undefined: no such account. @throws StateUnavailableError */
  account(address: Uint8Array, at: HashedHeader): Eventually<Account | undefined>
  /** Contract code, no bytes where there is none. @throws StateUnavailableError */
  code(address: Uint8Array, at: HashedHeader): Promise<Uint8Array>
  /** The 256-bit value of a storage slot, zero where nothing is stored. `key` is 32 bytes. @throws StateUnavailableError */
  storage(address: Uint8Array, key: Uint8Array, at: HashedHeader): Promise<bigint>
  /** @throws StateUnavailableError */
  proof(address: Uint8Array, keys: readonly Uint8Array[], at: HashedHeader): Promise<AccountProof>

  /** Wei; EIP-1559's base fee of a child of `header`. */
  nextBaseFee(header: Header): bigint
  /** Wei that the block of `header` minted to its miner. */
  reward(header: Header): bigint
}

export interface PoolBackend {
  /** Wei per gas; the least tip that is admitted. */
  readonly minTip: bigint
  /**
   * Admits a signed transaction, EIP-2718 encoded, and passes it on.
   * @returns its hash, once it is kept. @throws TxError, DecodeError
   */
  submit(raw: Uint8Array): Promise<Uint8Array>
  /** Next nonce of an account after its pending transactions. */
  nonce(address: Uint8Array): Eventually<bigint>
  get(hash: Uint8Array): Promise<SignedTransaction | undefined>
  /** Numbers of transactions. */
  status(): { readonly pending: number; readonly queued: number }
  /** Everything in the pool. Cost: as much as there is; `status` tells beforehand. */
  content(): readonly SenderContent[]
  contentFrom(sender: Uint8Array): SenderContent
}

/** A sender's transactions in the pool, each list in the order of nonces; queued ones wait for one before them. */
export interface SenderContent {
  readonly sender: Uint8Array
  readonly pending: readonly SignedTransaction[]
  readonly queued: readonly SignedTransaction[]
}

export interface SyncProgress {
  readonly startingBlock: number
  readonly currentBlock: number
  readonly highestBlock: number
  /** In the order in which a block goes through them; the last one makes it part of the chain that answers are given from. */
  readonly stages: readonly SyncStage[]
}

interface SyncStage {
  /** `headers`, `bodies`, `execution` and the like. */
  readonly name: string
  /** Number of the last block that is through it. */
  readonly block: number
}

/** The node itself: who it is, whom it knows, what it is doing. */
export interface NodeBackend {
  /** `name/version/platform/runtime`. */
  readonly clientVersion: string
  /** undefined: at the head of what is known. */
  syncing(): SyncProgress | undefined
  /** Waits until it is at the head of what its peers have, `withinMs` at most. @returns whether it is. */
  untilSynced(withinMs: number): Promise<boolean>
  listening(): boolean
  peerCount(): number
  mining(): boolean
  /** Hashes a second; 0 unless mining by proof of work. */
  hashrate(): number
  /** Where rewards go; undefined: nowhere. */
  coinbase(): Uint8Array | undefined
}

/** The operator's hand on the miner. */
export interface MinerBackend {
  start(): void
  stop(): Promise<void>
  /** @returns false where the engine decides who is paid. */
  setEtherbase(address: Uint8Array): boolean
  /** Gas that new blocks steer towards. */
  setGasLimit(gas: bigint): void
}

export interface MineRequest {
  readonly blocks: number
  /** Seconds between one block and the next; 0: as time goes. */
  readonly intervalSec: number
  /** Unix seconds, of the first block; undefined: as time goes. */
  readonly timestamp: number | undefined
}

export interface OverrideRequest {
  /** 20 bytes. */
  readonly address: Uint8Array
  readonly field: 'balance' | 'nonce'
  readonly value: bigint
}

/** What a development network lets its user do. */
export interface DevBackend {
  /** Addresses the node signs for, 20 bytes each. */
  accounts(): readonly Uint8Array[]
  /** Signs for one of `accounts`. @returns the transaction, EIP-2718 encoded. */
  sign(from: Uint8Array, fields: TransactionFields): Uint8Array
  /** Whether every transaction gets a block at once. */
  automine(): boolean
  setAutomine(enabled: boolean): Promise<void>
  /** A block every so many milliseconds, with what is pending; 0: no more. */
  setIntervalMining(intervalMs: number): void
  /** Makes blocks, the first of which takes what is pending. */
  mine(request: MineRequest): Promise<void>
  /** @returns the seconds by which the network is ahead of the machine then; undefined: too far, and nothing has changed. */
  increaseTime(seconds: number): number | undefined
  /** @param timestamp  Unix seconds after the head's. */
  setNextBlockTimestamp(timestamp: number): void
  /** Makes a block that sets an account. */
  override(request: OverrideRequest): Promise<void>
  /** @returns the id of a snapshot of chain, pool and time. */
  snapshot(): Promise<number>
  /** Goes back to a snapshot, which is used up with all later ones. @returns false if there is none of that id. */
  revert(id: number): Promise<boolean>
  /** Goes back to genesis. */
  reset(): Promise<void>
  /** @returns whether the pool held it. */
  dropTransaction(hash: Uint8Array): Promise<boolean>
}

export interface Backends {
  readonly chain: ChainBackend
  readonly pool: PoolBackend
  readonly node: NodeBackend
  /** Absent in a node that is alone; it has no methods about peers then. */
  readonly network?: NetworkBackend
  /** Only in a light node. */
  readonly light?: LightBackend
  /** Only in a node that has the whole chain, of a network with proof of work. */
  readonly history?: HistoryBackend
  /** Only in a node that makes blocks and whose operator wants it controlled from outside. */
  readonly miner?: MinerBackend
  /** Only on a development network. */
  readonly dev?: DevBackend
}
