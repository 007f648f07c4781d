import { targetOf } from '../../src/consensus/asert.ts'
import { powHash, sealHash } from '../../src/consensus/pow.ts'
import { bytesToBigint, uint64ToBytes } from '../../src/primitives/bytes.ts'
import type { Header } from '../../src/primitives/header.ts'

/** With the first nonce that has the work. For difficulties up to some thousands. */
export function sealed(header: Header): Header {
  const hash = sealHash(header)
  const target = targetOf(header.difficulty)
  for (let count = 0; ; count++) {
    const nonce = uint64ToBytes(count)
    const mixHash = powHash(hash, nonce)
    if (bytesToBigint(mixHash) <= target) return { ...header, mixHash, nonce }
  }
}
