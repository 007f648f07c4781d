import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { getPublicKey, hashes, recoverPublicKey, sign, utils, verify } from '@noble/secp256k1'
import { bytesToBigint } from '../primitives/bytes.ts'
import {
  assembleTransaction,
  encodeForSigning,
  type Transaction,
  type TransactionFields,
} from '../primitives/transaction.ts'
import { keccak256 } from './keccak.ts'
import { type Recovery, writeCompactSignature } from './recovery.ts'
import { publicKeyToAddress } from './sender.ts'

// Without these two, noble signs only asynchronously.
hashes.sha256 = sha256
hashes.hmacSha256 = (key, message) => hmac(sha256, key, message)

/** Pure JavaScript, runs anywhere: the reference that the faster backends are compared with. */
export function nobleRecovery(): Recovery {
  const signature = new Uint8Array(65)
  return {
    name: 'noble',
    recover(hash, r, s, yParity) {
      signature[0] = yParity
      writeCompactSignature(signature, 1, r, s)
      try {
        return recoverPublicKey(signature, hash, { prehash: false, isCompressed: false }).slice(1)
      } catch (error) {
        // noble has no other way to say that there is no key; a TypeError is a bug of ours.
        if (error instanceof TypeError) throw error
        return undefined
      }
    },
  }
}

export interface Signature {
  readonly r: bigint
  /** At most half the group order (EIP-2). */
  readonly s: bigint
  readonly yParity: 0 | 1
}

/**
 * Deterministic (RFC 6979), low-s. Not constant-time: sign where nobody else can measure.
 * @param hash 32 bytes.
 * @param privateKey 32 bytes.
 * @throws RangeError if the key is zero or not below the group order.
 * Cost: about 1 ms.
 */
export function signHash(hash: Uint8Array, privateKey: Uint8Array): Signature {
  const signature = sign(hash, privateKey, { prehash: false, lowS: true, format: 'recovered' })
  return {
    r: bytesToBigint(signature.subarray(1, 33)),
    s: bytesToBigint(signature.subarray(33, 65)),
    // Ids 2 and 3 would say that the nonce point's x is above the group order: chance 2^-127.
    yParity: signature[0] === 0 ? 0 : 1,
  }
}

/**
 * @param signature 64 bytes r ‖ s.
 * @param publicKey SEC 1, 33 or 65 bytes.
 * @param lowS whether to refuse s above half the group order.
 * @throws RangeError if `signature` is not 64 bytes; anything else that is wrong is false.
 */
export function verifyHash(hash: Uint8Array, signature: Uint8Array, publicKey: Uint8Array, lowS: boolean): boolean {
  if (signature.length !== 64) throw new RangeError(`signature has ${signature.length} bytes, not 64`)
  return verify(signature, hash, publicKey, { prehash: false, lowS })
}

/** Whether `bytes` are 32, not zero, and below the group order. */
export function isPrivateKey(bytes: Uint8Array): boolean {
  return utils.isValidSecretKey(bytes)
}

/** 20 bytes. @throws RangeError if `privateKey` is not 32 bytes, zero, or not below the group order. */
export function privateKeyToAddress(privateKey: Uint8Array): Uint8Array {
  return publicKeyToAddress(getPublicKey(privateKey, false).subarray(1))
}

/** @throws RangeError for a bad key, TxError `oversized`. */
export function signTransaction(fields: TransactionFields, privateKey: Uint8Array): Transaction {
  return assembleTransaction(fields, signHash(keccak256(encodeForSigning(fields)), privateKey))
}
