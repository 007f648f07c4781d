import { createCipheriv, pbkdf2Sync } from 'node:crypto'
import { scrypt } from '@noble/hashes/scrypt.js'
import { decryptKeystoreJson, encryptKeystoreJson } from 'ethers'
import { describe, expect, it } from 'vitest'
import { keccak256 } from '../../../src/crypto/keccak.ts'
import { isPrivateKey, privateKeyToAddress } from '../../../src/crypto/noble.ts'
import { bigintToBytes, concatBytes, fromHex, toHex } from '../../../src/primitives/bytes.ts'
import {
  decryptKeystore,
  encryptKeystore,
  generatePrivateKey,
  type Keystore,
  type KeystoreErrorCode,
} from '../../../src/wallet/keystore.ts'

const CHEAP = { n: 2, r: 8, p: 1 }
const KEY = fromHex('00000000000000000000000000000000000000000000000000000000c0ffee01')
const PASSWORD = 'pässwörd 🔑'

const keystore = await encryptKeystore(KEY, PASSWORD, CHEAP)

type Changes = Record<string, unknown>
/** `keystore` with fields replaced, at the root, in crypto, and in kdfparams. */
function changed(root: Changes, crypto: Changes = {}, kdfparams: Changes = {}): unknown {
  return {
    ...keystore,
    crypto: { ...keystore.crypto, kdfparams: { ...keystore.crypto.kdfparams, ...kdfparams }, ...crypto },
    ...root,
  }
}

const SALT = new Uint8Array(32).fill(3)
const hex = (bytes: Uint8Array) => toHex(bytes).slice(2)

/** A keystore as other wallets write it: without an address, at any cost, of any secret. */
function foreignKeystore(secret: Uint8Array, kdf: string, kdfparams: Changes, derived: Uint8Array) {
  const iv = new Uint8Array(16).fill(0xff)
  const cipher = createCipheriv('aes-128-ctr', derived.subarray(0, 16), iv)
  const ciphertext = concatBytes(cipher.update(secret), cipher.final())
  return {
    version: 3,
    id: 'c0ffee00-0000-4000-8000-000000000000',
    crypto: {
      cipher: 'aes-128-ctr',
      cipherparams: { iv: hex(iv) },
      ciphertext: hex(ciphertext),
      kdf,
      kdfparams: { ...kdfparams, dklen: 32, salt: hex(SALT) },
      mac: hex(keccak256(concatBytes(derived.subarray(16, 32), ciphertext))),
    },
  }
}

function pbkdf2Keystore(secret: Uint8Array, c: number) {
  const derived = pbkdf2Sync(PASSWORD, SALT, c, 32, 'sha256')
  return foreignKeystore(secret, 'pbkdf2', { c, prf: 'hmac-sha256' }, derived)
}

function refusal(code: KeystoreErrorCode) {
  return expect.objectContaining({ name: 'KeystoreError', code })
}

