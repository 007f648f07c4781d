import { Worker } from 'node:worker_threads'
import { bigintToBytes, bytesToBigint } from '../primitives/bytes.ts'
import type { Clock } from '../primitives/clock.ts'
import type { SearchJob, SearchMessage, SearchResult, SearchThreadData } from './nonce-search-worker.ts'

export interface NonceSearchOptions {
  /** Worker threads, at least 1. They start with the first search. */
  readonly threads: number
}

export interface NonceSearchComponents {
  readonly clock: Clock
  randomBytes(length: number): Uint8Array
}

interface Search {
  readonly job: number
  readonly startedMs: number
  readonly hashesBefore: bigint
  settle(nonce: Uint8Array | undefined): void
  fail(error: unknown): void
}

const WORKER_URL = new URL(`./nonce-search-worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url)
/** No job has this number. */
const NO_JOB = 0
const MAX_JOB = 2 ** 31 - 1

/**
 * Searches nonces in worker threads, of lower priority than the rest of the node where the system allows it. Threads
 * begin far apart at a random place, so that neither they nor two nodes try the same nonces.
 *
 * One search at a time: a new one takes the place of the one before, whose promise then resolves to undefined.
 */
export class NonceSearcher {
  readonly #options: NonceSearchOptions
  readonly #components: NonceSearchComponents
  readonly #wanted = new Int32Array(new SharedArrayBuffer(4))
  readonly #hashes: BigUint64Array<SharedArrayBuffer>
  #workers: Worker[] = []
  #lastJob = NO_JOB
  #current: Search | undefined
  /** Hashes a second of the search before: a rate to show while the current one has only begun. */
  #previousRate: number | undefined

  constructor(options: NonceSearchOptions, components: NonceSearchComponents) {
    if (options.threads < 1) throw new RangeError(`${options.threads} mining threads`)
    this.#options = options
    this.#components = components
    this.#hashes = new BigUint64Array(new SharedArrayBuffer(8 * options.threads))
  }

  /**
   * @param sealHash  32 bytes.
   * @param target    greatest value of keccak256(sealHash ‖ nonce) that will do, below 2^256.
   * @returns 8 bytes; undefined once `signal` aborts, another search begins, or `stop` is called.
   * @throws whatever made a thread fail.
   * Cost for this thread: a message to each worker. They notice the end of a search within a millisecond.
   */
  async search(sealHash: Uint8Array, target: bigint, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const targetBytes = bigintToBytes(target, 32)
    this.#end(undefined)
    if (signal.aborted) return undefined
    this.#startWorkers()
    const job = this.#lastJob === MAX_JOB ? 1 : this.#lastJob + 1
    this.#lastJob = job
    const found = new Promise<Uint8Array | undefined>((settle, fail) => {
      this.#current = { job, startedMs: this.#components.clock.nowMs(), hashesBefore: this.hashes, settle, fail }
    })
    Atomics.store(this.#wanted, 0, job)
    const start = bytesToBigint(this.#components.randomBytes(8))
    const distance = 2n ** 64n / BigInt(this.#options.threads)
    for (const [thread, worker] of this.#workers.entries()) {
      const startNonce = BigInt.asUintN(64, start + BigInt(thread) * distance)
      worker.postMessage({ job, sealHash, target: targetBytes, startNonce } satisfies SearchJob)
    }
    const onAbort = () => {
      if (this.#current?.job === job) this.#end(undefined)
    }
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      return await found
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  /** Hashes done since this object was made. Cost: reads of shared memory. */
  get hashes(): bigint {
    let sum = 0n
    for (let thread = 0; thread < this.#hashes.length; thread++) sum += Atomics.load(this.#hashes, thread)
    return sum
  }

  /** Hashes a second of the current search, of the one before during its first second; 0 while none runs. */
  hashRate(): number {
    if (this.#current === undefined) return 0
    const young = this.#components.clock.nowMs() - this.#current.startedMs < 1_000
    return young && this.#previousRate !== undefined ? this.#previousRate : this.#rateOf(this.#current)
  }

  #rateOf({ startedMs, hashesBefore }: Search): number {
    const elapsedMs = this.#components.clock.nowMs() - startedMs
    return elapsedMs <= 0 ? 0 : (Number(this.hashes - hashesBefore) * 1_000) / elapsedMs
  }

  /** Ends the search and the threads. A later search starts new ones. */
  async stop(): Promise<void> {
    this.#end(undefined)
    await this.#endWorkers()
  }

  #end(nonce: Uint8Array | undefined): void {
    const search = this.#current
    if (search === undefined) return
    Atomics.store(this.#wanted, 0, NO_JOB)
    this.#previousRate = this.#rateOf(search)
    this.#current = undefined
    search.settle(nonce)
  }

  #startWorkers(): void {
    for (let thread = this.#workers.length; thread < this.#options.threads; thread++) {
      const workerData: SearchThreadData = { wanted: this.#wanted, hashes: this.#hashes, thread }
      const worker = new Worker(WORKER_URL, { workerData })
      worker.on('message', ({ job, nonce }: SearchResult) => {
        if (this.#current?.job === job) this.#end(nonce)
      })
      worker.on('error', (error) => {
        if (this.#workers.includes(worker)) this.#fail(error)
      })
      // A node that has nothing else to do may end.
      worker.unref()
      this.#workers.push(worker)
    }
  }

  /** A thread died: the others go too, and the next search starts afresh. */
  #fail(error: unknown): void {
    const search = this.#current
    this.#current = undefined
    Atomics.store(this.#wanted, 0, NO_JOB)
    void this.#endWorkers()
    search?.fail(error)
  }

  async #endWorkers(): Promise<void> {
    const workers = this.#workers
    this.#workers = []
    await Promise.all(workers.map(endWorker))
  }
}

/**
 * Asks a worker to end and waits until it has. `terminate()` would not do: where it meets a thread that is still
 * starting, Node itself may abort the whole process.
 */
function endWorker(worker: Worker): Promise<void> {
  // It has ended by itself.
  if (worker.threadId === -1) return Promise.resolve()
  return new Promise((resolve) => {
    worker.ref()
    worker.once('exit', () => resolve())
    worker.postMessage(null satisfies SearchMessage)
  })
}
