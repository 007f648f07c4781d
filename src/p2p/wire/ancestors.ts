import type { AncestorsProof } from '../../light/ancestors.ts'
import { DecodeError } from '../../primitives/errors.ts'
import { encodeRlp } from '../../primitives/rlp.ts'
import { nodeFields, readHistoryNode } from './history-node.ts'
import { MAX_ANCESTORS } from './limits.ts'
import { decodeMessage, readItems } from './message.ts'
import { readShortHeader, shortFields } from './short-header.ts'

/** Headers below a block, with what shows that it commits to them. */
export interface AncestorsRequest {
  /** 32 bytes. */
  readonly tipHash: Uint8Array
  /** Rising, at least one. */
  readonly numbers: readonly number[]
}

export const MAX_ANCESTORS_REQUEST_BYTES = 48 + 9 * MAX_ANCESTORS
const MAX_ANCESTORS_BYTES = 512 * 1024

export function encodeAncestorsRequest({ tipHash, numbers }: AncestorsRequest): Uint8Array {
  return encodeRlp([tipHash, [...numbers]])
}

/** @throws DecodeError */
export function decodeAncestorsRequest(bytes: Uint8Array): AncestorsRequest {
  return decodeMessage(bytes, MAX_ANCESTORS_REQUEST_BYTES, (fields) => {
    const tipHash = fields.fixed(32, 'tipHash').slice()
    const numbers = readItems(fields.list(), MAX_ANCESTORS, (list) => list.number('number'))
    if (numbers.length === 0) throw new DecodeError('no number')
    if (numbers.some((number, i) => i > 0 && number <= numbers[i - 1]!)) throw new DecodeError('numbers do not rise')
    return { tipHash, numbers }
  })
}

export function encodeAncestors({ headers, nodes }: AncestorsProof): Uint8Array {
  return encodeRlp([headers.map(shortFields), nodes.map(nodeFields)])
}

/** Whether it proves anything is for `light/ancestors.ts` to say. @throws DecodeError */
export function decodeAncestors(bytes: Uint8Array): AncestorsProof {
  return decodeMessage(bytes, MAX_ANCESTORS_BYTES, (fields) => ({
    headers: readItems(fields.list(), MAX_ANCESTORS, readShortHeader),
    nodes: readItems(fields.list(), 53 * (MAX_ANCESTORS + 1), readHistoryNode),
  }))
}
