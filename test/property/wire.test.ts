import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decodeAncestors,
  decodeAncestorsRequest,
  encodeAncestors,
  encodeAncestorsRequest,
} from '../../src/p2p/wire/ancestors.ts'
import {
  decodeBlockTransactionsRequest,
  encodeBlockTransactionsRequest,
} from '../../src/p2p/wire/block-transactions.ts'
import { decodeBody, decodeReceipts } from '../../src/p2p/wire/blocks.ts'
import { compactBlockLength, decodeCompactBlock, encodeCompactBlock } from '../../src/p2p/wire/compact-block.ts'
import { decodeBlockHashes, decodeTransactionHashes, encodeHashes } from '../../src/p2p/wire/hashes.ts'
import {
  decodeHeaderAnnouncement,
  decodeHeaders,
  decodeHeadersRequest,
  encodeHeaders,
  encodeHeadersRequest,
} from '../../src/p2p/wire/headers.ts'
import {
  decodeChainProof,
  decodeHistoryRequest,
  encodeChainProof,
  encodeHistoryRequest,
} from '../../src/p2p/wire/history.ts'
import {
  decodeInclusion,
  decodeInclusionRequest,
  encodeInclusion,
  encodeInclusionRequest,
} from '../../src/p2p/wire/inclusion.ts'
import { decodePeers, decodePeersRequest, encodePeers, encodePeersRequest } from '../../src/p2p/wire/peers.ts'
import {
  decodeAccountProof,
  decodeProofRequest,
  encodeAccountProof,
  encodeProofRequest,
} from '../../src/p2p/wire/proof.ts'
import { decodeRefusal, encodeRefusal } from '../../src/p2p/wire/refusal.ts'
import { decodeSighting, encodeSighting } from '../../src/p2p/wire/sighting.ts'
import { decodeStatus, encodeStatus } from '../../src/p2p/wire/status.ts'
import {
  decodeBlockTransactions,
  decodePooledTransactions,
  decodeTransactionBundle,
  encodeTransactionList,
} from '../../src/p2p/wire/transactions.ts'
import { encodeTransactions } from '../../src/primitives/block.ts'
import { toHex } from '../../src/primitives/bytes.ts'
import { DecodeError } from '../../src/primitives/errors.ts'
import { encodeHeader } from '../../src/primitives/header.ts'
import { encodeStoredReceipts } from '../../src/primitives/receipt.ts'
import { encodeRlp } from '../../src/primitives/rlp.ts'
import { assembleTransaction, type Transaction } from '../../src/primitives/transaction.ts'
import { anySignature, bytesOf, rlpItem, transactionFields } from '../support/arbitraries.ts'
import { sampleHeader } from '../support/blocks.ts'
import { damage, damaged } from '../support/damage.ts'

interface Message {
  readonly name: string
  /** Messages as our own encoder writes them. */
  readonly valid: fc.Arbitrary<Uint8Array>
  /** Decodes, and encodes again. */
  readonly roundTrip: (bytes: Uint8Array) => Uint8Array
}

const number = fc.oneof(fc.nat(300), fc.maxSafeNat())
const hash = bytesOf(32)
const text = fc.string({ minLength: 0, maxLength: 64, unit: 'grapheme-ascii' })
const transaction = fc
  .tuple(transactionFields, anySignature)
  .map(([fields, signature]) => assembleTransaction(fields, signature))
  .filter(({ raw }) => raw.length < 5_000)
const raws = (transactions: readonly Transaction[]) => transactions.map(({ raw }) => raw)
const header = fc.uint8Array({ maxLength: 100 }).map((extraData) => sampleHeader({ extraData }))
const nodes = fc.array(fc.uint8Array({ maxLength: 532 }), { maxLength: 4 })

