import type { Chain } from '../chain/chain.ts'
import { signTransaction } from '../crypto/noble.ts'
import type { Miner } from '../miner/miner.ts'
import type { TransactionPool } from '../pool/pool.ts'
import { assert } from '../primitives/assert.ts'
import { equalBytes, type Key, toKey } from '../primitives/bytes.ts'
import type { Clock } from '../primitives/clock.ts'
import type { RecoveredTransaction, TransactionFields } from '../primitives/transaction.ts'
import type { DevBackend, MineRequest, OverrideRequest, PoolBackend } from '../rpc/backend.ts'
import { devAccounts } from './dev.ts'
import type { DevTime, DevTimeMark } from './dev-time.ts'
import type { Ledger } from './ledger.ts'
import { OneByOne } from './one-by-one.ts'

/** Snapshots kept; the oldest goes. A test suite takes one a test and goes back to it. */
const MAX_SNAPSHOTS = 1_000

export interface DevControlComponents {
  readonly ledger: Pick<Ledger, 'rewind'>
  readonly chain: Pick<Chain, 'head' | 'store' | 'subscribe'>
  readonly pool: TransactionPool
  readonly miner: Miner
  readonly time: DevTime
  readonly clock: Clock
  readonly onError: (error: unknown) => void
}

interface Snapshot {
  readonly hash: Uint8Array
  readonly number: number
  readonly time: DevTimeMark
  readonly pooled: readonly RecoveredTransaction[]
}

/**
 * What the user of a development network may do that no other node lets anyone do: decide when blocks come and when
 * their time is, go back, set accounts. Snapshots are kept in memory: after a restart there are none.
 */
export class DevControl implements DevBackend {
  readonly #parts: DevControlComponents
  readonly #accounts = devAccounts()
  /** By id, oldest first. */
  readonly #snapshots = new Map<number, Snapshot>()
  #lastSnapshot = 0
  /** Whoever waits for the block of a transaction. */
  readonly #waiting = new Map<Key, () => void>()
  #cancelInterval: () => void = () => undefined
  /** Changes of automine: a miner that is still stopping takes no start. */
  readonly #automineSet = new OneByOne()
  #stopped = false
  readonly #unsubscribe: () => void

  constructor(components: DevControlComponents) {
    this.#parts = components
    this.#unsubscribe = components.chain.subscribe((event) => {
      if (event.type !== 'head') return
      if (!event.rewound) components.time.sealed(event.head.header.timestamp)
      for (const { transactions } of event.connected) {
        for (const { hash } of transactions) this.#waiting.get(toKey(hash))?.()
      }
    })
  }

  stop(): void {
    this.#stopped = true
    this.#cancelInterval()
    this.#unsubscribe()
  }

  /** As `pool`; but what can be mined at once is answered for when its block is sealed, as by Hardhat and Foundry. */
  sealing(pool: PoolBackend): PoolBackend {
    return {
      ...pool,
      submit: async (raw) => {
        const hash = await pool.submit(raw)
        await this.#sealed(hash)
        return hash
      },
    }
  }

  accounts(): readonly Uint8Array[] {
    return this.#accounts.map(({ address }) => address)
  }

  sign(from: Uint8Array, fields: TransactionFields): Uint8Array {
    const account = this.#accounts.find(({ address }) => equalBytes(address, from))
    assert(account !== undefined, 'signing for an account that is not ours')
    return signTransaction(fields, account.privateKey).raw
  }

  automine(): boolean {
    return this.#parts.miner.status().mining
  }

  setAutomine(enabled: boolean): Promise<void> {
    const { miner } = this.#parts
    return this.#automineSet.run(async () => (enabled ? miner.start() : miner.stop()))
  }

  setIntervalMining(intervalMs: number): void {
    const { clock, miner, onError } = this.#parts
    this.#cancelInterval()
    let stopped = intervalMs === 0
    let cancel: () => void = () => undefined
    const schedule = () => {
      if (stopped) return
      cancel = clock.after(intervalMs, () => {
        miner.mineOne().catch(onError).finally(schedule)
      })
    }
    this.#cancelInterval = () => {
      stopped = true
      cancel()
    }
    schedule()
  }

  async mine({ blocks, intervalSec, timestamp }: MineRequest): Promise<void> {
    const { miner, time } = this.#parts
    let at = timestamp
    for (let made = 0; made < blocks && !this.#stopped; made++) {
      const { header } = await miner.mineOne({ timestamp: at })
      if (at !== undefined) time.goOnFrom(header.timestamp)
      at = intervalSec === 0 ? undefined : header.timestamp + intervalSec
    }
  }

  increaseTime(seconds: number): number | undefined {
    return this.#parts.time.increase(seconds)
  }

  setNextBlockTimestamp(timestamp: number): void {
    this.#parts.time.setNext(timestamp)
  }

  async override(request: OverrideRequest): Promise<void> {
    await this.#parts.miner.mineOne({ override: request })
  }

  snapshot(): Promise<number> {
    const { chain, miner, pool, time } = this.#parts
    return miner.pausing(async () => {
      await pool.settled()
      const { hash, header } = chain.head
      const pooled = [...pool.content()].flatMap(({ pending, queued }) => [...pending, ...queued])
      this.#snapshots.set(++this.#lastSnapshot, { hash, number: header.number, time: time.mark(), pooled })
      if (this.#snapshots.size > MAX_SNAPSHOTS) this.#snapshots.delete(this.#snapshots.keys().next().value!)
      return this.#lastSnapshot
    })
  }

  async revert(id: number): Promise<boolean> {
    const snapshot = this.#snapshots.get(id)
    if (snapshot === undefined) return false
    for (const later of [...this.#snapshots.keys()]) if (later >= id) this.#snapshots.delete(later)
    const canonical = this.#parts.chain.store.canonicalHash(snapshot.number)
    if (canonical === undefined || !equalBytes(canonical, snapshot.hash)) return false
    await this.#goBack(snapshot.number, snapshot.pooled, () => this.#parts.time.restore(snapshot.time))
    return true
  }

  async reset(): Promise<void> {
    this.#snapshots.clear()
    await this.#goBack(0, [], () => this.#parts.time.reset())
  }

  async dropTransaction(hash: Uint8Array): Promise<boolean> {
    const key = toKey(hash)
    return (await this.#parts.pool.discard((hashKey) => hashKey === key)) > 0
  }

  async #goBack(number: number, pooled: readonly RecoveredTransaction[], setTime: () => void): Promise<void> {
    const { ledger, miner, pool } = this.#parts
    await miner.pausing(async () => {
      await ledger.rewind(number)
      setTime()
      const kept = new Set(pooled.map(({ hash }) => toKey(hash)))
      await pool.discard((hashKey) => !kept.has(hashKey))
      await pool.addBatch(pooled, 'local')
    })
  }

  /** Resolves once a pooled transaction is in a block, or is known to have to wait: for a nonce before it, or for a command. */
  async #sealed(hash: Uint8Array): Promise<void> {
    const { miner, pool } = this.#parts
    const pooled = pool.get(hash)
    if (pooled === undefined || pool.pendingNonce(pooled.sender, 0n) <= pooled.tx.nonce) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const key = toKey(hash)
    this.#waiting.set(key, resolve)
    await Promise.race([promise, miner.idle()])
    this.#waiting.delete(key)
  }
}
