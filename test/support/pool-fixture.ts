import { transactionHash } from '../../src/crypto/hashes.ts'
import { PoolJournal } from '../../src/pool/journal.ts'
import { DEFAULT_POOL_OPTIONS, type PoolOptions } from '../../src/pool/limits.ts'
import { TransactionPool } from '../../src/pool/pool.ts'
import type { DropReason, PoolChanges } from '../../src/pool/types.ts'
import { toKey } from '../../src/primitives/bytes.ts'
import { TxError, type TxErrorCode } from '../../src/primitives/errors.ts'
import { intrinsicGas, type RecoveredTransaction } from '../../src/primitives/transaction.ts'
import { ManualClock } from './manual-clock.ts'
import { MemoryJournalStore } from './memory-journal-store.ts'
import { ModelChain } from './model-chain.ts'
import { address, COIN } from './pool-transfers.ts'

export interface PoolFixtureParts {
  readonly chain?: ModelChain
  readonly clock?: ManualClock
  readonly store?: MemoryJournalStore
  /** Transactions that a restarted pool can recover; those of the pool before. */
  readonly known?: Map<string, RecoveredTransaction>
}

/** A started pool on a model chain. Accounts 0 to 99 hold 100 coins each. */
export class PoolFixture {
  readonly chain: ModelChain
  readonly clock: ManualClock
  readonly store: MemoryJournalStore
  readonly pool: TransactionPool
  readonly changes: PoolChanges[] = []
  readonly errors: unknown[] = []
  readonly known: Map<string, RecoveredTransaction>

  private constructor(options: Partial<PoolOptions>, parts: PoolFixtureParts) {
    this.chain = parts.chain ?? fundedChain()
    this.clock = parts.clock ?? new ManualClock(1_700_000_000_000)
    this.store = parts.store ?? new MemoryJournalStore()
    this.known = parts.known ?? new Map()
    this.pool = new TransactionPool(
      { ...DEFAULT_POOL_OPTIONS, ...options },
      {
        chain: this.chain,
        clock: this.clock,
        journal: new PoolJournal({ store: this.store }),
        checkRules: (tx) => {
          const needed = intrinsicGas(tx)
          if (tx.gasLimit < needed) throw new TxError('intrinsic-gas', { gasLimit: tx.gasLimit, needed })
        },
        recover: async (transactions) =>
          transactions.map((tx) => this.known.get(toKey(transactionHash(tx))) ?? new TxError('invalid-signature')),
        pause: () => undefined,
        onError: (error) => this.errors.push(error),
      },
    )
    this.pool.subscribe((changes) => this.changes.push(changes))
  }

  static async create(options: Partial<PoolOptions> = {}, parts: PoolFixtureParts = {}): Promise<PoolFixture> {
    const fixture = new PoolFixture(options, parts)
    await fixture.pool.start()
    return fixture
  }

  /** The same machine after a restart. */
  async restart(options: Partial<PoolOptions> = {}): Promise<PoolFixture> {
    const { chain, clock, store, known } = this
    return PoolFixture.create(options, { chain, clock, store, known })
  }

  /** @returns the code of each refusal; undefined for what was admitted. */
  async add(...transactions: RecoveredTransaction[]): Promise<(TxErrorCode | undefined)[]> {
    return (await this.addAs('remote', ...transactions)).map((error) => error?.code)
  }

  async addAs(origin: 'local' | 'remote', ...transactions: RecoveredTransaction[]): Promise<(TxError | undefined)[]> {
    for (const recovered of transactions) this.known.set(toKey(recovered.hash), recovered)
    return this.pool.addBatch(transactions, origin)
  }

  /** Nonces of account `i`. */
  nonces(i: number): { pending: number[]; queued: number[] } {
    const { pending, queued } = this.pool.contentFrom(address(i))
    const nonce = ({ tx }: RecoveredTransaction) => Number(tx.nonce)
    return { pending: pending.map(nonce), queued: queued.map(nonce) }
  }

  has(recovered: RecoveredTransaction): boolean {
    return this.pool.get(recovered.hash) !== undefined
  }

  /** Why `recovered` left, the last time. */
  dropReason(recovered: RecoveredTransaction): DropReason | undefined {
    const key = toKey(recovered.hash)
    return this.changes.flatMap(({ dropped }) => dropped).findLast(({ hashKey }) => hashKey === key)?.reason
  }
}

export function fundedChain(accounts = 100, balance = 100n * COIN): ModelChain {
  const chain = new ModelChain()
  for (let i = 0; i < accounts; i++) chain.set(address(i), { balance })
  return chain
}

/** `items[0..count)` of what `make` gives. */
export function times<Item>(count: number, make: (i: number) => Item): Item[] {
  return Array.from({ length: count }, (_, i) => make(i))
}
