import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { keccak256 } from '../../src/crypto/keccak.ts'
import { EMPTY_BYTES } from '../../src/primitives/bytes.ts'
import { signHash } from './network.ts'

/** What a thread is given to do. */
export interface RecoveryLoop {
  readonly hash: Uint8Array
  /** 64 bytes. */
  readonly signature: Uint8Array
  readonly recoveryId: number
  readonly durationMs: number
}

/**
 * Public keys that libsecp256k1's native binding recovers a second, by default with a thread on every core: nothing but calls of
 * `ecdsaRecover`, without the hashing of transactions and keys that finding a sender takes besides.
 */
export async function nativeRecoveryRate(durationMs: number, threads = availableParallelism()): Promise<number> {
  const hash = keccak256(EMPTY_BYTES)
  const signed = signHash(hash)
  const workerData: RecoveryLoop = { hash, signature: signed.slice(0, 64), recoveryId: signed[64]!, durationMs }
  const workers = Array.from(
    { length: threads },
    () => new Worker(new URL('./native-recovery-worker.ts', import.meta.url), { workerData, execArgv: [] }),
  )
  try {
    await Promise.all(workers.map((worker) => once(worker, 'message')))
    const rates = workers.map((worker) => once(worker, 'message'))
    for (const worker of workers) worker.postMessage('go')
    return (await Promise.all(rates)).reduce((sum, [rate]) => sum + rate, 0)
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()))
  }
}
