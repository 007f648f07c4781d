import { compareBytes, fromHex } from '../primitives/bytes.ts'
import { TxError } from '../primitives/errors.ts'
import { type RecoveredTransaction, signatureOf, type Transaction } from '../primitives/transaction.ts'
import { signingHash, transactionHash } from './hashes.ts'
import { keccak256, keccak256Key } from './keccak.ts'
import type { Recovery } from './recovery.ts'

/** Order n of secp256k1's group, and n / 2 rounded down. */
const GROUP_ORDER = fromHex('fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141')
const HALF_GROUP_ORDER = fromHex('7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0')

/**
 * Whether 0 < r < n and 0 < s <= n / 2 (EIP-2): with both s and n - s allowed, anyone could change a transaction's
 * hash. Numbers are big-endian, at most 32 bytes, padded or not. Cost: well below a hash, so it stands before recovery.
 */
export function isCanonicalSignature(r: Uint8Array, s: Uint8Array): boolean {
  return (
    !isZero(r) &&
    !isZero(s) &&
    (r.length < 32 || compareBytes(r, GROUP_ORDER) < 0) &&
    (s.length < 32 || compareBytes(s, HALF_GROUP_ORDER) <= 0)
  )
}

function isZero(bytes: Uint8Array): boolean {
  for (const byte of bytes) if (byte !== 0) return false
  return true
}

/** 20 bytes: the end of keccak256(x ‖ y). */
export function publicKeyToAddress(publicKey: Uint8Array): Uint8Array {
  return keccak256(publicKey).slice(12)
}

/** Address of who signed `hash`, 20 bytes; undefined where the signature is not canonical or nobody can have made it. */
export function recoverAddress(
  recovery: Recovery,
  hash: Uint8Array,
  r: Uint8Array,
  s: Uint8Array,
  yParity: 0 | 1,
): Uint8Array | undefined {
  if (!isCanonicalSignature(r, s)) return undefined
  const publicKey = recovery.recover(hash, r, s, yParity)
  return publicKey === undefined ? undefined : publicKeyToAddress(publicKey)
}

/** As `recoverAddress`, of a signature written r ‖ s ‖ yParity, 65 bytes. */
export function recoverSigner(recovery: Recovery, hash: Uint8Array, signature: Uint8Array): Uint8Array | undefined {
  const yParity = signature[64] === 0 ? 0 : 1
  return recoverAddress(recovery, hash, signature.subarray(0, 32), signature.subarray(32, 64), yParity)
}

/** As `recoverAddress`, for the sender of `tx`. */
export function recoverSender(recovery: Recovery, tx: Transaction): Uint8Array | undefined {
  const { r, s } = signatureOf(tx)
  return recoverAddress(recovery, signingHash(tx), r, s, tx.yParity)
}

/**
 * One transaction on this thread; `RecoveryPool` is for many.
 * @throws TxError `invalid-signature`
 */
export function recoverTransaction(recovery: Recovery, tx: Transaction): RecoveredTransaction {
  const sender = recoverSender(recovery, tx)
  if (sender === undefined) throw new TxError('invalid-signature')
  return withSender(tx, sender)
}

/** A transaction whose sender is known already. Cost: three hashes. */
export function withSender(tx: Transaction, sender: Uint8Array): RecoveredTransaction {
  return {
    tx,
    hash: transactionHash(tx),
    sender,
    senderKey: keccak256Key(sender),
    recipientKey: tx.to === undefined ? '' : keccak256Key(tx.to),
  }
}
