import { EMPTY_BYTES } from './bytes.ts'
import { DecodeError, TxError } from './errors.ts'
import {
  ACCESS_LIST_ADDRESS_GAS,
  ACCESS_LIST_KEY_GAS,
  CALLDATA_NONZERO_GAS,
  CALLDATA_ZERO_GAS,
  MAX_TRANSACTION_BYTES,
  TX_CREATE_GAS,
  TX_GAS,
} from './limits.ts'
import {
  encodeRlp,
  type RlpInput,
  RlpReader,
  rlpHeaderLength,
  rlpLength,
  writeRlpBigint,
  writeRlpHeader,
} from './rlp.ts'

/** One EIP-2930 entry: a 20-byte address and its 32-byte storage keys. */
export interface AccessListEntry {
  readonly address: Uint8Array
  readonly storageKeys: readonly Uint8Array[]
}

/** What is signed. Amounts are wei; types 0 and 1 have one price, held in both fee fields. */
export interface TransactionFields {
  /** 0 legacy, 1 EIP-2930, 2 EIP-1559. */
  readonly type: 0 | 1 | 2
  /** Absent only in a legacy transaction without EIP-155 protection. */
  readonly chainId: bigint | undefined
  readonly nonce: bigint
  readonly maxPriorityFeePerGas: bigint
  readonly maxFeePerGas: bigint
  readonly gasLimit: bigint
  /** 20 bytes; absent in a contract creation. */
  readonly to: Uint8Array | undefined
  readonly value: bigint
  readonly data: Uint8Array
  readonly accessList: readonly AccessListEntry[]
}

/** A decoded, signed transaction. Byte fields are views into `raw`; nothing is mutated. */
export interface Transaction extends TransactionFields {
  readonly yParity: 0 | 1
  /** EIP-2718 encoding: what is hashed, stored and sent. */
  readonly raw: Uint8Array
  /** Where r and s stand in `raw`, up to its end: see `signatureOf`. */
  readonly signatureAt: number
}

/** Big-endian without leading zeros, at most 32 bytes. */
interface SignatureNumbers {
  readonly r: Uint8Array
  readonly s: Uint8Array
}

/**
 * A transaction whose signature was recovered, with what recovery computed on the way.
 * `senderKey` and `recipientKey` are keccak256 of the addresses: their places in the state trie.
 */
export interface RecoveredTransaction {
  readonly tx: Transaction
  /** 32 bytes. */
  readonly hash: Uint8Array
  /** 20 bytes. */
  readonly sender: Uint8Array
  readonly senderKey: string
  /** The empty string in a contract creation. */
  readonly recipientKey: string
}

/** One for all: nearly every transaction's. */
const NO_ACCESS: readonly AccessListEntry[] = []

/**
 * Decodes one EIP-2718 transaction. Checks form only; rules are checked by `chain/transaction-rules.ts`.
 * @throws TxError `oversized`, `type-not-supported`; DecodeError for anything not canonical.
 */
export function decodeTransaction(raw: Uint8Array): Transaction {
  if (raw.length > MAX_TRANSACTION_BYTES) {
    throw new TxError('oversized', { sizeBytes: raw.length, limitBytes: MAX_TRANSACTION_BYTES })
  }
  const first = raw[0]
  if (first === undefined) throw new DecodeError('empty transaction')
  if (first >= 0xc0) return decodeLegacy(raw)
  if (first >= 0x80) throw new DecodeError('transaction is neither a list nor typed')
  if (first !== 1 && first !== 2) throw new TxError('type-not-supported', { type: first })
  return decodeTyped(raw, first)
}

