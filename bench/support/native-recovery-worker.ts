import { createRequire } from 'node:module'
import { parentPort, workerData } from 'node:worker_threads'
import type { RecoveryLoop } from './native-recovery.ts'

/** Recovers the same public key again and again for a given time; answers with how many it did a second. */
interface Binding {
  ecdsaRecover(signature: Uint8Array, recoveryId: number, hash: Uint8Array, compressed: false, output: Uint8Array): void
}

const binding = createRequire(import.meta.url)('secp256k1/bindings.js') as Binding
const { hash, signature, recoveryId, durationMs } = workerData as RecoveryLoop
const publicKey = new Uint8Array(new ArrayBuffer(128), 0, 65)
/** Recoveries between two looks at the clock: some 5 ms. */
const BATCH = 64

function run(forMs: number): number {
  const startMs = performance.now()
  let elapsedMs = 0
  let done = 0
  while (elapsedMs < forMs) {
    for (let i = 0; i < BATCH; i++) binding.ecdsaRecover(signature, recoveryId, hash, false, publicKey)
    done += BATCH
    elapsedMs = performance.now() - startMs
  }
  return (done / elapsedMs) * 1000
}

// All threads start to measure when all are there.
parentPort!.once('message', () => parentPort!.postMessage(run(durationMs)))
run(durationMs / 10)
parentPort!.postMessage('ready')
