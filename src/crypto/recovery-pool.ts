import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { TxError } from '../primitives/errors.ts'
import type { RecoveredTransaction, Transaction } from '../primitives/transaction.ts'
import type { RecoveryName } from './recovery.ts'
import type { RecoveryQuestion } from './recovery-question.ts'
import { type AskedQuestion, END_OF_QUESTIONS, QUESTIONS, type QuestionName } from './recovery-questions.ts'
import type { SignedHash } from './signers-question.ts'

/** Signatures a worker gets at once: some 14 ms of work, so that a batch ends on all workers at about one time. */
const MAX_CHUNK_ITEMS = 256
/** Below this, the message costs more than what a further worker gains. */
const MIN_CHUNK_ITEMS = 32
/** Bytes at which a chunk ends early: large transactions must not make one message hundreds of megabytes. */
const MAX_CHUNK_BYTES = 1024 * 1024
/** Chunks a worker holds, so that it has work for 0.1 s while the main thread is busy. */
const MAX_CHUNKS_IN_FLIGHT = 8

const WORKER_URL = new URL(`./recovery-worker${extname(import.meta.url)}`, import.meta.url)

/** The pool could not do its work; says nothing about the transactions. */
export class RecoveryPoolError extends Error {
  override readonly name = 'RecoveryPoolError'
}

export interface RecoveryPoolOptions {
  /** Worker threads, at least 1. */
  readonly threads: number
  /** Only this backend; the fastest that loads if absent. */
  readonly backend?: RecoveryName
}

interface Batch {
  chunksLeft: number
  failed: boolean
  readonly resolve: () => void
  readonly reject: (error: RecoveryPoolError) => void
}

/** Some of a batch's items. */
interface Chunk {
  readonly batch: Batch
  readonly ask: () => AskedQuestion
  readonly read: (answer: ArrayBuffer) => void
}

interface Lane {
  readonly worker: Worker
  /** Posted and not answered; oldest first, which is the order of the answers. */
  readonly inFlight: Chunk[]
}

/**
 * Recovers who signed in worker threads, first come, first served. The main thread only copies bytes in and records
 * out, a few hundred nanoseconds per signature. An idle pool does not keep the process alive. What waits is not
 * bounded here: callers hold the transactions or signatures, and bound them.
 */
export class RecoveryPool {
  readonly #options: RecoveryPoolOptions
  /** All that run, also those that are not ready. */
  readonly #workers = new Set<Worker>()
  #lanes: Lane[] = []
  #queue: Chunk[] = []
  #backend: RecoveryName = 'noble'
  /** Set once no worker is left and none will be. */
  #closed: RecoveryPoolError | undefined

  /** @throws RecoveryPoolError if a worker does not start, for instance because `backend` does not load here. */
  static async start(options: RecoveryPoolOptions): Promise<RecoveryPool> {
    if (!(options.threads >= 1)) throw new RangeError(`a recovery pool needs threads, not ${options.threads}`)
    const pool = new RecoveryPool(options)
    try {
      await Promise.all(Array.from({ length: options.threads }, () => pool.#startWorker()))
    } catch (error) {
      await pool.stop()
      throw error
    }
    return pool
  }

  private constructor(options: RecoveryPoolOptions) {
    this.#options = options
  }

  /** Which backend the workers run. */
  get backend(): RecoveryName {
    return this.#backend
  }

  /**
   * Results stand in the order of `transactions`: TxError `invalid-signature` where nobody signed. Byte fields of the
   * results are views that share memory with up to 255 others; copy what is kept long after its neighbours.
   * Does not check any other rule.
   * @throws RecoveryPoolError if a worker died over it, or the pool is stopped.
   */
  recover(transactions: readonly Transaction[]): Promise<(RecoveredTransaction | TxError)[]> {
    return this.#ask('senders', QUESTIONS.senders, transactions)
  }

  /**
   * Addresses, 20 bytes each, in the order of `signed`; undefined where a signature is not canonical or nobody can have made
   * it. @throws RecoveryPoolError as `recover`.
   */
  recoverSigners(signed: readonly SignedHash[]): Promise<(Uint8Array | undefined)[]> {
    return this.#ask('signers', QUESTIONS.signers, signed)
  }

  /** Rejects what is pending and ends the workers, each after the chunks it has at hand: some 50 ms. */
  async stop(): Promise<void> {
    this.#close(new RecoveryPoolError('the recovery pool is stopped'))
    await Promise.all(Array.from(this.#workers, endWorker))
  }

  #ask<Item, Result>(
    name: QuestionName,
    question: RecoveryQuestion<Item, Result>,
    items: readonly Item[],
  ): Promise<Result[]> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed)
    if (items.length === 0) return Promise.resolve([])
    return new Promise((resolve, reject) => {
      const results = new Array<Result>(items.length)
      const batch = { chunksLeft: 0, failed: false, resolve: () => resolve(results), reject }
      for (const [start, end] of split(items, question.sizeBytes, this.#sharers())) {
        batch.chunksLeft++
        this.#queue.push({
          batch,
          ask: () => ({ name, question: question.pack(items, start, end) }),
          read: (answer) => question.read(answer, items, start, results),
        })
      }
      this.#dispatch()
    })
  }