function decodeLegacy(raw: Uint8Array): Transaction {
  const outer = new RlpReader(raw)
  const fields = outer.list()
  outer.end()
  const nonce = fields.bigint(8, 'nonce')
  const gasPrice = fields.bigint(32, 'gasPrice')
  const gasLimit = fields.bigint(8, 'gasLimit')
  const to = recipient(fields)
  const value = fields.bigint(32, 'value')
  const data = fields.bytes()
  const v = fields.bigint(32, 'v')
  const signatureAt = endWithSignature(fields)
  // EIP-155: v = 35 + 2 * chainId + yParity; before it, 27 + yParity.
  const protectedV = v >= 35n
  if (!protectedV && v !== 27n && v !== 28n) throw new DecodeError(`signature v ${v}`)
  return {
    type: 0,
    chainId: protectedV ? (v - 35n) >> 1n : undefined,
    nonce,
    maxPriorityFeePerGas: gasPrice,
    maxFeePerGas: gasPrice,
    gasLimit,
    to,
    value,
    data,
    accessList: NO_ACCESS,
    yParity: ((protectedV ? v - 35n : v - 27n) & 1n) === 0n ? 0 : 1,
    raw,
    signatureAt,
  }
}

function decodeTyped(raw: Uint8Array, type: 1 | 2): Transaction {
  const outer = new RlpReader(raw, 1)
  const fields = outer.list()
  outer.end()
  const chainId = fields.bigint(32, 'chainId')
  const nonce = fields.bigint(8, 'nonce')
  const first = fields.bigint(32, type === 1 ? 'gasPrice' : 'maxPriorityFeePerGas')
  const maxFeePerGas = type === 1 ? first : fields.bigint(32, 'maxFeePerGas')
  const gasLimit = fields.bigint(8, 'gasLimit')
  const to = recipient(fields)
  const value = fields.bigint(32, 'value')
  const data = fields.bytes()
  const accessList = decodeAccessList(fields.list())
  const yParity = fields.bigint(1, 'yParity')
  if (yParity > 1n) throw new DecodeError(`yParity ${yParity}`)
  const signatureAt = endWithSignature(fields)
  return {
    type,
    chainId,
    nonce,
    maxPriorityFeePerGas: first,
    maxFeePerGas,
    gasLimit,
    to,
    value,
    data,
    accessList,
    yParity: yParity === 0n ? 0 : 1,
    raw,
    signatureAt,
  }
}

/** @returns where r and s stand, which are the last fields. */
function endWithSignature(fields: RlpReader): number {
  const at = fields.offset
  fields.skipUint(32, 'r')
  fields.skipUint(32, 's')
  fields.end()
  return at
}

/** Cut out when they are asked for: kept as views they would be a fifth of what a transaction takes in memory. */
export function signatureOf({ raw, signatureAt }: Transaction): SignatureNumbers {
  const reader = new RlpReader(raw, signatureAt)
  return { r: reader.uintBytes(32, 'r'), s: reader.uintBytes(32, 's') }
}

function recipient(fields: RlpReader): Uint8Array | undefined {
  const to = fields.bytes()
  if (to.length === 0) return undefined
  if (to.length !== 20) throw new DecodeError(`to has ${to.length} bytes, not 20`)
  return to
}

function decodeAccessList(list: RlpReader): readonly AccessListEntry[] {
  if (list.done()) return NO_ACCESS
  const entries: AccessListEntry[] = []
  while (!list.done()) {
    const entry = list.list()
    const address = entry.fixed(20, 'access list address')
    const keys = entry.list()
    const storageKeys: Uint8Array[] = []
    while (!keys.done()) storageKeys.push(keys.fixed(32, 'access list key'))
    entry.end()
    entries.push({ address, storageKeys })
  }
  return entries
}

function unsignedFields(tx: TransactionFields): RlpInput[] {
  const to = tx.to ?? EMPTY_BYTES
  if (tx.type === 0) return [tx.nonce, tx.maxFeePerGas, tx.gasLimit, to, tx.value, tx.data]
  const accessList = tx.accessList.map(({ address, storageKeys }) => [address, [...storageKeys]])
  const fees = tx.type === 1 ? [tx.maxFeePerGas] : [tx.maxPriorityFeePerGas, tx.maxFeePerGas]
  return [tx.chainId ?? 0n, tx.nonce, ...fees, tx.gasLimit, to, tx.value, tx.data, accessList]
}

function typed(type: number, payload: Uint8Array): Uint8Array {
  const encoded = new Uint8Array(payload.length + 1)
  encoded[0] = type
  encoded.set(payload, 1)
  return encoded
}

