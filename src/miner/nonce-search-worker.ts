import { constants, setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import { createKeccak } from 'hash-wasm'

/**
 * One thread of a nonce search. Shared memory tells it when to give up and takes its count of hashes, because a thread
 * that computes without a pause receives no messages.
 */
export interface SearchThreadData {
  /** One slot: the job that is wanted; any other number: nothing is. */
  readonly wanted: Int32Array
  /** Hashes done so far, one slot a thread. */
  readonly hashes: BigUint64Array
  readonly thread: number
}

export interface SearchJob {
  readonly job: number
  /** 32 bytes. */
  readonly sealHash: Uint8Array
  /** 32 bytes, big-endian: greatest hash that will do. */
  readonly target: Uint8Array
  readonly startNonce: bigint
}

export interface SearchResult {
  readonly job: number
  /** 8 bytes. */
  readonly nonce: Uint8Array
}

/** Hashes between two looks at shared memory: under a millisecond. */
const BATCH = 1_000
const NONCE_LOW = 36

if (parentPort === null) throw new Error('to be started as a worker thread')
const port = parentPort
const { wanted, hashes, thread } = workerData as SearchThreadData
// Mining takes what the rest of the machine leaves over. Only on Linux does this mean the thread, not the whole process.
if (process.platform === 'linux') setPriority(constants.priority.PRIORITY_BELOW_NORMAL)
const hasher = await createKeccak(256)

/** Hashes upwards from `startNonce`, around the end of 64 bits if need be, until one passes or the job is over. */
function search({ job, sealHash, target, startNonce }: SearchJob): SearchResult | undefined {
  const input = new Uint8Array(40)
  input.set(sealHash)
  const view = new DataView(input.buffer)
  view.setBigUint64(32, startNonce)
  const targetTop = new DataView(target.buffer, target.byteOffset).getUint32(0)
  let low = view.getUint32(NONCE_LOW)
  while (Atomics.load(wanted, 0) === job) {
    for (let done = 1; done <= BATCH; done++) {
      hasher.init()
      hasher.update(input)
      const hash = hasher.digest('binary')
      const top = ((hash[0]! << 24) | (hash[1]! << 16) | (hash[2]! << 8) | hash[3]!) >>> 0
      if (top <= targetTop && isAtMost(hash, target)) {
        Atomics.add(hashes, thread, BigInt(done))
        return { job, nonce: input.slice(32) }
      }
      low = (low + 1) >>> 0
      view.setUint32(NONCE_LOW, low)
      if (low === 0) view.setUint32(32, view.getUint32(32) + 1)
    }
    Atomics.add(hashes, thread, BigInt(BATCH))
  }
  return undefined
}

function isAtMost(hash: Uint8Array, target: Uint8Array): boolean {
  for (let i = 0; i < 32; i++) if (hash[i] !== target[i]) return hash[i]! < target[i]!
  return true
}

port.on('message', (job: SearchJob) => {
  const found = search(job)
  if (found !== undefined) port.postMessage(found)
})
