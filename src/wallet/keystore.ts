import {
  createCipheriv,
  createDecipheriv,
  pbkdf2,
  randomBytes,
  randomUUID,
  type ScryptOptions,
  scrypt,
  timingSafeEqual,
} from 'node:crypto'
import { promisify } from 'node:util'
import { scryptAsync as portableScrypt } from '@noble/hashes/scrypt.js'
import { keccak256 } from '../crypto/keccak.ts'
import { isPrivateKey, privateKeyToAddress } from '../crypto/noble.ts'
import { concatBytes, equalBytes, fromHex, toHex } from '../primitives/bytes.ts'

/**
 * Encrypted key files, written here rather than taken from a library: those that are well kept (ethers, @ethereumjs/wallet)
 * run scrypt in JavaScript on the main thread, at whatever cost the file names, and bring a framework along.
 * What is hard (AES, scrypt, HMAC) is OpenSSL's.
 */

/** Memory that scrypt may take, 128 * n * r bytes: a hostile file must not exhaust the machine. */
const MAX_SCRYPT_MEMORY_BYTES = 2 ** 30
/** Bytes that scrypt may write, 128 * n * r * p: 32 times geth's standard, about half a minute. */
const MAX_SCRYPT_WORK_BYTES = 2 ** 33
/** About ten seconds; wallets write 262,144. */
const MAX_PBKDF2_ITERATIONS = 10_000_000
const DERIVED_KEY_BYTES = 32
const PRIVATE_KEY_BYTES = 32

export interface ScryptCost {
  /** A power of two. Memory is 128 * n * r bytes. */
  readonly n: number
  readonly r: number
  readonly p: number
}

/** What geth writes: 256 MiB, about a second. */
const STANDARD_SCRYPT_COST: ScryptCost = { n: 2 ** 18, r: 8, p: 1 }

type KdfParameters =
  | { readonly kdf: 'scrypt'; readonly cost: ScryptCost; readonly salt: Uint8Array }
  | { readonly kdf: 'pbkdf2'; readonly iterations: number; readonly salt: Uint8Array }

/** Web3 secret storage, version 3, as it stands in a JSON file; bytes are hex without 0x. */
export interface Keystore {
  readonly version: 3
  readonly id: string
  readonly address: string
  readonly crypto: {
    readonly cipher: 'aes-128-ctr'
    readonly cipherparams: { readonly iv: string }
    readonly ciphertext: string
    readonly kdf: 'scrypt'
    readonly kdfparams: ScryptCost & { readonly dklen: number; readonly salt: string }
    readonly mac: string
  }
}

export type KeystoreErrorCode =
  | 'malformed'
  | 'unsupported'
  | 'too-costly'
  | 'wrong-password'
  | 'address-mismatch'
  | 'exists' // the directory has a file for the account
  | 'ambiguous' // the directory has two

