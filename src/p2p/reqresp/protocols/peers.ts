import { DecodeError } from '../../../primitives/errors.ts'
import {
  decodePeers,
  decodePeersRequest,
  encodePeers,
  encodePeersRequest,
  MAX_PEERS_REQUEST_BYTES,
} from '../../wire/peers.ts'
import type { RequestClient, RequestOptions } from '../client.ts'
import type { ServedProtocol } from '../served-protocol.ts'

/** Signed peer records, at most `count` (1 to MAX_PEER_RECORDS), still in their envelopes. */
export function requestPeers(
  client: RequestClient,
  peer: string,
  count: number,
  options?: RequestOptions,
): Promise<Uint8Array[]> {
  const decode = (chunk: Uint8Array) => {
    const envelopes = decodePeers(chunk)
    if (envelopes.length > count) throw new DecodeError(`${envelopes.length} peer records, ${count} asked for`)
    return envelopes
  }
  return client.requestOne(peer, 'peers', encodePeersRequest(count), decode, options)
}

export const peersProtocol: ServedProtocol = {
  name: 'peers',
  maxRequestBytes: MAX_PEERS_REQUEST_BYTES,
  served: () => true,
  answer(peer, request, backend) {
    return [backend.peerRecords(peer, decodePeersRequest(request)).then(encodePeers)]
  },
}
