import type { ChainProof } from '../../../light/flyclient.ts'
import {
  decodeChainProof,
  decodeHistoryRequest,
  encodeHistoryRequest,
  type HistoryRequest,
  MAX_HISTORY_REQUEST_BYTES,
} from '../../wire/history.ts'
import type { RequestClient, RequestOptions } from '../client.ts'
import { HISTORY_COST } from '../limits.ts'
import { found, type ServedProtocol } from '../served-protocol.ts'

/** The work behind a head. What it proves is for `light/flyclient.ts` to say. */
export function requestHistory(
  client: RequestClient,
  peer: string,
  request: HistoryRequest,
  options?: RequestOptions,
): Promise<ChainProof> {
  return client.requestOne(peer, 'history', encodeHistoryRequest(request), decodeChainProof, options)
}

export const historyProtocol: ServedProtocol = {
  name: 'history',
  maxRequestBytes: MAX_HISTORY_REQUEST_BYTES,
  cost: HISTORY_COST,
  served: ({ light }) => light !== undefined,
  answer(_peer, request, { light }) {
    const proof = light!.history(decodeHistoryRequest(request))
    return [found(proof, (encoded) => encoded, 'no proof from that block on')]
  },
}
