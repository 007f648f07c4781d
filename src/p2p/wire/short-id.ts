import { keccak256 } from '../../crypto/keccak.ts'
import { concatBytes } from '../../primitives/bytes.ts'
import { type SipHashKey, sipHash24, sipHashKey } from './siphash.ts'

export const SHORT_ID_BYTES = 8

/**
 * The short ids of one compact block: SipHash-2-4 of a transaction's hash, under a key that its sender's nonce decides. So
 * nobody can make transactions that collide in everybody's blocks.
 */
export class ShortIds {
  readonly #key: SipHashKey
  readonly #out = new Uint32Array(2)

  /** @param nonce  8 bytes. */
  constructor(headerHash: Uint8Array, nonce: Uint8Array) {
    this.#key = sipHashKey(keccak256(concatBytes(headerHash, nonce)))
  }

  /** Writes the 8 bytes of a transaction's id, little-endian as the paper has it. */
  write(transactionHash: Uint8Array, target: Uint8Array, offset: number): void {
    sipHash24(this.#key, transactionHash, this.#out)
    const [low, high] = this.#out
    for (let i = 0; i < 4; i++) {
      target[offset + i] = low! >>> (8 * i)
      target[offset + 4 + i] = high! >>> (8 * i)
    }
  }

  /** The number that `shortIdNumber` reads for this transaction. */
  number(transactionHash: Uint8Array): number {
    sipHash24(this.#key, transactionHash, this.#out)
    return low53(this.#out[0]!, this.#out[1]!)
  }
}

/**
 * Id `index` of `shortIds` as a key for a Map: its low 53 bits, in which different ids agree by chance once in 10^16. Whether
 * the right transactions were found shows in the block's transactions root in any case.
 */
export function shortIdNumber(shortIds: Uint8Array, index: number): number {
  const words = new DataView(shortIds.buffer, shortIds.byteOffset + index * SHORT_ID_BYTES, SHORT_ID_BYTES)
  return low53(words.getUint32(0, true), words.getUint32(4, true))
}

function low53(low: number, high: number): number {
  return (high & 0x1f_ffff) * 0x1_0000_0000 + low
}
