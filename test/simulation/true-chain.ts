import type { Chain } from '../../src/chain/chain.ts'
import type { ExecutedBlock } from '../../src/chain/executed-block.ts'
import { createPow } from '../../src/consensus/pow.ts'
import { transactionHash } from '../../src/crypto/hashes.ts'
import { keccak256Key } from '../../src/crypto/keccak.ts'
import { privateKeyToAddress, signTransaction } from '../../src/crypto/noble.ts'
import { EMPTY_ACCOUNT } from '../../src/primitives/account.ts'
import type { Block } from '../../src/primitives/block.ts'
import { type Key, toKey } from '../../src/primitives/bytes.ts'
import { COIN } from '../../src/primitives/limits.ts'
import type { RecoveredTransaction, Transaction } from '../../src/primitives/transaction.ts'
import { makeBlock } from '../support/block-maker.ts'
import { CHEAP_POW } from '../support/header-maker.ts'
import { type Accounts, applyTransfer } from '../support/model-chain.ts'
import { sequentialNonceSearch } from '../support/sequential-nonce-search.ts'
import { openTestChain, recoverHere, type TestChain } from '../support/test-chain.ts'
import { account, testGenesis } from '../support/test-genesis.ts'
import { testKey, transferFields } from '../support/transactions.ts'
import type { VirtualClock } from './virtual-clock.ts'

const GAS_LIMIT = 120_000_000n
const MAX_BLOCK_BYTES = 1.5 * 1024 * 1024

/** Private key of account `i`, apart from those that tests have funded already. */
const keyOf = (i: number) => testKey(1_000 + i)

/**
 * The ledger that all nodes of a simulation agree on, a real one on disk: here blocks are made, and here headers and bodies are
 * judged by its rules. What each node holds of it is the node's own.
 */
export class TrueChain {
  readonly #opened: TestChain
  readonly #engine = createPow(CHEAP_POW, { nonceSearch: sequentialNonceSearch })
  readonly #executed = new Map<Key, ExecutedBlock>()
  /** After each block. */
  readonly #accounts = new Map<Key, Accounts>()
  readonly #recovered: Map<Key, RecoveredTransaction>
  readonly #nonces: bigint[]
  readonly #chainId: bigint

  private constructor(opened: TestChain, senders: number, recovered: Map<Key, RecoveredTransaction>) {
    this.#opened = opened
    this.#recovered = recovered
    this.#chainId = opened.chain.params.chainId
    this.#nonces = Array.from({ length: senders }, () => 0n)
    const accounts: Accounts = new Map()
    for (let i = 0; i < senders; i++) {
      accounts.set(keccak256Key(privateKeyToAddress(keyOf(i))), { ...EMPTY_ACCOUNT, balance: 1_000n * COIN })
    }
    this.#accounts.set(toKey(opened.chain.head.hash), accounts)
  }

  static async open(senders: number, clock: VirtualClock): Promise<TrueChain> {
    const accounts = Array.from({ length: senders }, (_, i) => {
      return account(privateKeyToAddress(keyOf(i)), { balance: 1_000n * COIN })
    })
    const params = { gasLimitTarget: GAS_LIMIT, maxBlockBytes: MAX_BLOCK_BYTES }
    const genesis = testGenesis({ params, header: { difficulty: 16n, gasLimit: GAS_LIMIT }, accounts })
    const engine = createPow(CHEAP_POW, {})
    // Nothing that a node waits for may wait for the machine.
    const pacer = { pause: () => undefined }
    const recovered = new Map<Key, RecoveredTransaction>()
    // As in a node, whose pool has nearly all of them.
    const recover = async (txs: readonly Transaction[]) => txs.map((tx) => recovered.get(toKey(transactionHash(tx)))!)
    return new TrueChain(await openTestChain({ genesis }, engine, { clock, pacer, recover }), senders, recovered)
  }

  get chain(): Chain {
    return this.#opened.chain
  }

  /** The next transfers of an account, signed, and known to `recover` from now on. */
  async transfers(sender: number, count: number): Promise<readonly RecoveredTransaction[]> {
    const made = Array.from({ length: count }, () => {
      const nonce = this.#nonces[sender]!
      this.#nonces[sender] = nonce + 1n
      return signTransaction({ ...transferFields({ nonce }), chainId: this.#chainId }, keyOf(sender))
    })
    const recovered = (await recoverHere(made)) as readonly RecoveredTransaction[]
    this.learn(recovered)
    return recovered
  }

  /** Takes note of transfers that were made elsewhere. */
  learn(transactions: readonly RecoveredTransaction[]): void {
    for (const each of transactions) this.#recovered.set(toKey(each.hash), each)
  }

  /** With its sender, as whoever decoded it would find it. @throws Error for what has not been made here. */
  recovered(tx: Transaction): RecoveredTransaction {
    const found = this.#recovered.get(toKey(transactionHash(tx)))
    if (found === undefined) throw new Error('no transaction of this simulation')
    return { ...found, tx }
  }

  /** Makes a block on the head and takes it in. */
  async make(transactions: readonly RecoveredTransaction[], nowMs: number): Promise<Block> {
    const { chain } = this.#opened
    const parent = chain.head
    const seconds = Math.floor(nowMs / 1000) - parent.header.timestamp
    const txs: readonly Transaction[] = transactions.map(({ tx }) => tx)
    const block = await makeBlock(chain, this.#engine, parent, { transactions: txs, seconds })
    const accounts = new Map(this.#accounts.get(toKey(parent.hash)))
    for (const each of transactions) applyTransfer(accounts, each, block.header.baseFeePerGas)
    this.#accounts.set(toKey(block.hash), accounts)
    this.#executed.set(toKey(block.hash), { block, transactions, receipts: [] })
    await chain.import(block)
    return block
  }

  executed(hash: Uint8Array): ExecutedBlock {
    const found = this.#executed.get(toKey(hash))
    if (found === undefined) throw new Error('no block of this simulation')
    return found
  }

  accounts(hash: Uint8Array): Accounts {
    return this.#accounts.get(toKey(hash))!
  }

  close(): Promise<void> {
    return this.#opened.remove()
  }
}
