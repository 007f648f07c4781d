import fc from 'fast-check'
import { concatBytes } from '../../src/primitives/bytes.ts'

/** Changes one place: most leave something that is almost valid. */
export const damage = fc.record({
  kind: fc.constantFrom('set', 'flip', 'insert', 'remove', 'cut', 'append', 'repeat'),
  at: fc.nat(),
  byte: fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 0x7f, 0x80, 0x81, 0xb7, 0xb8, 0xbf, 0xc0, 0xf7, 0xf8, 0xff)),
})

export function damaged(bytes: Uint8Array, { kind, at, byte }: { kind: string; at: number; byte: number }): Uint8Array {
  const place = at % (bytes.length + 1)
  const [before, after] = [bytes.subarray(0, place), bytes.subarray(place)]
  switch (kind) {
    case 'set':
      return concatBytes(before, Uint8Array.of(byte), after.subarray(1))
    case 'flip':
      return concatBytes(before, Uint8Array.of((after[0] ?? 0) ^ (1 << (byte & 7))), after.subarray(1))
    case 'insert':
      return concatBytes(before, Uint8Array.of(byte), after)
    case 'remove':
      return concatBytes(before, after.subarray(1))
    case 'cut':
      return before
    case 'append':
      return concatBytes(bytes, Uint8Array.of(byte))
    default:
      return concatBytes(before, after, after)
  }
}
