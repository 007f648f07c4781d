import { describe, expect, it } from 'vitest'
import { keccak256 } from '../../../src/crypto/keccak.ts'
import {
  type Account,
  decodeAccount,
  EMPTY_ACCOUNT,
  EMPTY_CODE_HASH,
  EMPTY_TRIE_ROOT,
  encodeAccount,
  hasCode,
  isEmptyAccount,
} from '../../../src/primitives/account.ts'
import { DecodeError } from '../../../src/primitives/errors.ts'
import { encodeRlp, type RlpInput } from '../../../src/primitives/rlp.ts'

const HASH = new Uint8Array(32).fill(7)
const plain: Account = { ...EMPTY_ACCOUNT, nonce: 5n, balance: 10n ** 24n }
const withCode: Account = { ...plain, codeHash: HASH }
const withStorage: Account = { ...plain, storageRoot: HASH }
const extreme: Account = { ...EMPTY_ACCOUNT, nonce: 2n ** 64n - 1n, balance: 2n ** 256n - 1n }
const all = [EMPTY_ACCOUNT, plain, withCode, withStorage, extreme]

describe('accounts', () => {
  it('are in the trie as nonce, balance, storage root and code hash', () => {
    for (const account of all) {
      const { nonce, balance, storageRoot, codeHash } = account
      const encoded = encodeAccount(account)
      expect(encoded).toEqual(encodeRlp([nonce, balance, storageRoot, codeHash]))
      expect(decodeAccount(encoded)).toEqual(account)
    }
  })

  it('share the two common hashes and keep no buffer alive', () => {
    const common = decodeAccount(encodeAccount({ ...plain, codeHash: EMPTY_CODE_HASH.slice() }))
    expect(common.storageRoot).toBe(EMPTY_TRIE_ROOT)
    expect(common.codeHash).toBe(EMPTY_CODE_HASH)
    const encoded = encodeAccount(withCode)
    const decoded = decodeAccount(encoded)
    encoded.fill(0)
    expect(decoded).toEqual(withCode)
  })

  it.each<[string, RlpInput]>([
    ['a nonce of 2^64', [2n ** 64n, 0n, HASH, HASH]],
    ['a balance of 2^256', [0n, 2n ** 256n, HASH, HASH]],
    ['a short storage root', [0n, 0n, new Uint8Array(31), HASH]],
    ['no code hash', [0n, 0n, HASH]],
    ['a field too many', [0n, 0n, HASH, HASH, 0n]],
    ['a nonce with a leading zero', [Uint8Array.of(0), 0n, HASH, HASH]],
  ])('are refused with %s', (_, fields) => {
    expect(() => decodeAccount(encodeRlp(fields))).toThrow(DecodeError)
  })

  it('refuse bytes after them', () => {
    expect(() => decodeAccount(Uint8Array.of(...encodeAccount(plain), 0))).toThrow(DecodeError)
  })

  it('cannot owe', () => {
    expect(() => encodeAccount({ ...plain, balance: -1n })).toThrow(RangeError)
  })

  it('are empty without nonce, balance and code, whatever their storage (EIP-161)', () => {
    expect(isEmptyAccount(EMPTY_ACCOUNT)).toBe(true)
    expect(isEmptyAccount({ ...EMPTY_ACCOUNT, storageRoot: HASH })).toBe(true)
    expect(isEmptyAccount({ ...EMPTY_ACCOUNT, nonce: 1n })).toBe(false)
    expect(isEmptyAccount({ ...EMPTY_ACCOUNT, balance: 1n })).toBe(false)
    expect(isEmptyAccount({ ...EMPTY_ACCOUNT, codeHash: HASH })).toBe(false)
    expect(hasCode(withCode)).toBe(true)
    expect(hasCode({ ...plain, codeHash: EMPTY_CODE_HASH.slice() })).toBe(false)
  })

  it('know the root of nothing and the hash of no code', () => {
    expect(EMPTY_CODE_HASH).toEqual(keccak256(new Uint8Array()))
    expect(EMPTY_TRIE_ROOT).toEqual(keccak256(Uint8Array.of(0x80)))
  })
})
