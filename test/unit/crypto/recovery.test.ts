import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { keccak256 } from '../../../src/crypto/keccak.ts'
import { loadRecovery } from '../../../src/crypto/load-recovery.ts'
import { nobleRecovery, privateKeyToAddress, signHash } from '../../../src/crypto/noble.ts'
import type { Recovery } from '../../../src/crypto/recovery.ts'
import { isCanonicalSignature, publicKeyToAddress, recoverAddress } from '../../../src/crypto/sender.ts'
import { bigintToBytes, fromHex, toHex } from '../../../src/primitives/bytes.ts'

const N = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
const P = 2n ** 256n - 2n ** 32n - 977n

const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 })
const privateKey = fc.bigInt({ min: 1n, max: N - 1n }).map((key) => bigintToBytes(key, 32))

/** Undefined on platforms without a prebuilt addon. */
const native = await loadRecovery('native').catch(() => undefined)
const portable = [await loadRecovery('wasm'), await loadRecovery('noble')]
const backends: readonly Recovery[] = native === undefined ? portable : [native, ...portable]

/** What each backend says, in hex; one entry if they agree. */
function verdicts(hash: Uint8Array, r: Uint8Array, s: Uint8Array, yParity: 0 | 1): Set<string> {
  return new Set(
    backends.map((backend) => {
      const publicKey = backend.recover(hash, r, s, yParity)
      return publicKey === undefined ? 'none' : toHex(publicKey)
    }),
  )
}

describe('recovery backends', () => {
  it('are the ones asked for', () => {
    expect(portable.map(({ name }) => name)).toEqual(['wasm', 'noble'])
  })

  it.skipIf(native === undefined)('are native where the addon loads', async () => {
    expect((await loadRecovery()).name).toBe('native')
  })

  it('find the signer of what was signed, all three alike', () => {
    fc.assert(
      fc.property(bytes32, privateKey, (hash, key) => {
        const { r, s, yParity } = signHash(hash, key)
        for (const backend of backends) {
          const address = recoverAddress(backend, hash, bigintToBytes(r), bigintToBytes(s), yParity)
          expect(address).toEqual(privateKeyToAddress(key))
        }
      }),
      { numRuns: 40 },
    )
  })

  it('agree on the key of a high s and of the wrong parity', () => {
    fc.assert(
      fc.property(bytes32, privateKey, (hash, key) => {
        const { r, s, yParity } = signHash(hash, key)
        const flipped = yParity === 0 ? 1 : 0
        const right = verdicts(hash, bigintToBytes(r), bigintToBytes(s), yParity)
        const high = verdicts(hash, bigintToBytes(r), bigintToBytes(N - s), flipped)
        const wrong = verdicts(hash, bigintToBytes(r), bigintToBytes(s), flipped)
        expect(high).toEqual(right)
        expect(wrong.size).toBe(1)
        expect(wrong).not.toEqual(right)
      }),
      { numRuns: 20 },
    )
  })

  it('agree on arbitrary numbers, about half of which are no x of a point', () => {
    const counted = { none: 0, key: 0 }
    fc.assert(
      fc.property(bytes32, bytes32, bytes32, fc.constantFrom(0 as const, 1 as const), (hash, r, s, yParity) => {
        const said = verdicts(hash, r, s, yParity)
        expect(said.size).toBe(1)
        counted[said.has('none') ? 'none' : 'key']++
      }),
      { numRuns: 60 },
    )
    expect(counted.none).toBeGreaterThan(5)
    expect(counted.key).toBeGreaterThan(5)
  })

  it('agree at the edges of the ranges', () => {
    const hash = keccak256(new Uint8Array(1))
    const edges = [0n, 1n, 2n, 3n, 5n, N / 2n, N / 2n + 1n, N - 1n, N, N + 1n, P - 1n, P, P + 1n, 2n ** 256n - 1n]
    for (const r of edges) {
      for (const s of edges) {
        for (const yParity of [0, 1] as const) {
          const said = verdicts(hash, bigintToBytes(r), bigintToBytes(s), yParity)
          expect(said.size, `r ${r} s ${s}`).toBe(1)
          if (r === 0n || r >= N || s === 0n || s >= N) expect(said).toEqual(new Set(['none']))
        }
      }
    }
  })

  it('find no key where the recovered point would be infinity', () => {
    // With R = G and s = hash, s * R - hash * G is no point.
    const gx = fromHex('79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798')
    const hash = bigintToBytes(12345n, 32)
    expect(verdicts(hash, gx, hash, 0)).toEqual(new Set(['none']))
  })

  it('take numbers padded or not', () => {
    const hash = bigintToBytes(7n, 32)
    const short = verdicts(hash, Uint8Array.of(1), Uint8Array.of(2), 0)
    expect(short.size).toBe(1)
    expect(short).not.toEqual(new Set(['none']))
    expect(verdicts(hash, bigintToBytes(1n, 32), bigintToBytes(2n, 32), 0)).toEqual(short)
  })

  it('refuse numbers longer than 32 bytes as a bug of the caller', () => {
    for (const backend of backends) {
      expect(() => backend.recover(new Uint8Array(32), new Uint8Array(33), new Uint8Array(32), 0)).toThrow(RangeError)
      expect(() => backend.recover(new Uint8Array(32), new Uint8Array(32), new Uint8Array(33), 0)).toThrow(RangeError)
    }
  })

  it('return keys that later calls do not overwrite', () => {
    for (const backend of backends) {
      const first = backend.recover(bigintToBytes(7n, 32), Uint8Array.of(1), Uint8Array.of(2), 0)
      const copy = first?.slice()
      backend.recover(bigintToBytes(8n, 32), Uint8Array.of(1), Uint8Array.of(2), 0)
      expect(first).toEqual(copy)
    }
  })
})

