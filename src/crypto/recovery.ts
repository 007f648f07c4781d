export type RecoveryName = 'native' | 'wasm' | 'noble'

/**
 * ECDSA public-key recovery on secp256k1, the dearest step of judging a transaction. All backends give the same
 * verdict and key; they differ in speed only. Not reentrant: each thread loads its own.
 */
export interface Recovery {
  readonly name: RecoveryName
  /**
   * @param hash 32 bytes that were signed.
   * @param r big-endian, at most 32 bytes, as is `s`.
   * @param yParity of the nonce point; a point whose x is above the group order (chance 2^-127) has no such form.
   * @returns 64 bytes x ‖ y, fresh; undefined where no key can have made the signature (r or s zero or not below the
   *   group order, r not the x of a point). High s is not refused here: see `isCanonicalSignature`.
   * Cost: native about 55 µs, wasm 150 µs, noble 3 ms.
   */
  recover(hash: Uint8Array, r: Uint8Array, s: Uint8Array, yParity: 0 | 1): Uint8Array | undefined
}

/** Writes r ‖ s, left-padded to 32 bytes each, at `offset`. @throws RangeError if one is longer. */
export function writeCompactSignature(target: Uint8Array, offset: number, r: Uint8Array, s: Uint8Array): void {
  if (r.length > 32 || s.length > 32) throw new RangeError('signature numbers have at most 32 bytes')
  target.fill(0, offset, offset + 64)
  target.set(r, offset + 32 - r.length)
  target.set(s, offset + 64 - s.length)
}
