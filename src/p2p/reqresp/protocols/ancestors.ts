import type { AncestorsProof } from '../../../light/ancestors.ts'
import {
  type AncestorsRequest,
  decodeAncestors,
  decodeAncestorsRequest,
  encodeAncestors,
  encodeAncestorsRequest,
  MAX_ANCESTORS_REQUEST_BYTES,
} from '../../wire/ancestors.ts'
import type { RequestClient, RequestOptions } from '../client.ts'
import { PROOF_COST } from '../limits.ts'
import { found, type ServedProtocol } from '../served-protocol.ts'

/** Headers below a block. What they prove is for `light/ancestors.ts` to say. */
export function requestAncestors(
  client: RequestClient,
  peer: string,
  request: AncestorsRequest,
  options?: RequestOptions,
): Promise<AncestorsProof> {
  return client.requestOne(peer, 'ancestors', encodeAncestorsRequest(request), decodeAncestors, options)
}

export const ancestorsProtocol: ServedProtocol = {
  name: 'ancestors',
  maxRequestBytes: MAX_ANCESTORS_REQUEST_BYTES,
  cost: PROOF_COST,
  served: ({ light }) => light !== undefined,
  answer(_peer, request, { light }) {
    const proof = light!.ancestors(decodeAncestorsRequest(request))
    return [found(proof, encodeAncestors, 'not below a canonical block')]
  },
}
