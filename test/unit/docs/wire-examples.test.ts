import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import {
  decodeAncestors,
  decodeAncestorsRequest,
  encodeAncestors,
  encodeAncestorsRequest,
} from '../../../src/p2p/wire/ancestors.ts'
import {
  decodeBlockTransactionsRequest,
  encodeBlockTransactionsRequest,
} from '../../../src/p2p/wire/block-transactions.ts'
import { decodeBody, decodeReceipts } from '../../../src/p2p/wire/blocks.ts'
import { decodeCompactBlock, encodeCompactBlock } from '../../../src/p2p/wire/compact-block.ts'
import { ANSWER_END, chunkHead, FrameParser, requestHead, STATUS_END } from '../../../src/p2p/wire/frame.ts'
import { decodeBlockHashes, decodeTransactionHashes, encodeHashes } from '../../../src/p2p/wire/hashes.ts'
import {
  decodeHeaderAnnouncement,
  decodeHeaders,
  decodeHeadersRequest,
  encodeHeaders,
  encodeHeadersRequest,
} from '../../../src/p2p/wire/headers.ts'
import {
  decodeChainProof,
  decodeHistoryRequest,
  encodeChainProof,
  encodeHistoryRequest,
} from '../../../src/p2p/wire/history.ts'
import {
  decodeInclusion,
  decodeInclusionRequest,
  encodeInclusion,
  encodeInclusionRequest,
} from '../../../src/p2p/wire/inclusion.ts'
import { decodePeers, decodePeersRequest, encodePeers, encodePeersRequest } from '../../../src/p2p/wire/peers.ts'
import {
  decodeAccountProof,
  decodeProofRequest,
  encodeAccountProof,
  encodeProofRequest,
} from '../../../src/p2p/wire/proof.ts'
import { decodeRefusal, encodeRefusal, refusalStatus, STATUS_OK } from '../../../src/p2p/wire/refusal.ts'
import { SHORT_ID_BYTES, ShortIds } from '../../../src/p2p/wire/short-id.ts'
import { decodeSighting, encodeSighting, sightingSigningBytes } from '../../../src/p2p/wire/sighting.ts'
import { decodeStatus, encodeStatus, WIRE_VERSION } from '../../../src/p2p/wire/status.ts'
import {
  decodeBlockTransactions,
  decodePooledTransactions,
  decodeTransactionBundle,
  encodeTransactionList,
} from '../../../src/p2p/wire/transactions.ts'
import { encodeTransactions } from '../../../src/primitives/block.ts'
import { concatBytes, fromHex, toHex } from '../../../src/primitives/bytes.ts'
import { encodeHeader } from '../../../src/primitives/header.ts'
import { encodeStoredReceipts } from '../../../src/primitives/receipt.ts'
import { assembleTransaction, type Transaction } from '../../../src/primitives/transaction.ts'
import { headerWith } from '../../support/header-chain.ts'

const page = readFileSync(new URL('../../../docs/wire.md', import.meta.url), 'utf8')

