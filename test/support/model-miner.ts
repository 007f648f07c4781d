import type { TransactionOffers } from '../../src/chain/block-executor.ts'
import type { ChainParams, ImportOutcome } from '../../src/chain/types.ts'
import type { Ancestry } from '../../src/consensus/engine.ts'
import { hashHeader } from '../../src/crypto/hashes.ts'
import { Miner, type MinerOptions } from '../../src/miner/miner.ts'
import type { MinerChain, MinerEngine } from '../../src/miner/types.ts'
import { type Block, blockLength, encodeTransactions } from '../../src/primitives/block.ts'
import { equalBytes } from '../../src/primitives/bytes.ts'
import { BlockError, TxError } from '../../src/primitives/errors.ts'
import type { Header } from '../../src/primitives/header.ts'
import type { RecoveredTransaction } from '../../src/primitives/transaction.ts'
import { ManualClock } from './manual-clock.ts'
import { applyTransfer, ModelChain, type ModelOptions } from './model-chain.ts'
import { PoolFixture } from './pool-fixture.ts'
import { address, COIN } from './pool-transfers.ts'

/** A model chain that builds blocks and takes in only what it has built. */
export class ModelMinerChain extends ModelChain implements MinerChain {
  readonly params: ChainParams
  readonly imported: Block[] = []
  builds = 0
  buildFailure: Error | undefined
  #built: { readonly header: Header; readonly transactions: readonly RecoveredTransaction[] } | undefined

  constructor(options: ModelOptions = {}, params: Partial<ChainParams> = {}) {
    super(options)
    const { gasLimit } = this
    this.params = { chainId: 1n, maxGasLimit: gasLimit, gasLimitTarget: gasLimit, maxBlockBytes: undefined, ...params }
  }

  ancestry(): Ancestry {
    return { header: () => undefined, historyRoot: () => new Uint8Array(32) }
  }

  async build(header: Header, offers: TransactionOffers): Promise<{ block: Block }> {
    this.builds++
    if (this.buildFailure !== undefined) throw this.buildFailure
    const accounts = this.copyState()
    const transactions: RecoveredTransaction[] = []
    let gasLeft = header.gasLimit
    for (let offered = offers.next(gasLeft); offered.length > 0; offered = offers.next(gasLeft)) {
      for (const transaction of offered) {
        try {
          applyTransfer(accounts, transaction, header.baseFeePerGas)
        } catch {
          offers.refused(transaction, new TxError('nonce-too-high'))
          continue
        }
        transactions.push(transaction)
        offers.taken(transaction)
        gasLeft -= 21_000n
      }
    }
    this.#built = { header, transactions }
    const bodies = transactions.map(({ tx }) => tx)
    const body = encodeTransactions(bodies)
    return { block: { ...hashHeader(header), transactions: bodies, body, sizeBytes: blockLength(header, body) } }
  }

  async import(block: Block): Promise<ImportOutcome> {
    if (!equalBytes(block.header.parentHash, this.head.hash)) throw new BlockError('unknown-parent')
    this.imported.push(block)
    this.append(block.header, this.#built!.transactions)
    return 'head'
  }
}

/** An engine whose seals the test gives out, or that seals at once. */
class ModelEngine implements MinerEngine {
  maxFutureSeconds: number | undefined = 15
  sealsEmptyBlocks = true
  requiredMiner: Uint8Array | undefined
  periodSec = 1
  /** `at-once`: seals; `wait`: until `finish`; `never`: this node may not. */
  mode: 'at-once' | 'wait' | 'never' = 'wait'
  /** Headers given to `seal`, and how many of the calls were cut short. */
  readonly asked: Header[] = []
  aborted = 0
  #finish: (() => void) | undefined

  earliestTimestamp(parent: Header): number {
    return parent.timestamp + this.periodSec
  }

  prepare() {
    return { difficulty: 1n, extraData: new Uint8Array(32), mixHash: new Uint8Array(32), nonce: new Uint8Array(8) }
  }

  async seal(header: Header, _parent: Header, _ancestry: Ancestry, signal: AbortSignal): Promise<Header | undefined> {
    this.asked.push(header)
    if (this.mode === 'never' || signal.aborted) return undefined
    const sealed = { ...header, nonce: new Uint8Array(8).fill(this.asked.length) }
    if (this.mode === 'at-once') return sealed
    return new Promise((resolve) => {
      this.#finish = () => resolve(sealed)
      signal.addEventListener('abort', () => {
        this.aborted++
        resolve(undefined)
      })
    })
  }

  /** Seals the header asked for last. */
  finish(): void {
    this.#finish?.()
  }
}

export interface MinerFixture {
  readonly miner: Miner
  readonly chain: ModelMinerChain
  readonly engine: ModelEngine
  readonly clock: ManualClock
  readonly pool: PoolFixture
  readonly warnings: string[]
}

export const START_SEC = 1_700_000_000

/** A miner on models, not started. Accounts 0 to 99 hold 100 coins each; the genesis is ten seconds old. */
export async function createMinerFixture(
  options: Partial<MinerOptions> = {},
  chain = new ModelMinerChain({ timestamp: START_SEC - 10 }),
): Promise<MinerFixture> {
  for (let i = 0; i < 100; i++) chain.set(address(i), { balance: 100n * COIN })
  const engine = new ModelEngine()
  const clock = new ManualClock(START_SEC * 1000)
  const pool = await PoolFixture.create({}, { chain, clock })
  const warnings: string[] = []
  const miner = new Miner(
    { coinbase: address(7), sealsAtTimestamp: false, ...options },
    {
      chain,
      engine,
      clock,
      pool: pool.pool,
      random: () => 0.5,
      log: { info() {}, warn: (text) => warnings.push(text) },
    },
  )
  return { miner, chain, engine, clock, pool, warnings }
}

/** Lets everything run that waits for nothing but its turn. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve))
}