describe('canonical signatures', () => {
  const canonical = (r: bigint, s: bigint) => isCanonicalSignature(bigintToBytes(r), bigintToBytes(s))

  it('have r in [1, n - 1] and s in [1, n / 2]', () => {
    expect(canonical(1n, 1n)).toBe(true)
    expect(canonical(N - 1n, N / 2n)).toBe(true)
    expect(canonical(0n, 1n)).toBe(false)
    expect(canonical(1n, 0n)).toBe(false)
    expect(canonical(N, 1n)).toBe(false)
    expect(canonical(1n, N / 2n + 1n)).toBe(false)
    expect(isCanonicalSignature(new Uint8Array(32), bigintToBytes(1n, 32))).toBe(false)
    expect(isCanonicalSignature(bigintToBytes(1n, 32), bigintToBytes(1n, 32))).toBe(true)
  })

  it('are what address recovery insists on', () => {
    const key = bigintToBytes(1n, 32)
    const hash = keccak256(key)
    const { r, s, yParity } = signHash(hash, key)
    const noble = nobleRecovery()
    expect(noble.recover(hash, bigintToBytes(r), bigintToBytes(N - s), yParity === 0 ? 1 : 0)).toBeDefined()
    expect(recoverAddress(noble, hash, bigintToBytes(r), bigintToBytes(N - s), yParity === 0 ? 1 : 0)).toBeUndefined()
  })
})

describe('addresses', () => {
  it('of known keys', () => {
    // The first account of the development phrase "test test … junk", published by every development node.
    const key = fromHex('ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80')
    expect(toHex(privateKeyToAddress(key))).toBe('0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266')
    const publicKey = nobleRecovery().recover(bigintToBytes(7n, 32), Uint8Array.of(1), Uint8Array.of(2), 0)
    expect(publicKeyToAddress(publicKey ?? new Uint8Array())).toHaveLength(20)
  })

  it('do not exist for keys outside the group', () => {
    for (const key of [0n, N, 2n ** 256n - 1n]) expect(() => privateKeyToAddress(bigintToBytes(key, 32))).toThrow()
    expect(() => privateKeyToAddress(new Uint8Array(31))).toThrow()
  })
})
