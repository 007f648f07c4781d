import type { Inclusion } from '../../../light/inclusion.ts'
import {
  decodeInclusion,
  decodeInclusionRequest,
  encodeInclusion,
  encodeInclusionRequest,
  MAX_INCLUSION_REQUEST_BYTES,
} from '../../wire/inclusion.ts'
import type { RequestClient, RequestOptions } from '../client.ts'
import { INCLUSION_COST } from '../limits.ts'
import { found, type ServedProtocol } from '../served-protocol.ts'

/** Where a transaction stands. What it proves is for `light/inclusion.ts` to say. @param transactionHash  32 bytes. */
export function requestInclusion(
  client: RequestClient,
  peer: string,
  transactionHash: Uint8Array,
  options?: RequestOptions,
): Promise<Inclusion> {
  return client.requestOne(peer, 'inclusion', encodeInclusionRequest(transactionHash), decodeInclusion, options)
}

export const inclusionProtocol: ServedProtocol = {
  name: 'inclusion',
  maxRequestBytes: MAX_INCLUSION_REQUEST_BYTES,
  cost: INCLUSION_COST,
  served: ({ light }) => light !== undefined,
  answer(_peer, request, { light }) {
    const proof = light!.inclusion(decodeInclusionRequest(request))
    return [found(proof, encodeInclusion, 'no such transaction')]
  },
}
