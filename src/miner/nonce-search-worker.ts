import { constants, setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import { HASHER_BYTES, Hasher, MAX_JOBS } from '../crypto/keccak.ts'
import { WebAssembly } from '../crypto/web-assembly.ts'

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

/** null: there will be no more jobs. */
export type SearchMessage = SearchJob | null

export interface SearchResult {
  readonly job: number
  /** 8 bytes. */
  readonly nonce: Uint8Array
}

/** Hashes at a call, and between two looks at shared memory: a tenth of a millisecond. */
const BATCH = MAX_JOBS
const INPUT_BYTES = 40
const NONCE_AT = 32
const DIGESTS_AT = HASHER_BYTES + BATCH * INPUT_BYTES

if (parentPort === null) throw new Error('to be started as a worker thread')
const port = parentPort
const { wanted, hashes, thread } = workerData as SearchThreadData
// Mining takes what the rest of the machine leaves over. Only on Linux does this mean the thread, not the whole process.
if (process.platform === 'linux') setPriority(constants.priority.PRIORITY_BELOW_NORMAL)
const memory = new WebAssembly.Memory({ initial: 2 })
const hasher = new Hasher(memory)
const bytes = new Uint8Array(memory.buffer)
const view = new DataView(memory.buffer)

/** Hashes upwards from `startNonce`, around the end of 64 bits if need be, until one passes or the job is over. */
function search({ job, sealHash, target, startNonce }: SearchJob): SearchResult | undefined {
  if (sealHash.length !== NONCE_AT) throw new RangeError(`a seal hash has ${NONCE_AT} bytes, not ${sealHash.length}`)
  const targetTop = new DataView(target.buffer, target.byteOffset).getUint32(0)
  for (let i = 0; i < BATCH; i++) bytes.set(sealHash, HASHER_BYTES + i * INPUT_BYTES)
  let nonce = startNonce
  while (Atomics.load(wanted, 0) === job) {
    hashBatch(nonce)
    for (let i = 0; i < BATCH; i++) {
      const at = DIGESTS_AT + 32 * i
      if (view.getUint32(at) <= targetTop && isAtMost(bytes.subarray(at, at + 32), target)) {
        Atomics.add(hashes, thread, BigInt(i + 1))
        const nonceAt = HASHER_BYTES + i * INPUT_BYTES + NONCE_AT
        return { job, nonce: bytes.slice(nonceAt, nonceAt + 8) }
      }
    }
    nonce = BigInt.asUintN(64, nonce + BigInt(BATCH))
    Atomics.add(hashes, thread, BigInt(BATCH))
  }
  return undefined
}

function hashBatch(startNonce: bigint): void {
  const high = Number(startNonce >> 32n)
  const low = Number(startNonce & 0xffff_ffffn)
  for (let i = 0; i < BATCH; i++) {
    const at = HASHER_BYTES + i * INPUT_BYTES
    const nonceLow = low + i
    view.setUint32(at + NONCE_AT, nonceLow < 2 ** 32 ? high : high + 1)
    view.setUint32(at + NONCE_AT + 4, nonceLow)
    hasher.add(at, INPUT_BYTES, DIGESTS_AT + 32 * i)
  }
  hasher.run()
}

function isAtMost(hash: Uint8Array, target: Uint8Array): boolean {
  for (let i = 0; i < 32; i++) if (hash[i] !== target[i]) return hash[i]! < target[i]!
  return true
}

port.on('message', (job: SearchMessage) => {
  if (job === null) {
    port.close()
    return
  }
  const found = search(job)
  if (found !== undefined) port.postMessage(found)
})
