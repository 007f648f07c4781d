import { hashHeader } from '../crypto/hashes.ts'
import { keccak256 } from '../crypto/keccak.ts'
import { concatBytes, equalBytes } from '../primitives/bytes.ts'
import { DecodeError } from '../primitives/errors.ts'
import { encodeHeader, type HashedHeader, readHeader } from '../primitives/header.ts'
import { encodeRlp, encodeRlpList, RlpReader } from '../primitives/rlp.ts'

import type { Segment } from './light-chain.ts'

const VERSION = 1
const DIGEST_BYTES = 32

/** What a restart goes on from, with a digest that shows damage. @param genesisHash  whose chain it is. */
export function encodeSnapshot(genesisHash: Uint8Array, { before, headers, totalDifficulty }: Segment): Uint8Array {
  const encoded = encodeRlpList([
    encodeRlp([VERSION, genesisHash, totalDifficulty, before.leafCount]),
    encodeRlp(before.nodes.map(({ root, work }) => [root, work])),
    encodeRlpList(headers.map(({ header }) => encodeHeader(header))),
  ])
  return concatBytes(encoded, keccak256(encoded))
}

/** @returns undefined: it is of another network or version, or damaged; nothing is lost by beginning at genesis. */
export function decodeSnapshot(genesisHash: Uint8Array, bytes: Uint8Array): Segment | undefined {
  const encoded = bytes.subarray(0, -DIGEST_BYTES)
  if (bytes.length < DIGEST_BYTES || !equalBytes(keccak256(encoded), bytes.subarray(-DIGEST_BYTES))) return undefined
  try {
    return readSegment(genesisHash, encoded)
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

function readSegment(genesisHash: Uint8Array, encoded: Uint8Array): Segment | undefined {
  const fields = new RlpReader(encoded).list()
  const about = fields.list()
  if (about.number('version') !== VERSION || !equalBytes(about.fixed(32, 'genesis'), genesisHash)) return undefined
  const totalDifficulty = about.bigint(32, 'totalDifficulty')
  const leafCount = about.number('leafCount')
  const nodes = []
  for (const list = fields.list(); !list.done(); ) {
    const node = list.list()
    nodes.push({ root: node.fixed(32, 'root').slice(), work: node.bigint(32, 'work') })
  }
  const headers: HashedHeader[] = []
  for (const list = fields.list(); !list.done(); ) headers.push(hashHeader(readHeader(list)))
  return { before: { leafCount, nodes }, headers, totalDifficulty }
}
