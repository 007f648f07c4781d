import type { HistoryNode } from '../../chain/history.ts'
import type { ChainProof, LeafFacts } from '../../light/flyclient.ts'
import { MAX_OCTAVES, TAIL_BLOCKS } from '../../light/limits.ts'
import { sampleCount } from '../../light/sampling.ts'
import { EMPTY_BYTES, equalBytes } from '../../primitives/bytes.ts'
import { DecodeError } from '../../primitives/errors.ts'
import { decodeHeader, EMPTY_OMMERS_HASH, type Header, headerFields } from '../../primitives/header.ts'
import { EMPTY_BLOOM } from '../../primitives/receipt.ts'
import { encodeRlp, encodeRlpList, type RlpInput, type RlpReader } from '../../primitives/rlp.ts'
import { MAX_RESPONSE_BYTES } from './limits.ts'
import { decodeMessage, readItems } from './message.ts'

/** A proof of the work behind a head, for whoever has one block of the chain. */
export interface HistoryRequest {
  /** 32 bytes: the block that the requester has, below the head. */
  readonly anchorHash: Uint8Array
  /** 32 bytes: a canonical block whose work is to be proven; undefined: the head. */
  readonly tipHash: Uint8Array | undefined
}

const MAX_HISTORY_REQUEST_BYTES = 68
/** An answer never has more: the samples of a chain of `MAX_OCTAVES`, with what belongs to them. */
const MAX_SAMPLES = sampleCount(MAX_OCTAVES)
const MAX_NEIGHBOURS = 2 * (MAX_SAMPLES + 3)
const MAX_NODES = 53 * (MAX_NEIGHBOURS + MAX_SAMPLES + TAIL_BLOCKS)

/** Places among the 16 header fields of one that is always the same, and of one that mostly is. */
const OMMERS_HASH = 1
const LOGS_BLOOM = 6
const ENCODED_OMMERS_HASH = encodeRlp(EMPTY_OMMERS_HASH)
const ENCODED_EMPTY_BLOOM = encodeRlp(EMPTY_BLOOM)
const ENCODED_NOTHING = encodeRlp(EMPTY_BYTES)

export function encodeHistoryRequest({ anchorHash, tipHash }: HistoryRequest): Uint8Array {
  return encodeRlp(tipHash ? [anchorHash, tipHash] : [anchorHash])
}

/** @throws DecodeError */
export function decodeHistoryRequest(bytes: Uint8Array): HistoryRequest {
  return decodeMessage(bytes, MAX_HISTORY_REQUEST_BYTES, (fields) => ({
    anchorHash: fields.fixed(32, 'anchorHash').slice(),
    tipHash: fields.done() ? undefined : fields.fixed(32, 'tipHash').slice(),
  }))
}

export function encodeChainProof({ tip, tail, samples, neighbours, nodes }: ChainProof): Uint8Array {
  return encodeRlp([
    shortFields(tip),
    tail.map(shortFields),
    samples.map(shortFields),
    neighbours.map(({ hash, difficulty, timestamp }) => [hash, difficulty, timestamp]),
    nodes.map(({ root, work }) => [root, work]),
  ])
}

/** Whether it proves anything is for `light/flyclient.ts` to say. @throws DecodeError */
export function decodeChainProof(bytes: Uint8Array): ChainProof {
  return decodeMessage(bytes, MAX_RESPONSE_BYTES, (fields) => ({
    tip: readShortHeader(fields),
    tail: readItems(fields.list(), TAIL_BLOCKS, readShortHeader),
    samples: readItems(fields.list(), MAX_SAMPLES, readShortHeader),
    neighbours: readItems(fields.list(), MAX_NEIGHBOURS, readNeighbour),
    nodes: readItems(fields.list(), MAX_NODES, readHistoryNode),
  }))
}

/** 240 bytes instead of 530: what everybody knows of a header is left out. */
function shortFields(header: Header): RlpInput[] {
  const bloom = equalBytes(header.logsBloom, EMPTY_BLOOM) ? EMPTY_BYTES : header.logsBloom
  return headerFields(header).toSpliced(LOGS_BLOOM, 1, bloom).toSpliced(OMMERS_HASH, 1)
}

function readShortHeader(list: RlpReader): Header {
  const items = readItems(list.list(), 15, (fields) => fields.raw())
  items.splice(OMMERS_HASH, 0, ENCODED_OMMERS_HASH)
  const bloom = items[LOGS_BLOOM]
  if (bloom && equalBytes(bloom, ENCODED_EMPTY_BLOOM)) throw new DecodeError('an empty bloom in full')
  if (bloom && equalBytes(bloom, ENCODED_NOTHING)) items[LOGS_BLOOM] = ENCODED_EMPTY_BLOOM
  return decodeHeader(encodeRlpList(items))
}

function readNeighbour(list: RlpReader): LeafFacts {
  const fields = list.list()
  const facts = {
    hash: fields.fixed(32, 'hash').slice(),
    difficulty: fields.bigint(32, 'difficulty'),
    timestamp: fields.number('timestamp'),
  }
  fields.end()
  return facts
}

function readHistoryNode(list: RlpReader): HistoryNode {
  const fields = list.list()
  const node = { root: fields.fixed(32, 'root').slice(), work: fields.bigint(32, 'work') }
  fields.end()
  return node
}
