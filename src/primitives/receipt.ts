import { DecodeError } from './errors.ts'
import {
  encodeRlp,
  encodeRlpList,
  RlpReader,
  rlpHeaderLength,
  rlpLength,
  writeRlpBigint,
  writeRlpHeader,
} from './rlp.ts'

export interface Log {
  /** 20 bytes. */
  readonly address: Uint8Array
  /** 32 bytes each. */
  readonly topics: readonly Uint8Array[]
  readonly data: Uint8Array
}

export interface Receipt {
  /** EIP-2718 type of the transaction. */
  readonly type: 0 | 1 | 2
  readonly status: 0 | 1
  /** Gas used in the block up to and including this transaction. */
  readonly cumulativeGasUsed: bigint
  readonly logs: readonly Log[]
}

/** A bloom without any log: 256 zero bytes. */
export const EMPTY_BLOOM: Uint8Array = new Uint8Array(256)

function logFields(logs: readonly Log[]) {
  return logs.map(({ address, topics, data }) => [address, [...topics], data])
}

/** The consensus encoding, EIP-2718. `bloom` is that of `receipt.logs`. */
export function encodeReceipt(receipt: Receipt, bloom: Uint8Array): Uint8Array {
  const encoded = new Uint8Array(receiptLength(receipt))
  writeReceipt(encoded, 0, receipt, bloom)
  return encoded
}

/** Reads the consensus encoding; that the bloom is the logs' is not looked at. @throws DecodeError */
export function decodeReceipt(encoded: Uint8Array): Receipt {
  const type = encoded[0] === 1 || encoded[0] === 2 ? encoded[0] : 0
  const outer = new RlpReader(encoded, type === 0 ? 0 : 1)
  const fields = outer.list()
  outer.end()
  const status = readStatus(fields)
  const cumulativeGasUsed = fields.bigint(8, 'cumulativeGasUsed')
  fields.fixed(256, 'logsBloom')
  const logs = readLogs(fields.list())
  fields.end()
  return { type, status, cumulativeGasUsed, logs }
}

/** Bytes of the consensus encoding. */
export function receiptLength({ type, cumulativeGasUsed, logs }: Receipt): number {
  const payload = 1 + rlpLength(cumulativeGasUsed) + BLOOM_ITEM_BYTES + rlpLength(logFields(logs))
  return (type === 0 ? 0 : 1) + rlpHeaderLength(payload) + payload
}

/** Writes the consensus encoding; returns the offset after it. */
export function writeReceipt(target: Uint8Array, offset: number, receipt: Receipt, bloom: Uint8Array): number {
  const { type, status, cumulativeGasUsed, logs } = receipt
  const logItems = logFields(logs)
  let at = offset
  if (type !== 0) target[at++] = type
  const payload = 1 + rlpLength(cumulativeGasUsed) + BLOOM_ITEM_BYTES + rlpLength(logItems)
  at = writeRlpHeader(target, at, payload, 0xc0)
  target[at++] = status === 0 ? 0x80 : 1
  at = writeRlpBigint(target, at, cumulativeGasUsed)
  at = writeRlpHeader(target, at, bloom.length, 0x80)
  target.set(bloom, at)
  const encodedLogs = logs.length === 0 ? NO_LOGS : encodeRlp(logItems)
  target.set(encodedLogs, at + bloom.length)
  return at + bloom.length + encodedLogs.length
}

const BLOOM_ITEM_BYTES = 256 + 3
const NO_LOGS = encodeRlp([])

/** What is stored for a block: blooms and types follow from logs and transactions. */
export function encodeStoredReceipts(receipts: readonly Receipt[]): Uint8Array {
  return encodeRlpList(receipts.map(encodeStoredReceipt))
}

/** One item of that list. */
export function encodeStoredReceipt({ status, cumulativeGasUsed, logs }: Receipt): Uint8Array {
  return encodeRlp([status, cumulativeGasUsed, logFields(logs)])
}

/** `types` are those of the block's transactions, in order. @throws DecodeError. */
export function decodeStoredReceipts(encoded: Uint8Array, types: readonly (0 | 1 | 2)[]): Receipt[] {
  const outer = new RlpReader(encoded)
  const list = outer.list()
  outer.end()
  const receipts = types.map((type) => readReceipt(list, type))
  list.end()
  return receipts
}

/** A receipt with what follows from those before it in its block. */
export interface PlacedReceipt {
  readonly receipt: Receipt
  /** Gas that the transaction used by itself. */
  readonly gasUsed: bigint
  /** Place of its first log in the block. */
  readonly firstLogIndex: number
}

/**
 * The receipts at `places` alone, which ascend and which the block must have. `types` are those of their transactions.
 * Cost: reads those before the last one too, once, about 1 µs each. @throws DecodeError
 */
export function decodeStoredReceiptsAt(
  encoded: Uint8Array,
  places: readonly number[],
  types: readonly (0 | 1 | 2)[],
): PlacedReceipt[] {
  const list = new RlpReader(encoded).list()
  return pick(places, (_, next) => readReceipt(list, types[next]!))
}

/** The receipts at `places`, which ascend, among those of a block that has them. */
export function placeReceiptsAt(receipts: readonly Receipt[], places: readonly number[]): PlacedReceipt[] {
  return pick(places, (index) => receipts[index]!)
}

/** @param receiptAt  called for one receipt of the block after the other; `next` is the first of `places` still to come. */
function pick(places: readonly number[], receiptAt: (index: number, next: number) => Receipt): PlacedReceipt[] {
  const picked: PlacedReceipt[] = []
  let gasBefore = 0n
  let firstLogIndex = 0
  for (let index = 0; picked.length < places.length; index++) {
    const receipt = receiptAt(index, picked.length)
    const { cumulativeGasUsed, logs } = receipt
    if (index === places[picked.length]) {
      picked.push({ receipt, gasUsed: cumulativeGasUsed - gasBefore, firstLogIndex })
    }
    gasBefore = cumulativeGasUsed
    firstLogIndex += logs.length
  }
  return picked
}

/** The receipts of a block, each with its place. */
export function placeReceipts(receipts: readonly Receipt[]): PlacedReceipt[] {
  let gasBefore = 0n
  let logs = 0
  return receipts.map((receipt) => {
    const placed = { receipt, gasUsed: receipt.cumulativeGasUsed - gasBefore, firstLogIndex: logs }
    gasBefore = receipt.cumulativeGasUsed
    logs += receipt.logs.length
    return placed
  })
}

function readReceipt(list: RlpReader, type: 0 | 1 | 2): Receipt {
  const fields = list.list()
  const status = readStatus(fields)
  const cumulativeGasUsed = fields.bigint(8, 'cumulativeGasUsed')
  const logs = readLogs(fields.list())
  fields.end()
  return { type, status, cumulativeGasUsed, logs }
}

function readStatus(fields: RlpReader): 0 | 1 {
  const status = fields.number('status')
  if (status !== 0 && status !== 1) throw new DecodeError(`receipt status ${status}`)
  return status
}

function readLogs(list: RlpReader): Log[] {
  const logs: Log[] = []
  while (!list.done()) logs.push(readLog(list.list()))
  return logs
}

function readLog(fields: RlpReader): Log {
  const address = fields.fixed(20, 'log address')
  const topicList = fields.list()
  const topics: Uint8Array[] = []
  while (!topicList.done()) topics.push(topicList.fixed(32, 'log topic'))
  const data = fields.bytes()
  fields.end()
  return { address, topics, data }
}
