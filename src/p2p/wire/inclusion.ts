import type { Inclusion } from '../../light/inclusion.ts'
import { DecodeError } from '../../primitives/errors.ts'
import { MAX_TRANSACTION_BYTES } from '../../primitives/limits.ts'
import { encodeRlp, type RlpReader } from '../../primitives/rlp.ts'
import { MAX_ORDERED_PROOF_NODES, MAX_PROOF_NODE_BYTES } from './limits.ts'
import { decodeMessage, readItems } from './message.ts'

export const MAX_INCLUSION_REQUEST_BYTES = 34
/** Two proofs of receipts without logs, and one of the largest transaction. */
const MAX_INCLUSION_BYTES = 256 * 1024

/** Where a transaction stands in the canonical chain, by its hash (32 bytes). */
export function encodeInclusionRequest(transactionHash: Uint8Array): Uint8Array {
  return encodeRlp([transactionHash])
}

/** @throws DecodeError */
export function decodeInclusionRequest(bytes: Uint8Array): Uint8Array {
  return decodeMessage(bytes, MAX_INCLUSION_REQUEST_BYTES, (fields) => fields.fixed(32, 'transactionHash').slice())
}

export function encodeInclusion({ blockHash, number, index, ...proofs }: Inclusion): Uint8Array {
  return encodeRlp([blockHash, number, index, proofs.transaction, proofs.receipt, proofs.receiptBefore])
}

/** Whether it proves anything is for `light/inclusion.ts` to say. @throws DecodeError */
export function decodeInclusion(bytes: Uint8Array): Inclusion {
  return decodeMessage(bytes, MAX_INCLUSION_BYTES, (fields) => ({
    blockHash: fields.fixed(32, 'blockHash').slice(),
    number: fields.number('number'),
    index: fields.number('index'),
    transaction: readNodes(fields),
    receipt: readNodes(fields),
    receiptBefore: readNodes(fields),
  }))
}

function readNodes(fields: RlpReader): Uint8Array[] {
  return readItems(fields.list(), MAX_ORDERED_PROOF_NODES, (list) => {
    const node = list.bytes()
    if (node.length > MAX_TRANSACTION_BYTES + MAX_PROOF_NODE_BYTES)
      throw new DecodeError(`node of ${node.length} bytes`)
    return node
  })
}