/** The bytes whose keccak256 is signed. */
export function encodeForSigning(tx: TransactionFields): Uint8Array {
  const fields = unsignedFields(tx)
  if (tx.type !== 0) return typed(tx.type, encodeRlp(fields))
  return encodeRlp(tx.chainId === undefined ? fields : [...fields, tx.chainId, 0n, 0n])
}

/**
 * The bytes whose keccak256 was signed, cut out of the signed encoding: no field is encoded again.
 * Cost: one copy of the transaction.
 */
export function signingBytes(tx: Transaction): Uint8Array {
  if (tx.type !== 0) {
    // yParity before r is always one byte.
    return relist(tx.raw, 1, tx.signatureAt - 1, EMPTY_BYTES, tx.type)
  }
  const v = tx.chainId === undefined ? 27n : 35n + 2n * tx.chainId
  const end = tx.signatureAt - rlpLength(v + BigInt(tx.yParity))
  return relist(tx.raw, 0, end, tx.chainId === undefined ? EMPTY_BYTES : protection(tx.chainId), undefined)
}

/** EIP-155: the items chainId, 0, 0. */
function protection(chainId: bigint): Uint8Array {
  const items = new Uint8Array(rlpLength(chainId) + 2)
  items.fill(0x80, writeRlpBigint(items, 0, chainId))
  return items
}

/** A list of the items of the list at `start`, up to `end`, and `suffix`, behind an optional type byte. */
function relist(raw: Uint8Array, start: number, end: number, suffix: Uint8Array, type: number | undefined): Uint8Array {
  const first = raw[start]!
  const payloadStart = start + (first < 0xf8 ? 1 : first - 0xf7 + 1)
  const length = end - payloadStart + suffix.length
  const lead = type === undefined ? 0 : 1
  const bytes = new Uint8Array(lead + rlpHeaderLength(length) + length)
  if (type !== undefined) bytes[0] = type
  const at = writeRlpHeader(bytes, lead, length, 0xc0)
  bytes.set(raw.subarray(payloadStart, end), at)
  bytes.set(suffix, at + end - payloadStart)
  return bytes
}

/** Puts a signature to `fields`. Types 0 and 1 take their price from `maxFeePerGas`. @throws TxError `oversized`. */
export function assembleTransaction(
  fields: TransactionFields,
  signature: { readonly r: bigint; readonly s: bigint; readonly yParity: 0 | 1 },
): Transaction {
  const { r, s, yParity } = signature
  if (fields.type !== 0)
    return decodeTransaction(typed(fields.type, encodeRlp([...unsignedFields(fields), yParity, r, s])))
  const v = BigInt(yParity) + (fields.chainId === undefined ? 27n : 35n + 2n * fields.chainId)
  return decodeTransaction(encodeRlp([...unsignedFields(fields), v, r, s]))
}

/** Gas a transaction must bring before anything runs; for a transfer, all it uses. */
export function intrinsicGas(tx: Pick<TransactionFields, 'to' | 'data' | 'accessList'>): bigint {
  let gas = tx.to === undefined ? TX_GAS + TX_CREATE_GAS : TX_GAS
  if (tx.data.length > 0) {
    let zeros = 0
    for (const byte of tx.data) if (byte === 0) zeros++
    gas += BigInt(zeros) * CALLDATA_ZERO_GAS + BigInt(tx.data.length - zeros) * CALLDATA_NONZERO_GAS
  }
  for (const { storageKeys } of tx.accessList) {
    gas += ACCESS_LIST_ADDRESS_GAS + BigInt(storageKeys.length) * ACCESS_LIST_KEY_GAS
  }
  return gas
}

/** Wei per gas that goes to the miner at `baseFeePerGas`; negative where the fee cap does not reach it. */
export function effectiveTip(tx: TransactionFields, baseFeePerGas: bigint): bigint {
  const room = tx.maxFeePerGas - baseFeePerGas
  return room < tx.maxPriorityFeePerGas ? room : tx.maxPriorityFeePerGas
}
