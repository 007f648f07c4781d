import { TxError } from '../primitives/errors.ts'
import { decodeTransaction, type RecoveredTransaction, type Transaction } from '../primitives/transaction.ts'

/** Transactions taken in and not yet answered; a quarter of a gigabyte at the very most. */
const MAX_WAITING = 2_048
/** Batches under way: one at the workers while the pool admits the one before. */
const MAX_BATCHES = 2

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
 * Where transactions handed in one by one become batches: what arrives while a batch is under way goes with the next, so
 * that recovery, admission and the sync of the journal are shared. They reach the pool in the order they came in.
 */
export class TransactionIntake {
  readonly #parts: IntakeComponents
  #waiting: Waiting[] = []
  #unanswered = 0
  #batches = 0
  /** Settled once the pool has taken all earlier batches. */
  #admitted: Promise<unknown> = Promise.resolve()

  constructor(components: IntakeComponents) {
    this.#parts = components
  }

  /**
   * @param raw EIP-2718 encoding.
   * @returns the transaction's hash, once the pool keeps it. @throws TxError, DecodeError; StoreError from the pool.
   */
  async submit(raw: Uint8Array): Promise<Uint8Array> {
    const tx = decodeTransaction(raw)
    this.#parts.check(tx)
    if (this.#unanswered >= MAX_WAITING) throw new TxError('pool-full')
    this.#unanswered++
    try {
      return await new Promise<Uint8Array>((resolve, reject) => {
        this.#waiting.push({ tx, resolve, reject })
        // Not at once: the calls of one message all come before the next microtask but one.
        queueMicrotask(() => this.#pump())
      })
    } finally {
      this.#unanswered--
    }
  }

  #pump(): void {
    if (this.#batches === MAX_BATCHES || this.#waiting.length === 0) return
    const batch = this.#waiting
    this.#waiting = []
    this.#batches++
    this.#process(batch)
      .catch((error) => {
        for (const { reject } of batch) reject(error)
      })
      .finally(() => {
        this.#batches--
        this.#pump()
      })
  }

  async #process(batch: readonly Waiting[]): Promise<void> {
    const recovery = this.#parts.recover(batch.map(({ tx }) => tx))
    // It is waited for only once its turn has come; until then a failure would count as unheard and end the process.
    recovery.catch(() => undefined)
    const admission = this.#admitted.then(async () => this.#admit(batch, await recovery))
    // A batch that failed has told its senders so, and the next one goes on.
    this.#admitted = admission.catch(() => undefined)
    await admission
  }

  async #admit(batch: readonly Waiting[], recovered: readonly (RecoveredTransaction | TxError)[]): Promise<void> {
    const signed: { readonly transaction: RecoveredTransaction; readonly waiting: Waiting }[] = []
    for (const [index, waiting] of batch.entries()) {
      const transaction = recovered[index]!
      if (transaction instanceof TxError) waiting.reject(transaction)
      else signed.push({ transaction, waiting })
    }
    const refusals = await this.#parts.admit(signed.map(({ transaction }) => transaction))
    for (const [index, { transaction, waiting }] of signed.entries()) {
      const refusal = refusals[index]
      if (refusal) waiting.reject(refusal)
      else waiting.resolve(transaction.hash)
    }
  }
}
