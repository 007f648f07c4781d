import { describe, expect, it } from 'vitest'
import {
  decodeBlockTransactionsRequest,
  encodeBlockTransactionsRequest,
} from '../../../../src/p2p/wire/block-transactions.ts'
import { decodeCompactBlock, encodeCompactBlock } from '../../../../src/p2p/wire/compact-block.ts'
import { decodeBlockHashes, decodeTransactionHashes, encodeHashes } from '../../../../src/p2p/wire/hashes.ts'
import {
  decodeHeaderAnnouncement,
  decodeHeaders,
  decodeHeadersRequest,
  encodeHeaders,
  encodeHeadersRequest,
} from '../../../../src/p2p/wire/headers.ts'
import * as limits from '../../../../src/p2p/wire/limits.ts'
import { requestName, wirePrefix } from '../../../../src/p2p/wire/names.ts'
import { decodePeers, decodePeersRequest, encodePeers, encodePeersRequest } from '../../../../src/p2p/wire/peers.ts'
import { decodeAccountProof, encodeAccountProof } from '../../../../src/p2p/wire/proof.ts'
import { decodeRefusal, encodeRefusal, refusalStatus } from '../../../../src/p2p/wire/refusal.ts'
import { decodeStatus, encodeStatus } from '../../../../src/p2p/wire/status.ts'
import {
  decodePooledTransactions,
  decodeTransactionBundle,
  encodeTransactionList,
  transactionItemLength,
} from '../../../../src/p2p/wire/transactions.ts'
import { fromHex } from '../../../../src/primitives/bytes.ts'
import { DecodeError } from '../../../../src/primitives/errors.ts'
import { encodeHeader } from '../../../../src/primitives/header.ts'
import { DEFAULT_MAX_BLOCK_BYTES } from '../../../../src/primitives/limits.ts'
import { encodeRlp } from '../../../../src/primitives/rlp.ts'
import { assembleTransaction } from '../../../../src/primitives/transaction.ts'
import { sampleHeader } from '../../../support/blocks.ts'

const hashes = (count: number) => Array.from({ length: count }, () => new Uint8Array(32))

/** The encoding of a transaction with `dataBytes` of data, by nobody. */
function rawTransaction(dataBytes: number): Uint8Array {
  const fields = {
    type: 2,
    chainId: 1n,
    nonce: 0n,
    maxPriorityFeePerGas: 1n,
    maxFeePerGas: 1n,
    gasLimit: 21_000n,
    to: new Uint8Array(20),
    value: 0n,
    data: new Uint8Array(dataBytes),
    accessList: [],
  } as const
  return assembleTransaction(fields, { r: 1n, s: 1n, yParity: 0 }).raw
}

const status = {
  version: 1,
  genesisHash: new Uint8Array(32),
  headHash: new Uint8Array(32),
  number: Number.MAX_SAFE_INTEGER,
  totalDifficulty: 2n ** 256n - 1n,
  oldestBody: Number.MAX_SAFE_INTEGER,
  serves: { headers: true, bodies: true, txs: true, proof: true, history: true },
  agent: 'x'.repeat(limits.MAX_AGENT_BYTES),
}

describe('names', () => {
  it('hold the first four bytes of the genesis hash', () => {
    expect(requestName(wirePrefix(fromHex(`01a2b3c4${'00'.repeat(28)}`)), 'blocktxs')).toBe(
      '/idobata/01a2b3c4/blocktxs/1',
    )
  })
})

