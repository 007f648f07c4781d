import { TxError } from '../primitives/errors.ts'
import { decodeTransaction, type RecoveredTransaction, type Transaction } from '../primitives/transaction.ts'

/** Transactions taken in and not yet answered; a quarter of a gigabyte at the very most. */
const MAX_WAITING = 2_048
/** Batches at the workers at which small ones wait: one behind the one at work, so that they never wait for this thread. */
const MAX_RECOVERING = 2
/** Transactions that are worth a batch of their own: the workers should have them at once, since all of a batch waits for its last. */
const FULL_BATCH = 64

export interface IntakeComponents {
  /** What can be refused before the signature is recovered. @throws TxError */
  readonly check: (tx: Transaction) => void
  readonly recover: (transactions: readonly Transaction[]) => Promise<readonly (RecoveredTransaction | TxError)[]>
  /** Admits in the order given; for each why not, or undefined. */
  readonly admit: (transactions: readonly RecoveredTransaction[]) => Promise<readonly (TxError | undefined)[]>
}

interface Waiting {
  readonly tx: Transaction
  readonly resolve: (hash: Uint8Array) => void
  readonly reject: (error: unknown) => void
}

/**
 * Where transactions handed in one by one become batches: few that arrive while others are under way go with the next, so
 * that recovery, admission and the sync of the journal are shared. They reach the pool in the order they came in.
 */
export class TransactionIntake {
  readonly #parts: IntakeComponents
  #waiting: Waiting[] = []
  #unanswered = 0
  #recovering = 0
  #pumping = false
  /** Settled once the pool has been given all earlier batches. */
  #given: Promise<unknown> = Promise.resolve()

  constructor(components: IntakeComponents) {
    this.#parts = components
  }

  /**
   * @param raw EIP-2718 encoding.
   * @returns the transaction's hash, once the pool keeps it. @throws TxError, DecodeError; StoreError from the pool.
   */
  submit(raw: Uint8Array): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const tx = decodeTransaction(raw)
      this.#parts.check(tx)
      if (this.#unanswered >= MAX_WAITING) throw new TxError('pool-full')
      this.#unanswered++
      this.#waiting.push({ tx, resolve, reject })
      this.#pumpSoon()
    })
  }

  /** Not at once: the calls of one message all come before the next microtask but one. */
  #pumpSoon(): void {
    if (this.#pumping) return
    this.#pumping = true
    queueMicrotask(() => {
      this.#pumping = false
      this.#pump()
    })
  }

  #pump(): void {
    const { length } = this.#waiting
    if (length === 0 || (length < FULL_BATCH && this.#recovering >= MAX_RECOVERING)) return
    const batch = this.#waiting
    this.#waiting = []
    this.#process(batch).then(
      (outcomes) => {
        this.#unanswered -= batch.length
        for (let i = 0; i < batch.length; i++) {
          const { resolve, reject } = batch[i]!
          const outcome = outcomes[i]!
          if (outcome instanceof TxError) reject(outcome)
          else resolve(outcome)
        }
      },
      (error) => {
        this.#unanswered -= batch.length
        for (const { reject } of batch) reject(error)
      },
    )
  }

  /** @returns for each its hash, or why it was refused. */
  #process(batch: readonly Waiting[]): Promise<readonly (Uint8Array | TxError)[]> {
    const recovery = this.#recover(batch)
    // Wrapped, so that the next batch waits for the pool to be given this one, and not for the disk.
    const given = this.#given.then(async () => ({ outcomes: this.#admit(await recovery) }))
    // A batch that failed tells its senders so, and the next one goes on.
    this.#given = given.catch(() => undefined)
    return given.then(({ outcomes }) => outcomes)
  }

  #recover(batch: readonly Waiting[]): Promise<readonly (RecoveredTransaction | TxError)[]> {
    this.#recovering++
    const recovery = this.#parts.recover(batch.map(({ tx }) => tx))
    const ended = () => {
      this.#recovering--
      this.#pump()
    }
    // What came of it is waited for once its turn has come; until then a failure would count as unheard and end the process.
    recovery.then(ended, ended)
    return recovery
  }

  async #admit(recovered: readonly (RecoveredTransaction | TxError)[]): Promise<readonly (Uint8Array | TxError)[]> {
    const signed = recovered.filter(
      (transaction): transaction is RecoveredTransaction => !(transaction instanceof TxError),
    )
    const refusals = await this.#parts.admit(signed)
    let next = 0
    return recovered.map((transaction) =>
      transaction instanceof TxError ? transaction : (refusals[next++] ?? transaction.hash),
    )
  }
}