const messages: readonly Message[] = [
  {
    name: 'status',
    valid: fc
      .record({
        version: number,
        genesisHash: hash,
        headHash: hash,
        number,
        totalDifficulty: fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }),
        oldestBody: number,
        serves: fc.record({
          headers: fc.boolean(),
          bodies: fc.boolean(),
          txs: fc.boolean(),
          proof: fc.boolean(),
          history: fc.boolean(),
        }),
        agent: text,
      })
      .map(encodeStatus),
    roundTrip: (bytes) => encodeStatus(decodeStatus(bytes)),
  },
  {
    name: 'headers request',
    valid: fc
      .record({
        start: fc.oneof(hash, number),
        count: fc.integer({ min: 1, max: 512 }),
        skip: number,
        reverse: fc.boolean(),
      })
      .map(encodeHeadersRequest),
    roundTrip: (bytes) => encodeHeadersRequest(decodeHeadersRequest(bytes)),
  },
  {
    name: 'headers',
    valid: fc.array(header, { maxLength: 3 }).map((headers) => encodeHeaders(headers.map(encodeHeader))),
    roundTrip: (bytes) => encodeHeaders(decodeHeaders(bytes).map((hashed) => encodeHeader(hashed.header))),
  },
  {
    name: 'header announcement',
    valid: header.map(encodeHeader),
    roundTrip: (bytes) => encodeHeader(decodeHeaderAnnouncement(bytes).header),
  },
  {
    name: 'request by block hashes',
    valid: fc.array(hash, { minLength: 1, maxLength: 4 }).map(encodeHashes),
    roundTrip: (bytes) => encodeHashes(decodeBlockHashes(bytes)),
  },
  {
    name: 'request by transaction hashes',
    valid: fc.array(hash, { minLength: 1, maxLength: 4 }).map(encodeHashes),
    roundTrip: (bytes) => encodeHashes(decodeTransactionHashes(bytes)),
  },
  {
    name: 'body',
    valid: fc.array(transaction, { maxLength: 3 }).map(encodeTransactions),
    roundTrip: (bytes) => encodeTransactions(decodeBody(bytes).transactions),
  },
  {
    name: 'receipts',
    valid: fc.tuple(fc.nat(255), fc.nat()).map(([byte, gas]) =>
      encodeStoredReceipts([
        { type: 0, status: 1, cumulativeGasUsed: BigInt(gas), logs: [] },
        {
          type: 2,
          status: 0,
          cumulativeGasUsed: 21_000n,
          logs: [{ address: new Uint8Array(20), topics: [new Uint8Array(32)], data: Uint8Array.of(byte) }],
        },
      ]),
    ),
    roundTrip: (bytes) => encodeStoredReceipts(decodeReceipts(bytes, [0, 2])),
  },
  {
    name: 'transaction bundle',
    valid: fc.array(transaction, { minLength: 1, maxLength: 3 }).map((list) => encodeTransactionList(raws(list))),
    roundTrip: (bytes) => encodeTransactionList(raws(decodeTransactionBundle(bytes))),
  },
  {
    name: 'pooled transactions',
    valid: fc.array(transaction, { maxLength: 3 }).map((list) => encodeTransactionList(raws(list))),
    roundTrip: (bytes) => encodeTransactionList(raws(decodePooledTransactions(bytes))),
  },
  {
    name: 'request for transactions of a block',
    valid: fc
      .record({
        blockHash: hash,
        indexes: fc
          .uniqueArray(number, { minLength: 1, maxLength: 5 })
          .map((indexes) => indexes.toSorted((a, b) => a - b)),
      })
      .map(encodeBlockTransactionsRequest),
    roundTrip: (bytes) => encodeBlockTransactionsRequest(decodeBlockTransactionsRequest(bytes)),
  },
  {
    name: 'transactions of a block',
    valid: fc.array(transaction, { maxLength: 3 }).map((list) => encodeTransactionList(raws(list))),
    roundTrip: (bytes) => encodeTransactionList(raws(decodeBlockTransactions(bytes))),
  },
  {
    name: 'proof request',
    valid: fc
      .record({ blockHash: hash, address: bytesOf(20), slots: fc.array(hash, { maxLength: 3 }) })
      .map(encodeProofRequest),
    roundTrip: (bytes) => encodeProofRequest(decodeProofRequest(bytes)),
  },
  {
    name: 'account proof',
    valid: fc.record({ account: nodes, slots: fc.array(nodes, { maxLength: 3 }) }).map(encodeAccountProof),
    roundTrip: (bytes) => encodeAccountProof(decodeAccountProof(bytes)),
  },
  {
    name: 'history request',
    valid: fc.record({ anchorHash: hash, tipHash: fc.option(hash, { nil: undefined }) }).map(encodeHistoryRequest),
    roundTrip: (bytes) => encodeHistoryRequest(decodeHistoryRequest(bytes)),
  },
  {
    name: 'chain proof',
    valid: fc
      .record({
        tip: header,
        tail: fc.array(header, { maxLength: 2 }),
        samples: fc.array(
          bytesOf(256).map((logsBloom) => sampleHeader({ logsBloom })),
          { maxLength: 2 },
        ),
        neighbours: fc.array(fc.record({ hash, difficulty: fc.bigInt(0n, 2n ** 256n - 1n), timestamp: number })),
        nodes: fc.array(fc.record({ root: hash, work: fc.bigInt(0n, 2n ** 256n - 1n) })),
      })
      .map(encodeChainProof),
    roundTrip: (bytes) => encodeChainProof(decodeChainProof(bytes)),
  },
  {
    name: 'ancestors request',
    valid: fc
      .record({
        tipHash: hash,
        numbers: fc.uniqueArray(number, { minLength: 1, maxLength: 5 }).map((list) => list.toSorted((a, b) => a - b)),
      })
      .map(encodeAncestorsRequest),
    roundTrip: (bytes) => encodeAncestorsRequest(decodeAncestorsRequest(bytes)),
  },
  {
    name: 'ancestors',
    valid: fc
      .record({
        headers: fc.array(header, { maxLength: 3 }),
        nodes: fc.array(fc.record({ root: hash, work: fc.bigInt(0n, 2n ** 256n - 1n) })),
      })
      .map(encodeAncestors),
    roundTrip: (bytes) => encodeAncestors(decodeAncestors(bytes)),
  },
  {
    name: 'inclusion request',
    valid: hash.map(encodeInclusionRequest),
    roundTrip: (bytes) => encodeInclusionRequest(decodeInclusionRequest(bytes)),
  },
  {
    name: 'inclusion',
    valid: fc
      .record({ blockHash: hash, number, index: number, transaction: nodes, receipt: nodes, receiptBefore: nodes })
      .map(encodeInclusion),
    roundTrip: (bytes) => encodeInclusion(decodeInclusion(bytes)),
  },
  {
    name: 'peers request',
    valid: fc.integer({ min: 1, max: 64 }).map(encodePeersRequest),
    roundTrip: (bytes) => encodePeersRequest(decodePeersRequest(bytes)),
  },
  {
    name: 'peers',
    valid: fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 4 }).map(encodePeers),
    roundTrip: (bytes) => encodePeers(decodePeers(bytes)),
  },
  {
    name: 'compact block',
    valid: fc
      .record({
        header,
        nonce: bytesOf(8),
        ids: fc.nat(20),
        transactions: fc.array(transaction, { maxLength: 2 }),
        gap: fc.nat(9),
      })
      .map(({ ids, transactions, gap, ...rest }) =>
        encodeCompactBlock({
          ...rest,
          shortIds: new Uint8Array(8 * ids).fill(3),
          prefilled: transactions.map(({ raw }, i) => ({ index: Math.min(ids + i, i * (1 + gap)), raw })),
        }),
      ),
    roundTrip: (bytes) => {
      const block = decodeCompactBlock(bytes)
      const length = compactBlockLength(block)
      expect(block.prefilled.every(({ index }) => index < length)).toBe(true)
      const prefilled = block.prefilled.map(({ index, transaction: { raw } }) => ({ index, raw }))
      return encodeCompactBlock({ ...block, prefilled })
    },
  },
  {
    name: 'sighting',
    valid: fc
      .record({
        blockHash: hash,
        number,
        seenAtMs: number,
        publicKey: bytesOf(36),
        signature: bytesOf(64),
      })
      .map(encodeSighting),
    roundTrip: (bytes) => encodeSighting(decodeSighting(bytes)),
  },
  {
    name: 'refusal',
    valid: fc.record({ retryAfterMs: number, reason: text }).map(encodeRefusal),
    roundTrip: (bytes) => encodeRefusal(decodeRefusal(3, bytes)),
  },
]