  /** Resolves once the worker has said which backend it runs and takes work. */
  #startWorker(): Promise<void> {
    const worker = new Worker(WORKER_URL, {
      name: 'recovery',
      workerData: { backend: this.#options.backend },
      // Flags that the process was started with (--input-type, --eval) would break a worker that inherits them.
      execArgv: [],
      // It holds a chunk at a time; V8's default of 48 MiB for young objects would be most of what it takes.
      resourceLimits: { maxYoungGenerationSizeMb: 4 },
    })
    const lane: Lane = { worker, inFlight: [] }
    this.#workers.add(worker)
    return new Promise((resolve, reject) => {
      let failure: unknown
      worker.once('message', (backend: RecoveryName) => {
        worker.on('message', (answer: ArrayBuffer) => this.#answered(lane, answer))
        worker.unref()
        this.#backend = backend
        this.#lanes.push(lane)
        this.#dispatch()
        resolve()
      })
      worker.on('error', (error) => {
        failure = error
      })
      worker.on('exit', () => {
        this.#workers.delete(worker)
        if (this.#lanes.includes(lane)) this.#died(lane, failure)
        else reject(new RecoveryPoolError('a recovery worker did not start', { cause: failure }))
      })
    })
  }

  /** Workers among which a batch is divided; where all are at work it would end no sooner for it. */
  #sharers(): number {
    return this.#lanes.every(({ inFlight }) => inFlight.length > 0) ? 1 : this.#options.threads
  }

  #dispatch(): void {
    while (this.#queue.length > 0) {
      let lane: Lane | undefined
      for (const candidate of this.#lanes) {
        if (lane === undefined || candidate.inFlight.length < lane.inFlight.length) lane = candidate
      }
      if (lane === undefined || lane.inFlight.length >= MAX_CHUNKS_IN_FLIGHT) return
      const chunk = this.#queue.shift()!
      if (chunk.batch.failed) continue
      const asked = chunk.ask()
      lane.inFlight.push(chunk)
      if (lane.inFlight.length === 1) lane.worker.ref()
      lane.worker.postMessage(asked, [asked.question])
    }
  }

  #answered(lane: Lane, answer: ArrayBuffer): void {
    const { batch, read } = lane.inFlight.shift()!
    if (lane.inFlight.length === 0) lane.worker.unref()
    this.#dispatch()
    if (batch.failed) return
    read(answer)
    if (--batch.chunksLeft === 0) batch.resolve()
  }

  /** The chunk at work fails its batch; those behind it, which did no harm, go to others. */
  #died(lane: Lane, failure: unknown): void {
    this.#lanes = this.#lanes.filter((other) => other !== lane)
    const [guilty, ...innocent] = lane.inFlight
    if (guilty !== undefined) fail(guilty.batch, new RecoveryPoolError('a recovery worker died', { cause: failure }))
    this.#queue.unshift(...innocent)
    this.#dispatch()
    // A worker that cannot even start is not tried again: the pool goes on with those it has.
    this.#startWorker().catch((error: RecoveryPoolError) => {
      if (this.#lanes.length === 0) this.#close(error)
    })
  }

  #close(reason: RecoveryPoolError): void {
    this.#closed ??= reason
    const pending = [...this.#lanes.flatMap(({ inFlight }) => inFlight), ...this.#queue]
    this.#lanes = []
    this.#queue = []
    for (const { batch } of pending) fail(batch, reason)
  }
}

/**
 * Asks a worker to end and waits until it has. `terminate()` would not do: where it meets the native addon at work, the
 * addon throws into a thread that is being torn down, and the whole process aborts.
 */
function endWorker(worker: Worker): Promise<void> {
  return new Promise((resolve) => {
    // Late answers would let the process go before the worker has ended.
    worker.removeAllListeners('message')
    worker.ref()
    worker.once('exit', () => resolve())
    worker.postMessage(END_OF_QUESTIONS)
  })
}

function fail(batch: Batch, error: RecoveryPoolError): void {
  batch.failed = true
  batch.reject(error)
}

/** Where chunks of `items` begin and end. */
function* split<Item>(
  items: readonly Item[],
  sizeBytes: (item: Item) => number,
  sharers: number,
): Generator<readonly [start: number, end: number]> {
  const share = Math.ceil(items.length / sharers)
  const maxCount = Math.max(MIN_CHUNK_ITEMS, Math.min(MAX_CHUNK_ITEMS, share))
  let start = 0
  let bytes = 0
  for (let i = 0; i < items.length; i++) {
    const length = sizeBytes(items[i]!)
    if (i > start && (i - start === maxCount || bytes + length > MAX_CHUNK_BYTES)) {
      yield [start, i]
      start = i
      bytes = 0
    }
    bytes += length
  }
  yield [start, items.length]
}
