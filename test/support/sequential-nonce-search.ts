import { setImmediate } from 'node:timers/promises'
import type { NonceSearch } from '../../src/consensus/pow.ts'
import { powHash } from '../../src/consensus/pow.ts'
import { bytesToBigint, uint64ToBytes } from '../../src/primitives/bytes.ts'

/** Counts up from zero on this thread: the same nonce every time. For difficulties up to some thousands. */
export const sequentialNonceSearch: NonceSearch = {
  async search(sealHash, target, signal) {
    for (let counter = 0; ; counter++) {
      if (counter % 500 === 0) {
        await setImmediate()
        if (signal.aborted) return undefined
      }
      const nonce = uint64ToBytes(counter)
      if (bytesToBigint(powHash(sealHash, nonce)) <= target) return nonce
    }
  },
}