describe('what may be asked for at once', () => {
  const accepted = (decode: (bytes: Uint8Array) => unknown, bytes: Uint8Array) => {
    try {
      decode(bytes)
      return true
    } catch (error) {
      expect(error).toBeInstanceOf(DecodeError)
      return false
    }
  }

  it.each([
    [
      'headers',
      (n: number) => encodeHeadersRequest({ start: 1, count: n, skip: 0, reverse: false }),
      decodeHeadersRequest,
      limits.MAX_HEADERS,
    ],
    ['bodies and receipts', (n: number) => encodeHashes(hashes(n)), decodeBlockHashes, limits.MAX_BLOCKS_ASKED],
    [
      'pooled transactions',
      (n: number) => encodeHashes(hashes(n)),
      decodeTransactionHashes,
      limits.MAX_TRANSACTIONS_ASKED,
    ],
    [
      'transactions of a block',
      (n: number) => encodeBlockTransactionsRequest({ blockHash: new Uint8Array(32), indexes: [...Array(n).keys()] }),
      decodeBlockTransactionsRequest,
      limits.MAX_INDEXES,
    ],
    ['peer records', encodePeersRequest, decodePeersRequest, limits.MAX_PEER_RECORDS],
  ] as const)('%s: at least one, at most the bound', (_, encode, decode, max) => {
    expect([0, 1, max, max + 1].map((count) => accepted(decode, encode(count)))).toEqual([false, true, true, false])
  })

  it('is in the request in one order only', () => {
    const request = (indexes: number[]) => encodeBlockTransactionsRequest({ blockHash: new Uint8Array(32), indexes })
    expect(() => decodeBlockTransactionsRequest(request([2, 1]))).toThrow(DecodeError)
    expect(() => decodeBlockTransactionsRequest(request([1, 1]))).toThrow(DecodeError)
  })
})

describe('an answer', () => {
  it('holds as many of the longest headers as may be asked for', () => {
    const extraData = new Uint8Array(1024 - encodeHeader(sampleHeader({ extraData: new Uint8Array(300) })).length + 300)
    const header = encodeHeader(sampleHeader({ extraData }))
    expect(header.length).toBe(limits.MAX_HEADER_BYTES)
    const answer = encodeHeaders(Array<Uint8Array>(limits.MAX_HEADERS).fill(header))
    expect(decodeHeaders(answer)).toHaveLength(limits.MAX_HEADERS)
    const longer = encodeHeader(sampleHeader({ extraData: new Uint8Array(extraData.length + 1) }))
    expect(() => decodeHeaders(encodeHeaders([longer]))).toThrow(DecodeError)
    expect(() => decodeHeaderAnnouncement(longer)).toThrow(DecodeError)
  })

  it('has room for a body of the longest block when it is all but full, every head included', () => {
    const heads = 5 * limits.MAX_BLOCKS_ASKED
    expect(limits.FULL_RESPONSE_BYTES + DEFAULT_MAX_BLOCK_BYTES + heads).toBeLessThan(limits.MAX_RESPONSE_BYTES)
  })

  it('of proofs has nodes no longer than a branch', () => {
    const proof = (length: number) => encodeAccountProof({ account: [new Uint8Array(length)], slots: [] })
    expect(decodeAccountProof(proof(532)).account).toHaveLength(1)
    expect(() => decodeAccountProof(proof(533))).toThrow(DecodeError)
  })

  it('of peers has records of 2 KiB at most', () => {
    expect(decodePeers(encodePeers([new Uint8Array(2048)]))).toHaveLength(1)
    expect(() => decodePeers(encodePeers([new Uint8Array(2049)]))).toThrow(DecodeError)
  })

  it('of the greatest status is read', () => {
    expect(decodeStatus(encodeStatus(status))).toEqual(status)
  })

  it('names the service by a bit that later versions may add to', () => {
    const bare = encodeRlp([1, new Uint8Array(32), new Uint8Array(32), 0, 0, 0, 0x8001, new Uint8Array(0)])
    const none = { bodies: false, txs: false, proof: false, history: false }
    expect(decodeStatus(bare).serves).toEqual({ headers: true, ...none })
  })

  it('says why there is none in text that a terminal can show', () => {
    const refusal = { code: 'rate-limited', retryAfterMs: 1500, reason: 'too\nmuch\u001b[31m' } as const
    const decoded = decodeRefusal(refusalStatus(refusal.code), encodeRefusal(refusal))
    expect(decoded).toEqual({ ...refusal, reason: 'too?much?[31m' })
    expect(() => decodeRefusal(3, encodeRlp([0, Uint8Array.of(0x1b)]))).toThrow(DecodeError)
    expect(decodeRefusal(200, encodeRefusal(refusal)).code).toBe('server-error')
  })
})

