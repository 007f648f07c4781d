/** A 128-bit SipHash key, as four 32-bit words in the order of its 16 bytes, each read little-endian. */
export type SipHashKey = readonly [k0Low: number, k0High: number, k1Low: number, k1High: number]

/** @param bytes  at least 16, of which the first 16 are the key. */
export function sipHashKey(bytes: Uint8Array): SipHashKey {
  return [word(bytes, 0), word(bytes, 4), word(bytes, 8), word(bytes, 12)]
}

/**
 * SipHash-2-4: a keyed hash that nobody without the key can find collisions of, for short inputs. Writes the 64 bits to `out`:
 * low word, high word, as unsigned numbers.
 *
 * 64-bit words are pairs of 32-bit ones: with bigints it takes a hundred times as long, and a block has thousands of ids.
 * Cost: about 0.3 µs for 32 bytes; no allocations. Source: Aumasson and Bernstein, eprint 2012/351.
 */
export function sipHash24(key: SipHashKey, bytes: Uint8Array, out: Uint32Array): void {
  const [k0l, k0h, k1l, k1h] = key
  let v0l = k0l ^ 0x70736575
  let v0h = k0h ^ 0x736f6d65
  let v1l = k1l ^ 0x6e646f6d
  let v1h = k1h ^ 0x646f7261
  let v2l = k0l ^ 0x6e657261
  let v2h = k0h ^ 0x6c796765
  let v3l = k1l ^ 0x79746573
  let v3h = k1h ^ 0x74656462

  const { length } = bytes
  const last = length >> 3
  // Words 0 … last are the message, the last with the length in its top byte; one more, of zeros, takes the final rounds.
  for (let i = 0; i <= last + 1; i++) {
    let ml = 0
    let mh = 0
    let rounds = 2
    if (i < last) {
      ml = word(bytes, i * 8)
      mh = word(bytes, i * 8 + 4)
    } else if (i === last) {
      for (let at = length - 1; at >= i * 8 + 4; at--) mh = (mh << 8) | bytes[at]!
      for (let at = Math.min(length, i * 8 + 4) - 1; at >= i * 8; at--) ml = (ml << 8) | bytes[at]!
      mh |= length << 24
    } else {
      v2l ^= 0xff
      rounds = 4
    }
    v3l ^= ml
    v3h ^= mh
    for (let round = 0; round < rounds; round++) {
      let low = (v0l + v1l) | 0
      v0h = (v0h + v1h + carry(v0l, v1l, low)) | 0
      v0l = low
      low = (v1l << 13) | (v1h >>> 19)
      v1h = (v1h << 13) | (v1l >>> 19)
      v1l = low ^ v0l
      v1h ^= v0h
      low = v0l
      v0l = v0h
      v0h = low

      low = (v2l + v3l) | 0
      v2h = (v2h + v3h + carry(v2l, v3l, low)) | 0
      v2l = low
      low = (v3l << 16) | (v3h >>> 16)
      v3h = (v3h << 16) | (v3l >>> 16)
      v3l = low ^ v2l
      v3h ^= v2h

      low = (v0l + v3l) | 0
      v0h = (v0h + v3h + carry(v0l, v3l, low)) | 0
      v0l = low
      low = (v3l << 21) | (v3h >>> 11)
      v3h = (v3h << 21) | (v3l >>> 11)
      v3l = low ^ v0l
      v3h ^= v0h

      low = (v2l + v1l) | 0
      v2h = (v2h + v1h + carry(v2l, v1l, low)) | 0
      v2l = low
      low = (v1l << 17) | (v1h >>> 15)
      v1h = (v1h << 17) | (v1l >>> 15)
      v1l = low ^ v2l
      v1h ^= v2h
      low = v2l
      v2l = v2h
      v2h = low
    }
    v0l ^= ml
    v0h ^= mh
  }
  out[0] = v0l ^ v1l ^ v2l ^ v3l
  out[1] = v0h ^ v1h ^ v2h ^ v3h
}

/** Four bytes, little-endian, as a signed word. */
function word(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
}

/** What adding `a` and `b` carries out of 32 bits, where `sum` is what stays; all signed words. */
function carry(a: number, b: number, sum: number): number {
  return ((a & b) | ((a | b) & ~sum)) >>> 31
}
