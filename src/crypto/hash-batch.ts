import { HASHER_BYTES, Hasher, MAX_JOBS } from './keccak.ts'
import { WASM_PAGE_BYTES, WebAssembly } from './web-assembly.ts'

const DIGEST_BYTES = 32
/** One less than what the hasher takes before it runs by itself, when the last of them is not written yet. */
const MAX_MESSAGES = MAX_JOBS - 1
const DIGESTS_AT = HASHER_BYTES
const MESSAGES_AT = DIGESTS_AT + MAX_MESSAGES * DIGEST_BYTES
/** Bytes of messages that are gathered before they are hashed; a longer one stands alone. */
const BATCH_BYTES = 128 * 1024
/** What keccak may read behind a message. */
const SLACK_BYTES = 8

/**
 * Messages put together where keccak reads them, and hashed many at a call. Nothing of one caller stays behind `run`, so
 * that several may take turns.
 */
export class HashBatch {
  readonly #memory = new WebAssembly.Memory({ initial: Math.ceil((MESSAGES_AT + BATCH_BYTES) / WASM_PAGE_BYTES) })
  readonly #hasher = new Hasher(this.#memory)
  #end = MESSAGES_AT
  #count = 0
  /** To write messages into; another one after a `reserve` that had to grow it. */
  bytes: Uint8Array = new Uint8Array(this.#memory.buffer)

  /** Whether a message of so many bytes has to wait for the next `run`. */
  isFullFor(length: number): boolean {
    return this.#count === MAX_MESSAGES || (this.#count > 0 && this.#end + length > MESSAGES_AT + BATCH_BYTES)
  }

  /** Makes room for a message of `length` bytes; returns the address at which the caller writes it before `run`. */
  reserve(length: number): number {
    const at = this.#end
    const missing = at + length + SLACK_BYTES - this.bytes.length
    if (missing > 0) {
      this.#memory.grow(Math.ceil(missing / WASM_PAGE_BYTES))
      this.bytes = new Uint8Array(this.#memory.buffer)
    }
    this.#hasher.add(at, length, DIGESTS_AT + DIGEST_BYTES * this.#count++)
    this.#end += length
    return at
  }

  /** Forgets what was taken in: a message could not be written. */
  discard(): void {
    this.run(new Uint8Array(DIGEST_BYTES * this.#count), 0)
  }

  /** Hashes what was taken in; writes the digests to `target` from `offset` on, in the order of the messages. */
  run(target: Uint8Array, offset: number): void {
    this.#hasher.run()
    target.set(this.bytes.subarray(DIGESTS_AT, DIGESTS_AT + DIGEST_BYTES * this.#count), offset)
    this.#end = MESSAGES_AT
    this.#count = 0
  }
}
