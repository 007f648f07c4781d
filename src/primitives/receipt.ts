import { DecodeError } from './errors.ts'
import { encodeRlp, RlpReader } from './rlp.ts'

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
  const payload = encodeRlp([receipt.status, receipt.cumulativeGasUsed, bloom, logFields(receipt.logs)])
  if (receipt.type === 0) return payload
  const encoded = new Uint8Array(payload.length + 1)
  encoded[0] = receipt.type
  encoded.set(payload, 1)
  return encoded
}

/** What is stored for a block: blooms and types follow from logs and transactions. */
export function encodeStoredReceipts(receipts: readonly Receipt[]): Uint8Array {
  return encodeRlp(receipts.map(({ status, cumulativeGasUsed, logs }) => [status, cumulativeGasUsed, logFields(logs)]))
}

/** `types` are those of the block's transactions, in order. @throws DecodeError. */
export function decodeStoredReceipts(encoded: Uint8Array, types: readonly (0 | 1 | 2)[]): Receipt[] {
  const outer = new RlpReader(encoded)
  const list = outer.list()
  outer.end()
  const receipts = types.map((type): Receipt => {
    const fields = list.list()
    const status = fields.number('status')
    if (status !== 0 && status !== 1) throw new DecodeError(`receipt status ${status}`)
    const cumulativeGasUsed = fields.bigint(8, 'cumulativeGasUsed')
    const logList = fields.list()
    const logs: Log[] = []
    while (!logList.done()) logs.push(readLog(logList.list()))
    fields.end()
    return { type, status, cumulativeGasUsed, logs }
  })
  list.end()
  return receipts
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
