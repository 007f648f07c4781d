import { DecodeError } from '../../primitives/errors.ts'
import { encodeRlp, type RlpReader } from '../../primitives/rlp.ts'
import { MAX_PROOF_NODE_BYTES, MAX_PROOF_NODES, MAX_PROOF_SLOTS } from './limits.ts'
import { decodeMessage, readItems } from './message.ts'

/** An account after a block, and some of its storage. */
export interface ProofRequest {
  /** 32 bytes. */
  readonly blockHash: Uint8Array
  /** 20 bytes. */
  readonly address: Uint8Array
  /** 32 bytes each, as the contract names them (not hashed). */
  readonly slots: readonly Uint8Array[]
}

/** Trie nodes from the root down, as in EIP-1186; a proof of absence has the same form. */
export interface AccountProof {
  readonly account: readonly Uint8Array[]
  /** In the order of the slots asked for; empty lists where the account has no storage. */
  readonly slots: readonly (readonly Uint8Array[])[]
}

/** Bytes of the longest request. */
export const MAX_PROOF_REQUEST_BYTES = 64 + 33 * (MAX_PROOF_SLOTS + 1)
/** Bytes of an answer: no proof has so many nodes as all of them together could. */
const MAX_PROOF_BYTES = 512 * 1024

export function encodeProofRequest({ blockHash, address, slots }: ProofRequest): Uint8Array {
  return encodeRlp([blockHash, address, slots])
}

/** @throws DecodeError */
export function decodeProofRequest(bytes: Uint8Array): ProofRequest {
  return decodeMessage(bytes, MAX_PROOF_REQUEST_BYTES, (fields) => ({
    blockHash: fields.fixed(32, 'blockHash').slice(),
    address: fields.fixed(20, 'address').slice(),
    slots: readItems(fields.list(), MAX_PROOF_SLOTS, (list) => list.fixed(32, 'slot').slice()),
  }))
}

export function encodeAccountProof({ account, slots }: AccountProof): Uint8Array {
  return encodeRlp([account, slots])
}

/** Whether it proves anything is for `trie/proof.ts` to say. @throws DecodeError */
export function decodeAccountProof(bytes: Uint8Array): AccountProof {
  return decodeMessage(bytes, MAX_PROOF_BYTES, (fields) => ({
    account: readNodes(fields),
    slots: readItems(fields.list(), MAX_PROOF_SLOTS, readNodes),
  }))
}

function readNodes(fields: RlpReader): Uint8Array[] {
  return readItems(fields.list(), MAX_PROOF_NODES, (list) => {
    const node = list.bytes()
    if (node.length > MAX_PROOF_NODE_BYTES) throw new DecodeError(`trie node of ${node.length} bytes`)
    return node
  })
}
