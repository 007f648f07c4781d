import { equalBytes, fromHex } from './bytes.ts'
import { LAST_PRECOMPILE } from './limits.ts'
import { encodeRlp, RlpReader } from './rlp.ts'

/** Root of a trie without entries: keccak256(rlp('')). */
export const EMPTY_TRIE_ROOT: Uint8Array = fromHex('56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421')
/** keccak256 of no bytes. */
export const EMPTY_CODE_HASH: Uint8Array = fromHex('c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470')

/** Balance in wei. `storageRoot` and `codeHash` are 32 bytes each. Never mutated: states share accounts. */
export interface Account {
  readonly nonce: bigint
  readonly balance: bigint
  readonly storageRoot: Uint8Array
  readonly codeHash: Uint8Array
}

export const EMPTY_ACCOUNT: Account = {
  nonce: 0n,
  balance: 0n,
  storageRoot: EMPTY_TRIE_ROOT,
  codeHash: EMPTY_CODE_HASH,
}

export function hasCode(account: Account): boolean {
  return account.codeHash !== EMPTY_CODE_HASH && !equalBytes(account.codeHash, EMPTY_CODE_HASH)
}

/** Addresses 0x…01 to 0x…09. */
export function isPrecompile(address: Uint8Array): boolean {
  for (let i = 0; i < 19; i++) if (address[i] !== 0) return false
  return address[19]! >= 1 && address[19]! <= LAST_PRECOMPILE
}

/** EIP-161: such an account is not left behind in the state. */
export function isEmptyAccount(account: Account): boolean {
  return account.nonce === 0n && account.balance === 0n && !hasCode(account)
}

/** The trie value: `rlp([nonce, balance, storageRoot, codeHash])`. */
export function encodeAccount(account: Account): Uint8Array {
  return encodeRlp([account.nonce, account.balance, account.storageRoot, account.codeHash])
}

/** @throws DecodeError */
export function decodeAccount(encoded: Uint8Array): Account {
  const outer = new RlpReader(encoded)
  const fields = outer.list()
  outer.end()
  const account = {
    nonce: fields.bigint(8, 'nonce'),
    balance: fields.bigint(32, 'balance'),
    storageRoot: shared(fields.fixed(32, 'storageRoot'), EMPTY_TRIE_ROOT),
    codeHash: shared(fields.fixed(32, 'codeHash'), EMPTY_CODE_HASH),
  }
  fields.end()
  return account
}

/** The shared constant where equal, else a copy: a view would keep the whole buffer it came in alive. */
function shared(bytes: Uint8Array, constant: Uint8Array): Uint8Array {
  return equalBytes(bytes, constant) ? constant : bytes.slice()
}
