import type { ChainProof, LeafFacts } from '../../light/flyclient.ts'
import { MAX_OCTAVES, TAIL_BLOCKS } from '../../light/limits.ts'
import { sampleCount } from '../../light/sampling.ts'
import { encodeRlp, type RlpReader } from '../../primitives/rlp.ts'
import { nodeFields, readHistoryNode } from './history-node.ts'
import { MAX_RESPONSE_BYTES } from './limits.ts'
import { decodeMessage, readItems } from './message.ts'
import { readShortHeader, shortFields } from './short-header.ts'

/** A proof of the work behind a head, for whoever has one block of the chain. */
export interface HistoryRequest {
  /** 32 bytes: the block that the requester has, below the head. */
  readonly anchorHash: Uint8Array
  /** 32 bytes: a canonical block whose work is to be proven; undefined: the head. */
  readonly tipHash: Uint8Array | undefined
}

export const MAX_HISTORY_REQUEST_BYTES = 68
/** An answer never has more: the samples of a chain of `MAX_OCTAVES`, with what belongs to them. */
const MAX_SAMPLES = sampleCount(MAX_OCTAVES)
const MAX_NEIGHBOURS = 2 * (MAX_SAMPLES + 3)
const MAX_NODES = 53 * (MAX_NEIGHBOURS + MAX_SAMPLES + TAIL_BLOCKS)

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
    nodes.map(nodeFields),
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
