import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { getPublicKey, hashes, recoverPublicKey, sign } from '@noble/secp256k1'
import type { BlockSigner } from '../../src/consensus/poa.ts'
import { keccak256 } from '../../src/crypto/keccak.ts'
import { concatBytes } from '../../src/primitives/bytes.ts'

hashes.sha256 = sha256
hashes.hmacSha256 = (key, message) => hmac(sha256, key, message)

const addressOf = (publicKey: Uint8Array) => keccak256(publicKey.slice(1)).slice(12)

/** A signer whose private key is `seed` in every byte. */
export function testSigner(seed: number): BlockSigner {
  const privateKey = new Uint8Array(32).fill(seed)
  return {
    address: addressOf(getPublicKey(privateKey, false)),
    signHash(hash) {
      // noble puts the parity first.
      const signature = sign(hash, privateKey, { prehash: false, format: 'recovered' })
      return concatBytes(signature.subarray(1), signature.subarray(0, 1))
    },
  }
}

/** Takes any s, so that it is the engine that must insist on a low one. */
export function recoverTestSigner(hash: Uint8Array, signature: Uint8Array): Uint8Array | undefined {
  const parityFirst = concatBytes(signature.subarray(64), signature.subarray(0, 64))
  try {
    return addressOf(recoverPublicKey(parityFirst, hash, { prehash: false, isCompressed: false }))
  } catch {
    return undefined
  }
}