/** A keystore cannot be read, or not be kept. */
export class KeystoreError extends Error {
  override readonly name = 'KeystoreError'
  readonly code: KeystoreErrorCode
  constructor(code: KeystoreErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

/** 32 bytes from the operating system's randomness, a valid secp256k1 key. */
export function generatePrivateKey(): Uint8Array {
  for (;;) {
    const key = new Uint8Array(randomBytes(PRIVATE_KEY_BYTES))
    if (isPrivateKey(key)) return key
  }
}

/**
 * Encrypts, and decrypts again before it returns: a keystore that cannot be opened is a lost account.
 * @param privateKey 32 bytes.
 * @throws RangeError if `privateKey` is no key of secp256k1; KeystoreError `too-costly` or `malformed` for a bad `cost`.
 * Cost: two runs of scrypt, off the main thread.
 */
export async function encryptKeystore(
  privateKey: Uint8Array,
  password: string,
  cost: ScryptCost = STANDARD_SCRYPT_COST,
): Promise<Keystore> {
  const address = privateKeyToAddress(privateKey)
  const salt = randomBytes(32)
  const iv = randomBytes(16)
  const derived = await deriveKey(password, { kdf: 'scrypt', cost, salt })
  const cipher = createCipheriv('aes-128-ctr', derived.subarray(0, 16), iv)
  const ciphertext = concatBytes(cipher.update(privateKey), cipher.final())
  const keystore: Keystore = {
    version: 3,
    id: randomUUID(),
    address: hexDigits(address),
    crypto: {
      cipher: 'aes-128-ctr',
      cipherparams: { iv: hexDigits(iv) },
      ciphertext: hexDigits(ciphertext),
      kdf: 'scrypt',
      kdfparams: { dklen: DERIVED_KEY_BYTES, n: cost.n, r: cost.r, p: cost.p, salt: hexDigits(salt) },
      mac: hexDigits(keccak256(concatBytes(derived.subarray(16, 32), ciphertext))),
    },
  }
  if (!equalBytes(await decryptKeystore(keystore, password), privateKey)) {
    throw new Error('the keystore just written does not decrypt to its key')
  }
  return keystore
}

/**
 * The private key, 32 bytes.
 * @param keystore parsed JSON, from anywhere: costs are checked before anything is computed.
 * @throws KeystoreError
 * Cost: as the file demands, at most 1 GiB and about half a minute; off the main thread where OpenSSL takes the numbers.
 */
export async function decryptKeystore(keystore: unknown, password: string): Promise<Uint8Array> {
  const root = object(keystore, 'keystore')
  if (root.version !== 3) throw new KeystoreError('unsupported', `keystore version ${String(root.version)}, not 3`)
  // Some early wallets wrote the name with a capital.
  const crypto = object(root.crypto ?? root.Crypto, 'crypto')
  if (crypto.cipher !== 'aes-128-ctr') {
    throw new KeystoreError('unsupported', `keystore cipher ${String(crypto.cipher)}, not aes-128-ctr`)
  }
  const iv = bytes(object(crypto.cipherparams, 'cipherparams').iv, 'iv')
  if (iv.length !== 16) throw new KeystoreError('malformed', `keystore iv has ${iv.length} bytes, not 16`)
  const ciphertext = bytes(crypto.ciphertext, 'ciphertext')
  if (ciphertext.length === 0 || ciphertext.length > PRIVATE_KEY_BYTES) {
    throw new KeystoreError('malformed', `keystore ciphertext has ${ciphertext.length} bytes, not 32`)
  }
  const mac = bytes(crypto.mac, 'mac')

  const derived = await deriveKey(password, kdfParameters(crypto))
  const expectedMac = keccak256(concatBytes(derived.subarray(16, 32), ciphertext))
  if (mac.length !== expectedMac.length || !timingSafeEqual(mac, expectedMac)) {
    throw new KeystoreError('wrong-password', 'wrong password for this keystore (or the file is damaged)')
  }
  const decipher = createDecipheriv('aes-128-ctr', derived.subarray(0, 16), iv)
  const plain = concatBytes(decipher.update(ciphertext), decipher.final())
  // Some early wallets dropped leading zero bytes.
  const privateKey = new Uint8Array(PRIVATE_KEY_BYTES)
  privateKey.set(plain, PRIVATE_KEY_BYTES - plain.length)
  if (!isPrivateKey(privateKey)) throw new KeystoreError('malformed', 'keystore holds no valid private key')
  checkAddress(root.address, privateKey)
  return privateKey
}

/** Files may name their account; the name is not covered by the password, so it is checked. */
function checkAddress(named: unknown, privateKey: Uint8Array): void {
  if (named === undefined || named === '') return
  const address = privateKeyToAddress(privateKey)
  if (!equalBytes(bytes(named, 'address'), address)) {
    throw new KeystoreError(
      'address-mismatch',
      `keystore names address ${String(named)} but holds the key of ${toHex(address)}`,
    )
  }
}

function kdfParameters(crypto: Record<string, unknown>): KdfParameters {
  const { kdf } = crypto
  const fields = object(crypto.kdfparams, 'kdfparams')
  if (fields.dklen !== DERIVED_KEY_BYTES) {
    throw new KeystoreError('unsupported', `keystore dklen ${String(fields.dklen)}, not ${DERIVED_KEY_BYTES}`)
  }
  const salt = bytes(fields.salt, 'salt')
  if (kdf === 'scrypt') {
    return { kdf, salt, cost: { n: count(fields.n, 'n'), r: count(fields.r, 'r'), p: count(fields.p, 'p') } }
  }
  if (kdf !== 'pbkdf2') throw new KeystoreError('unsupported', `keystore kdf ${String(kdf)}, not scrypt or pbkdf2`)
  if (fields.prf !== 'hmac-sha256') {
    throw new KeystoreError('unsupported', `keystore prf ${String(fields.prf)}, not hmac-sha256`)
  }
  return { kdf, salt, iterations: count(fields.c, 'c') }
}

const nativeScrypt = promisify<string, Uint8Array, number, ScryptOptions, Buffer>(scrypt)
const nativePbkdf2 = promisify(pbkdf2)

async function deriveKey(password: string, parameters: KdfParameters): Promise<Uint8Array> {
  const { salt } = parameters
  if (parameters.kdf === 'pbkdf2') {
    const { iterations } = parameters
    if (iterations > MAX_PBKDF2_ITERATIONS) {
      throw new KeystoreError(
        'too-costly',
        `keystore asks for ${iterations} iterations, above ${MAX_PBKDF2_ITERATIONS}`,
      )
    }
    return nativePbkdf2(password, salt, iterations, DERIVED_KEY_BYTES, 'sha256')
  }
  const { n, r, p } = parameters.cost
  if (n < 2 || !Number.isInteger(Math.log2(n))) {
    throw new KeystoreError('malformed', `keystore scrypt n ${n} is no power of two above 1`)
  }
  const memory = 128 * n * r
  if (memory > MAX_SCRYPT_MEMORY_BYTES || memory * p > MAX_SCRYPT_WORK_BYTES) {
    throw new KeystoreError('too-costly', `keystore scrypt cost n ${n}, r ${r}, p ${p} is above what is accepted`)
  }
  // OpenSSL holds to RFC 7914's n < 2^(16 r), which early wallets, with r = 1, did not.
  if (n >= 2 ** (16 * r)) {
    return portableScrypt(password, salt, { N: n, r, p, dkLen: DERIVED_KEY_BYTES, maxmem: 2 * MAX_SCRYPT_MEMORY_BYTES })
  }
  // OpenSSL counts its working space on top.
  const maxmem = memory + 128 * r * (p + 2) + 2 ** 16
  return nativeScrypt(password, salt, DERIVED_KEY_BYTES, { N: n, r, p, maxmem })
}

function object(value: unknown, name: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new KeystoreError('malformed', `keystore has no ${name} object`)
  }
  return value as Record<string, unknown>
}

function bytes(value: unknown, name: string): Uint8Array {
  if (typeof value === 'string' && /^(0x)?([0-9a-fA-F]{2}){0,128}$/.test(value)) return fromHex(value)
  throw new KeystoreError('malformed', `keystore ${name} is not hex bytes`)
}

function count(value: unknown, name: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 1) return value
  throw new KeystoreError('malformed', `keystore ${name} is not a positive integer`)
}

function hexDigits(data: Uint8Array): string {
  return toHex(data).slice(2)
}