describe('a bundle', () => {
  const small = rawTransaction(100)
  const large = rawTransaction(100_000)

  it('holds 64 KiB of transactions, or one that is larger', () => {
    expect(decodeTransactionBundle(encodeTransactionList([large]))).toHaveLength(1)
    expect(() => decodeTransactionBundle(encodeTransactionList([small, large]))).toThrow(DecodeError)
    const count = Math.floor((limits.MAX_BUNDLE_BYTES - 4) / transactionItemLength(small.length))
    const full = encodeTransactionList(Array<Uint8Array>(count).fill(small))
    expect(decodeTransactionBundle(full)).toHaveLength(count)
    expect(() => decodeTransactionBundle(encodeTransactionList([...Array<Uint8Array>(count + 1).fill(small)]))).toThrow(
      DecodeError,
    )
  })

  it('is not empty, where an answer may be', () => {
    expect(() => decodeTransactionBundle(encodeTransactionList([]))).toThrow(DecodeError)
    expect(decodePooledTransactions(encodeTransactionList([]))).toEqual([])
  })

  it('is not kept in memory by one transaction of it', () => {
    const [first] = decodeTransactionBundle(encodeTransactionList([small, small]))
    expect(first!.raw.buffer.byteLength).toBe(small.length)
    const [fromBuffer] = decodeTransactionBundle(Buffer.from(encodeTransactionList([small, small])))
    expect(fromBuffer!.raw.buffer.byteLength).toBe(small.length)
  })

  it('refuses a transaction that the ledger would name an error for with the one error of all messages', () => {
    expect(() => decodeTransactionBundle(encodeRlp([Uint8Array.of(3, 0xc0)]))).toThrow(DecodeError)
    expect(() => decodeTransactionBundle(encodeRlp([new Uint8Array(131_073).fill(0xc0)]))).toThrow(DecodeError)
  })
})

describe('a compact block', () => {
  const compact = (ids: number, prefilled: { index: number; raw: Uint8Array }[]) =>
    encodeCompactBlock({
      header: sampleHeader(),
      nonce: new Uint8Array(8),
      shortIds: new Uint8Array(8 * ids),
      prefilled,
    })
  const raw = rawTransaction(0)

  it('names places that the transactions before them reach', () => {
    expect(decodeCompactBlock(compact(2, [{ index: 2, raw }])).prefilled).toHaveLength(1)
    expect(() => decodeCompactBlock(compact(2, [{ index: 3, raw }]))).toThrow(DecodeError)
    const pair = [0, 3].map((index) => ({ index, raw }))
    expect(decodeCompactBlock(compact(2, pair)).prefilled).toHaveLength(2)
    expect(() => decodeCompactBlock(compact(1, pair))).toThrow(DecodeError)
    expect(() => decodeCompactBlock(compact(2, [pair[1]!, pair[0]!]))).toThrow(DecodeError)
  })

  it('carries 16 KiB of transactions whole, and not one byte more', () => {
    const room = limits.MAX_PREFILLED_BYTES
    const exact = rawTransaction(room - 100)
    const fitting = rawTransaction(room - 100 + room - exact.length)
    expect(fitting.length).toBe(room)
    expect(decodeCompactBlock(compact(0, [{ index: 0, raw: fitting }])).prefilled).toHaveLength(1)
    const longer = rawTransaction(room - 99 + room - exact.length)
    expect(() => decodeCompactBlock(compact(0, [{ index: 0, raw: longer }]))).toThrow(DecodeError)
  })

  it('has room for the ids of a full block of the smallest transfers', () => {
    const ids = Math.ceil(1_572_864 / 98)
    expect(decodeCompactBlock(compact(ids, [])).shortIds).toHaveLength(8 * ids)
  })
})
