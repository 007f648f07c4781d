/** Bitcoin's "nBits": one byte of length, three of mantissa; the form that published difficulty runs are written in. */
export function targetOfCompact(bits: number): bigint {
  const size = bits >>> 24
  const mantissa = BigInt(bits & 0x007fffff)
  return size <= 3 ? mantissa >> BigInt(8 * (3 - size)) : mantissa << BigInt(8 * (size - 3))
}

/** Rounds down to what three bytes can hold. */
export function compactOf(target: bigint): number {
  let size = Math.ceil(target.toString(2).length / 8)
  let mantissa = Number(size <= 3 ? target << BigInt(8 * (3 - size)) : target >> BigInt(8 * (size - 3)))
  // The mantissa's highest bit is a sign.
  if (mantissa & 0x00800000) {
    mantissa >>= 8
    size++
  }
  return size * 0x1000000 + mantissa
}