/** The bytes of each fenced block that the page marks as `hex`, by the name behind that. */
const examples = new Map(
  [...page.matchAll(/^```hex ([^\n]+)\n([^`]+)```$/gm)].map(([, name, hex]) => [
    name!,
    fromHex(hex!.replace(/\s/g, '')),
  ]),
)

const filled = (length: number, byte: number) => new Uint8Array(length).fill(byte)

/** The block of docs/protocol.md's example of a seal. */
const header = headerWith({
  parentHash: filled(32, 0x11),
  miner: filled(20, 0x22),
  difficulty: 1_000n,
  number: 3,
  gasLimit: 120_000_000n,
  timestamp: 1_700_000_020,
  extraData: filled(32, 0x33),
  mixHash: fromHex('003de46d33cf2f01e6257246f7a4685d0219dad768587546f84a64b37d49dfb1'),
  nonce: fromHex('0000000000000462'),
})
const headerHash = fromHex('43d0ed83cb09eb0a171407d0141ef4008ba6fb2e54d35ce87ecaf9b5fe803649')

const transfer = {
  chainId: 1337n,
  nonce: 5n,
  maxFeePerGas: 2_000_000_000n,
  maxPriorityFeePerGas: 2_000_000_000n,
  gasLimit: 21_000n,
  to: filled(20, 0x44),
  value: 1_000n,
  data: new Uint8Array(0),
  accessList: [],
}
const signature = { r: 0x55n, s: 0x66n, yParity: 1 } as const
const legacy = assembleTransaction({ ...transfer, type: 0 }, signature)
const typed = assembleTransaction({ ...transfer, type: 2, maxPriorityFeePerGas: 1_000_000_000n }, signature)
const rawOf = ({ raw }: Transaction) => raw

const status = {
  version: WIRE_VERSION,
  genesisHash: filled(32, 0xaa),
  headHash: headerHash,
  number: 3,
  totalDifficulty: 4_000n,
  oldestBody: 0,
  serves: { headers: true, bodies: true, txs: true, proof: true, history: false },
  agent: 'idobata/0.1.0',
}

const historyRequest = { anchorHash: filled(32, 0xaa), tipHash: undefined }
const chainProof = {
  tip: header,
  tail: [],
  samples: [],
  neighbours: [{ hash: filled(32, 0x11), difficulty: 1_000n, timestamp: 1_700_000_010 }],
  nodes: [{ root: filled(32, 0x22), work: 2_000n }],
}

const ancestorsRequest = { tipHash: headerHash, numbers: [0, 2] }
const ancestors = { headers: [header], nodes: chainProof.nodes }
const inclusion = {
  blockHash: headerHash,
  number: 3,
  index: 1,
  transaction: [filled(3, 0xbb)],
  receipt: [filled(2, 0xcc)],
  receiptBefore: [],
}

const compactNonce = filled(8, 0x77)
const shortIds = new Uint8Array(SHORT_ID_BYTES)
new ShortIds(headerHash, compactNonce).write(filled(32, 0x88), shortIds, 0)

const sighting = {
  blockHash: headerHash,
  number: 3,
  seenAtMs: 1_700_000_020_500,
  publicKey: concatBytes(fromHex('08011220'), filled(32, 0x99)),
}
const receipts = [
  { type: 0, status: 1, cumulativeGasUsed: 21_000n, logs: [] },
  { type: 2, status: 1, cumulativeGasUsed: 42_000n, logs: [] },
] as const

interface Example {
  readonly encoded: Uint8Array
  readonly decode: (bytes: Uint8Array) => unknown
  readonly value: unknown
}

const EXAMPLES: Readonly<Record<string, Example>> = {
  status: { encoded: encodeStatus(status), decode: decodeStatus, value: status },
  'headers request by number': {
    encoded: encodeHeadersRequest({ start: 3, count: 2, skip: 0, reverse: false }),
    decode: decodeHeadersRequest,
    value: { start: 3, count: 2, skip: 0, reverse: false },
  },
  'headers request by hash': {
    encoded: encodeHeadersRequest({ start: headerHash, count: 512, skip: 9, reverse: true }),
    decode: decodeHeadersRequest,
    value: { start: headerHash, count: 512, skip: 9, reverse: true },
  },
  headers: {
    encoded: encodeHeaders([encodeHeader(header)]),
    decode: decodeHeaders,
    value: [{ hash: headerHash, header }],
  },
  'bodies request': {
    encoded: encodeHashes([filled(32, 0x11), headerHash]),
    decode: decodeBlockHashes,
    value: [filled(32, 0x11), headerHash],
  },
  body: {
    encoded: encodeTransactions([legacy, typed]),
    decode: (bytes) => decodeBody(bytes).transactions,
    value: [legacy, typed],
  },
  receipts: {
    encoded: encodeStoredReceipts(receipts),
    decode: (bytes) => decodeReceipts(bytes, [0, 2]),
    value: receipts,
  },
  'txs request': {
    encoded: encodeHashes([filled(32, 0x88)]),
    decode: decodeTransactionHashes,
    value: [filled(32, 0x88)],
  },
  txs: {
    encoded: encodeTransactionList([typed.raw]),
    decode: (bytes) => decodePooledTransactions(bytes),
    value: [typed],
  },
  'blocktxs request': {
    encoded: encodeBlockTransactionsRequest({ blockHash: headerHash, indexes: [0, 1, 300] }),
    decode: decodeBlockTransactionsRequest,
    value: { blockHash: headerHash, indexes: [0, 1, 300] },
  },
  blocktxs: {
    encoded: encodeTransactionList([legacy, typed].map(rawOf)),
    decode: decodeBlockTransactions,
    value: [legacy, typed],
  },
  'proof request': {
    encoded: encodeProofRequest({ blockHash: headerHash, address: filled(20, 0x44), slots: [filled(32, 1)] }),
    decode: decodeProofRequest,
    value: { blockHash: headerHash, address: filled(20, 0x44), slots: [filled(32, 1)] },
  },
  proof: {
    encoded: encodeAccountProof({ account: [filled(3, 0xc0), filled(2, 0xc0)], slots: [[]] }),
    decode: decodeAccountProof,
    value: { account: [filled(3, 0xc0), filled(2, 0xc0)], slots: [[]] },
  },
  'history request': {
    encoded: encodeHistoryRequest(historyRequest),
    decode: decodeHistoryRequest,
    value: historyRequest,
  },
  history: { encoded: encodeChainProof(chainProof), decode: decodeChainProof, value: chainProof },
  'ancestors request': {
    encoded: encodeAncestorsRequest(ancestorsRequest),
    decode: decodeAncestorsRequest,
    value: ancestorsRequest,
  },
  ancestors: { encoded: encodeAncestors(ancestors), decode: decodeAncestors, value: ancestors },
  'inclusion request': {
    encoded: encodeInclusionRequest(filled(32, 0x88)),
    decode: decodeInclusionRequest,
    value: filled(32, 0x88),
  },
  inclusion: { encoded: encodeInclusion(inclusion), decode: decodeInclusion, value: inclusion },
  'peers request': { encoded: encodePeersRequest(16), decode: decodePeersRequest, value: 16 },
  peers: {
    encoded: encodePeers([filled(3, 0xbb), filled(2, 0xcc)]),
    decode: decodePeers,
    value: [filled(3, 0xbb), filled(2, 0xcc)],
  },
  bundle: {
    encoded: encodeTransactionList([legacy, typed].map(rawOf)),
    decode: decodeTransactionBundle,
    value: [legacy, typed],
  },
  'compact block': {
    encoded: encodeCompactBlock({ header, nonce: compactNonce, shortIds, prefilled: [{ index: 1, raw: typed.raw }] }),
    decode: decodeCompactBlock,
    value: {
      hash: headerHash,
      header,
      nonce: compactNonce,
      shortIds,
      prefilled: [{ index: 1, transaction: typed }],
    },
  },
  'header announcement': {
    encoded: encodeHeader(header),
    decode: decodeHeaderAnnouncement,
    value: { hash: headerHash, header },
  },
  sighting: {
    encoded: encodeSighting({ ...sighting, signature: filled(64, 0xdd) }),
    decode: decodeSighting,
    value: { ...sighting, signature: filled(64, 0xdd) },
  },
  'signed by a sighting': {
    encoded: sightingSigningBytes(status.genesisHash, sighting),
    decode: (bytes) => toHex(bytes.subarray(0, 17)),
    value: toHex(new TextEncoder().encode('idobata-sighting:')),
  },
  'request in its stream': {
    encoded: concatBytes(requestHead(2), encodePeersRequest(16)),
    decode: (bytes) => [...new FrameParser({ withStatus: false, maxPayloadBytes: () => 64 }).push(bytes)],
    value: [{ status: STATUS_OK, payload: encodePeersRequest(16) }],
  },
  'answer in its stream': {
    encoded: concatBytes(
      chunkHead(STATUS_OK, 1),
      Uint8Array.of(0xc0),
      chunkHead(STATUS_OK, 1),
      Uint8Array.of(0xc0),
      ANSWER_END,
    ),
    decode: (bytes) => [...new FrameParser({ withStatus: true, maxPayloadBytes: () => 64 }).push(bytes)],
    value: [
      { status: STATUS_OK, payload: Uint8Array.of(0xc0) },
      { status: STATUS_OK, payload: Uint8Array.of(0xc0) },
      { status: STATUS_END, payload: new Uint8Array(0) },
    ],
  },
  'refusal in its stream': {
    encoded: (() => {
      const refusal = encodeRefusal({ retryAfterMs: 1500, reason: 'too many requests' })
      return concatBytes(chunkHead(refusalStatus('rate-limited'), refusal.length), refusal)
    })(),
    decode: (bytes) =>
      [...new FrameParser({ withStatus: true, maxPayloadBytes: () => 64 }).push(bytes)].map((frame) =>
        decodeRefusal(frame.status, frame.payload),
      ),
    value: [{ code: 'rate-limited', retryAfterMs: 1500, reason: 'too many requests' }],
  },
}

describe('worked examples in docs/wire.md', () => {
  it('are those that this test knows', () => {
    expect([...examples.keys()].sort()).toEqual(Object.keys(EXAMPLES).sort())
  })

  it.each(Object.entries(EXAMPLES))('%s', (name, { encoded, decode, value }) => {
    const bytes = examples.get(name)
    expect(toHex(bytes!)).toBe(toHex(encoded))
    expect(decode(bytes!)).toEqual(value)
  })
})
