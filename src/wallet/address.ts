// A few hashes a run: not worth the time that compiling `crypto/keccak.ts` takes whenever a setting is read.
import { keccak_256 } from '@noble/hashes/sha3.js'
import { fromHex, toHex } from '../primitives/bytes.ts'

/** `0x` and 40 hex digits whose case is a checksum. @param address 20 bytes. Source: EIP-55. */
export function toChecksumAddress(address: Uint8Array): string {
  const digits = toHex(address).slice(2)
  const hash = toHex(keccak_256(new TextEncoder().encode(digits))).slice(2)
  const cased = [...digits].map((digit, i) => (Number.parseInt(hash[i]!, 16) >= 8 ? digit.toUpperCase() : digit))
  return `0x${cased.join('')}`
}

/**
 * 20 bytes. An address in one case carries no checksum (EIP-55) and is taken as it is.
 * @throws RangeError that says what is wrong with `text`.
 */
export function parseAddress(text: string): Uint8Array {
  if (!/^0x[0-9a-fA-F]{40}$/.test(text)) throw new RangeError(`"${text}" is no address: 0x and 40 hex digits`)
  const address = fromHex(text)
  const digits = text.slice(2)
  const mixed = digits !== digits.toLowerCase() && digits !== digits.toUpperCase()
  if (mixed && text !== toChecksumAddress(address)) {
    throw new RangeError(`"${text}" is mistyped: the case of its letters is a checksum (EIP-55), and it is wrong`)
  }
  return address
}
