import { DecodeError } from '../../../primitives/errors.ts'
import {
  type AccountProof,
  decodeAccountProof,
  decodeProofRequest,
  encodeAccountProof,
  encodeProofRequest,
  MAX_PROOF_REQUEST_BYTES,
  type ProofRequest,
} from '../../wire/proof.ts'
import type { RequestClient, RequestOptions } from '../client.ts'
import { PROOF_COST } from '../limits.ts'
import { found, type ServedProtocol } from '../served-protocol.ts'

/** A proof for the account and each slot asked for. What they prove is for `trie/proof.ts` to say, from the header's state root. */
export function requestProof(
  client: RequestClient,
  peer: string,
  request: ProofRequest,
  options?: RequestOptions,
): Promise<AccountProof> {
  const decode = (chunk: Uint8Array) => {
    const proof = decodeAccountProof(chunk)
    const { length } = request.slots
    if (proof.slots.length !== length) throw new DecodeError(`${proof.slots.length} slots proven, not ${length}`)
    return proof
  }
  return client.requestOne(peer, 'proof', encodeProofRequest(request), decode, options)
}

export const proofProtocol: ServedProtocol = {
  name: 'proof',
  maxRequestBytes: MAX_PROOF_REQUEST_BYTES,
  cost: PROOF_COST,
  served: ({ state }) => state !== undefined,
  answer(_peer, request, { state }) {
    const proof = state!.prove(decodeProofRequest(request))
    return [found(proof, encodeAccountProof, 'historical state not available')]
  },
}
