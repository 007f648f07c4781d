import { keccak256 } from '../../crypto/keccak.ts'
import { concatBytes } from '../../primitives/bytes.ts'
import { COMMITMENT_PERIOD } from './limits.ts'

/**
 * What presync keeps of a chain of headers: a bit of every 32nd one's salted hash. Salt and offset are secret, so that
 * whoever shows another chain the second time is right by chance only, one time in two for each commitment.
 */
export class Commitments {
  readonly #salt: Uint8Array
  readonly #offset: number
  #bits = new Uint8Array(64)
  #count = 0

  /** @param secret  32 random bytes, used for this chain only. */
  constructor(secret: Uint8Array) {
    this.#salt = secret
    this.#offset = secret[0]! % COMMITMENT_PERIOD
  }

  /** Bytes of memory. */
  get sizeBytes(): number {
    return this.#bits.length
  }

  /** @param distance  of the header from where the chain begins; rises by one from call to call. */
  add(distance: number, hash: Uint8Array): void {
    if (distance % COMMITMENT_PERIOD !== this.#offset) return
    const at = this.#count++
    if (at >> 3 >= this.#bits.length) {
      const grown = new Uint8Array(2 * this.#bits.length)
      grown.set(this.#bits)
      this.#bits = grown
    }
    if (this.#bitOf(hash)) this.#bits[at >> 3]! |= 1 << (at & 7)
  }

  /** Whether the header at this distance can be the one that was added; false beyond the last commitment. */
  holds(distance: number, hash: Uint8Array): boolean {
    if (distance % COMMITMENT_PERIOD !== this.#offset) return true
    const at = Math.floor(distance / COMMITMENT_PERIOD)
    if (at >= this.#count) return false
    return ((this.#bits[at >> 3]! >> (at & 7)) & 1) === this.#bitOf(hash)
  }

  #bitOf(hash: Uint8Array): 0 | 1 {
    return (keccak256(concatBytes(this.#salt, hash))[0]! & 1) as 0 | 1
  }
}