/** The decoder refuses `bytes` in its own words, or has understood them whole. */
function judge({ name, roundTrip }: Message, bytes: Uint8Array): void {
  let again: Uint8Array
  try {
    again = roundTrip(bytes)
  } catch (error) {
    if (error instanceof DecodeError) return
    throw new Error(`${name} threw ${String(error)} on ${toHex(bytes)}`, { cause: error })
  }
  // Services that a status names and this version does not know are let go.
  if (name !== 'status') expect(toHex(again)).toBe(toHex(bytes))
}

describe.each(messages)('$name: bytes', (message) => {
  it('that our encoder wrote come back as they were', () => {
    fc.assert(
      fc.property(message.valid, (bytes) => {
        expect(toHex(message.roundTrip(bytes))).toBe(toHex(bytes))
      }),
    )
  })

  it('of any kind are refused, or are the one encoding of what they decode to', () => {
    const junk = fc.oneof(fc.uint8Array({ maxLength: 200 }), rlpItem.map(encodeRlp))
    fc.assert(
      fc.property(junk, (bytes) => judge(message, bytes)),
      { numRuns: 300 },
    )
  })

  it('that were valid before one or two changes, likewise', () => {
    fc.assert(
      fc.property(message.valid, fc.array(damage, { minLength: 1, maxLength: 2 }), (bytes, damages) => {
        judge(message, damages.reduce(damaged, bytes))
      }),
      { numRuns: 300 },
    )
  })
})