describe('keystore', () => {
  it('gives back the key that went in', async () => {
    expect(await decryptKeystore(keystore, PASSWORD)).toEqual(KEY)
    expect(await decryptKeystore(JSON.parse(JSON.stringify(keystore)), PASSWORD)).toEqual(KEY)
  })

  it('names its account and never repeats salt, iv or id', async () => {
    const again = await encryptKeystore(KEY, PASSWORD, CHEAP)
    expect(`0x${keystore.address}`).toBe(toHex(privateKeyToAddress(KEY)))
    const fresh = ({ id, crypto }: Keystore) => [id, crypto.kdfparams.salt, crypto.cipherparams.iv, crypto.ciphertext]
    for (const [i, value] of fresh(again).entries()) expect(value).not.toBe(fresh(keystore)[i])
  })

  it('is read by ethers, and reads what ethers writes', async () => {
    const theirs = await decryptKeystoreJson(JSON.stringify(keystore), PASSWORD)
    expect(theirs.privateKey).toBe(toHex(KEY))
    const account = { address: toHex(privateKeyToAddress(KEY)), privateKey: toHex(KEY) }
    const written = await encryptKeystoreJson(account, PASSWORD, { scrypt: { N: 4, r: 8, p: 2 } })
    // ethers writes "Crypto" with a capital.
    expect(await decryptKeystore(JSON.parse(written), PASSWORD)).toEqual(KEY)
  })

  it('is read at costs outside RFC 7914, which early wallets wrote', async () => {
    const cost = { n: 2 ** 16, r: 1, p: 2 }
    const derived = scrypt(PASSWORD, SALT, { N: cost.n, r: cost.r, p: cost.p, dkLen: 32 })
    expect(await decryptKeystore(foreignKeystore(KEY, 'scrypt', cost, derived), PASSWORD)).toEqual(KEY)
  })

  it('is read with pbkdf2 too, and when leading zero bytes were dropped', async () => {
    expect(await decryptKeystore(pbkdf2Keystore(KEY, 10), PASSWORD)).toEqual(KEY)
    expect(await decryptKeystore(pbkdf2Keystore(KEY.subarray(28), 10), PASSWORD)).toEqual(KEY)
  })

  it('is refused with the wrong password or a changed ciphertext', async () => {
    await expect(decryptKeystore(keystore, 'password')).rejects.toEqual(refusal('wrong-password'))
    const other = changed({}, { ciphertext: '00'.repeat(32) })
    await expect(decryptKeystore(other, PASSWORD)).rejects.toEqual(refusal('wrong-password'))
  })

  it('is refused when it names another account', async () => {
    const other = changed({ address: '11'.repeat(20) })
    await expect(decryptKeystore(other, PASSWORD)).rejects.toEqual(refusal('address-mismatch'))
    expect(await decryptKeystore(changed({ address: undefined }), PASSWORD)).toEqual(KEY)
    expect(await decryptKeystore(changed({ address: toHex(privateKeyToAddress(KEY)) }), PASSWORD)).toEqual(KEY)
  })

  it('is refused when its key is none of secp256k1', async () => {
    await expect(decryptKeystore(pbkdf2Keystore(new Uint8Array(32), 10), PASSWORD)).rejects.toEqual(
      refusal('malformed'),
    )
    await expect(encryptKeystore(new Uint8Array(32), PASSWORD, CHEAP)).rejects.toThrow(RangeError)
  })

  it.each<[string, unknown, KeystoreErrorCode]>([
    ['no object', 'keystore', 'malformed'],
    ['null', null, 'malformed'],
    ['version 1', changed({ version: 1 }), 'unsupported'],
    ['no crypto', { version: 3 }, 'malformed'],
    ['another cipher', changed({}, { cipher: 'aes-256-cbc' }), 'unsupported'],
    ['no cipher parameters', changed({}, { cipherparams: [] }), 'malformed'],
    ['a short iv', changed({}, { cipherparams: { iv: '00' } }), 'malformed'],
    ['a long ciphertext', changed({}, { ciphertext: '00'.repeat(33) }), 'malformed'],
    ['an empty ciphertext', changed({}, { ciphertext: '' }), 'malformed'],
    ['a ciphertext that is no hex', changed({}, { ciphertext: 'xy' }), 'malformed'],
    ['a mac that is a number', changed({}, { mac: 7 }), 'malformed'],
    ['a short mac', changed({}, { mac: '00' }), 'wrong-password'],
    ['another kdf', changed({}, { kdf: 'argon2id' }), 'unsupported'],
    ['another prf', changed({}, { kdf: 'pbkdf2' }, { c: 10, prf: 'hmac-sha1' }), 'unsupported'],
    ['another key length', changed({}, {}, { dklen: 64 }), 'unsupported'],
    ['an n that is no power of two', changed({}, {}, { n: 3 }), 'malformed'],
    ['an n of 1', changed({}, {}, { n: 1 }), 'malformed'],
    ['a fractional r', changed({}, {}, { r: 1.5 }), 'malformed'],
    ['a p of zero', changed({}, {}, { p: 0 }), 'malformed'],
    ['an n that is text', changed({}, {}, { n: '2' }), 'malformed'],
    ['more than 1 GiB of scrypt', changed({}, {}, { n: 2 ** 21, r: 8 }), 'too-costly'],
    ['absurdly large r', changed({}, {}, { n: 2, r: 2 ** 30 }), 'too-costly'],
    ['absurdly large p', changed({}, {}, { n: 2 ** 18, p: 2 ** 20 }), 'too-costly'],
    ['absurdly many iterations', withIterations(10_000_001), 'too-costly'],
    ['no iterations', withIterations(0), 'malformed'],
  ])('is refused with %s', async (_, malformed, code) => {
    await expect(decryptKeystore(malformed, PASSWORD)).rejects.toEqual(refusal(code))
  })

  it('is not written at an absurd cost', async () => {
    await expect(encryptKeystore(KEY, PASSWORD, { n: 2 ** 21, r: 8, p: 1 })).rejects.toEqual(refusal('too-costly'))
  })
})

function withIterations(c: number): unknown {
  const { crypto, ...root } = pbkdf2Keystore(KEY, 1)
  return { ...root, crypto: { ...crypto, kdfparams: { ...crypto.kdfparams, c } } }
}

describe('generated private keys', () => {
  it('are valid and differ', () => {
    const keys = Array.from({ length: 50 }, generatePrivateKey)
    expect(keys.every(isPrivateKey)).toBe(true)
    expect(new Set(keys.map(toHex)).size).toBe(50)
    expect(isPrivateKey(bigintToBytes(0n, 32))).toBe(false)
  })
})
