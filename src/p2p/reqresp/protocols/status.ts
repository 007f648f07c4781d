import { decodeStatus, encodeStatus, MAX_STATUS_BYTES, type Status } from '../../wire/status.ts'
import type { RequestClient, RequestOptions } from '../client.ts'
import type { ServedProtocol } from '../served-protocol.ts'

/** Tells a peer how this node stands and asks the same. Whether it is on the same network is for the caller to compare. */
export function requestStatus(
  client: RequestClient,
  peer: string,
  ours: Status,
  options?: RequestOptions,
): Promise<Status> {
  return client.requestOne(peer, 'status', encodeStatus(ours), decodeStatus, options)
}

export const statusProtocol: ServedProtocol = {
  name: 'status',
  maxRequestBytes: MAX_STATUS_BYTES,
  served: () => true,
  answer(peer, request, backend) {
    return [encodeStatus(backend.status(peer, decodeStatus(request)))]
  },
}
