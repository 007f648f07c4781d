import { type Account, EMPTY_CODE_HASH, EMPTY_TRIE_ROOT } from '../primitives/account.ts'
import { equalBytes, fromKey, type Key, keyAt, toKey, writeKey } from '../primitives/bytes.ts'
import { encodeRlp, RlpReader, rlpHeaderLength, writeRlpBigint, writeRlpHeader } from '../primitives/rlp.ts'
import type { ValueCodec } from '../trie/node.ts'

/**
 * An account as the state keeps it, in memory and on disk: `rlp([nonce, balance])`, followed by storageRoot and codeHash
 * only where they are not the empty ones. A tenth of an account object's memory, and a leaf can be encoded from it
 * without decoding it.
 */
export type AccountValue = Key

const EMPTY_HASHES: Key = `\xa0${toKey(EMPTY_TRIE_ROOT)}\xa0${toKey(EMPTY_CODE_HASH)}`

/** Bytes of the two fields that are left out. */
const HASHES_BYTES = 66

export function encodeAccountValue({ nonce, balance, storageRoot, codeHash }: Account): AccountValue {
  const plain = isSame(storageRoot, EMPTY_TRIE_ROOT) && isSame(codeHash, EMPTY_CODE_HASH)
  if (!plain) return toKey(encodeRlp([nonce, balance, storageRoot, codeHash]))
  // Ten thousand a block: put together in one buffer.
  const end = writeRlpBigint(scratch, writeRlpBigint(scratch, 1, nonce), balance)
  scratch[0] = 0xc0 + end - 1
  return keyAt(scratch, 0, end)
}

/** More than the 1 + 9 + 33 bytes it takes: arrays above 64 bytes are quicker to read for native code. */
const scratch = new Uint8Array(128)

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a === b || equalBytes(a, b)
}

/** @throws DecodeError. */
export function decodeAccountValue(value: AccountValue): Account {
  return decodeUsual(value) ?? decodeAny(value)
}

/** The form of nearly all, ten thousand a block, without a reader; undefined: it is another, or none. */
function decodeUsual(value: AccountValue): Account | undefined {
  const first = value.charCodeAt(1)
  const nonceStart = first <= 0x80 ? 1 : 2
  const nonceEnd = first <= 0x80 ? 2 : 2 + first - 0x80
  const balanceStart = nonceEnd + 1
  const balanceBytes = value.charCodeAt(nonceEnd) - 0x80
  if (!isPlain(value) || first === 0 || first > 0x88 || !(balanceBytes > 1 && balanceBytes <= 32)) return undefined
  if (balanceStart + balanceBytes !== value.length || value.charCodeAt(balanceStart) === 0) return undefined
  if (nonceStart === 2 && value.charCodeAt(2) < (first === 0x81 ? 0x80 : 1)) return undefined
  return {
    nonce: first === 0x80 ? 0n : uintAt(value, nonceStart, nonceEnd),
    balance: uintAt(value, balanceStart, value.length),
    storageRoot: EMPTY_TRIE_ROOT,
    codeHash: EMPTY_CODE_HASH,
  }
}

/** Big-endian. Six bytes at a time: what a double holds exactly. */
function uintAt(value: AccountValue, start: number, end: number): bigint {
  const head = start + ((end - start) % 6 || 6)
  let whole = BigInt(numberAt(value, start, head))
  for (let at = head; at < end; at += 6) whole = (whole << 48n) | BigInt(numberAt(value, at, at + 6))
  return whole
}

function numberAt(value: AccountValue, start: number, end: number): number {
  let number = 0
  for (let at = start; at < end; at++) number = number * 256 + value.charCodeAt(at)
  return number
}

function decodeAny(value: AccountValue): Account {
  const reader = new RlpReader(fromKey(value))
  const fields = reader.list()
  reader.end()
  const nonce = fields.bigint(8, 'nonce')
  const balance = fields.bigint(32, 'balance')
  const plain = fields.done()
  const storageRoot = plain ? EMPTY_TRIE_ROOT : fields.fixed(32, 'storageRoot')
  const codeHash = plain ? EMPTY_CODE_HASH : fields.fixed(32, 'codeHash')
  fields.end()
  return { nonce, balance, storageRoot, codeHash }
}

/** How an account stands in the trie: `rlp([nonce, balance, storageRoot, codeHash])`. */
export const accountCodec: ValueCodec<AccountValue> = {
  length(value) {
    const payload = isPlain(value) ? value.length - 1 + HASHES_BYTES : value.length
    return isPlain(value) ? rlpHeaderLength(payload) + payload : payload
  },
  write(target, offset, value) {
    if (!isPlain(value)) {
      writeKey(target, value, offset)
      return offset + value.length
    }
    const payload = value.length - 1 + HASHES_BYTES
    const start = writeRlpHeader(target, offset, payload, 0xc0)
    writeKey(target, value.slice(1), start)
    writeKey(target, EMPTY_HASHES, start + value.length - 1)
    return start + payload
  },
}

/**
 * Without the hashes the list is shorter than 56 bytes (at most 9 + 33), so its header is one byte, that of its length.
 * That byte is not hashed; with any other the value is written as it is, and the hash tells.
 */
function isPlain(value: AccountValue): boolean {
  return value.charCodeAt(0) === 0xc0 + value.length - 1
}
