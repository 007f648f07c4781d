import type { LightRequests, RequestFault } from '../light/types.ts'
import type { RequestClient } from './reqresp/client.ts'
import { requestAncestors } from './reqresp/protocols/ancestors.ts'
import { requestBodies } from './reqresp/protocols/bodies.ts'
import { requestHeaders } from './reqresp/protocols/headers.ts'
import { requestHistory } from './reqresp/protocols/history.ts'
import { requestInclusion } from './reqresp/protocols/inclusion.ts'
import { requestProof } from './reqresp/protocols/proof.ts'
import { requestReceipts } from './reqresp/protocols/receipts.ts'
import { requestStatus } from './reqresp/protocols/status.ts'
import { RequestError, type RequestErrorCode } from './reqresp/request-error.ts'
import type { Status } from './wire/status.ts'

/** What a light node makes of a request that failed. */
const LIGHT_FAULTS = {
  malformed: 'bad-answer',
  'too-large': 'bad-answer',
  short: 'withheld',
  'timed-out': 'withheld',
  reset: 'unhelpful',
  refused: 'unhelpful',
  unavailable: 'unavailable',
  'not-yet': 'unavailable',
  unsupported: 'unhelpful',
  disconnected: 'unhelpful',
  busy: 'unhelpful',
} as const satisfies Record<RequestErrorCode, RequestFault>

/**
 * What a light client asks of peers, over the network.
 * @param onStatus  hears what a peer says about itself.
 */
export function lightRequests(
  client: RequestClient,
  ours: () => Status,
  onStatus: (peer: string, status: Status) => void,
): LightRequests {
  return {
    async status(peer, signal) {
      const status = await requestStatus(client, peer, ours(), { signal })
      onStatus(peer, status)
      return { hash: status.headHash, number: status.number, totalDifficulty: status.totalDifficulty }
    },
    headers: (peer, request, signal) => requestHeaders(client, peer, { ...request, skip: 0 }, { signal }),
    history: (peer, anchorHash, signal) => requestHistory(client, peer, { anchorHash, tipHash: undefined }, { signal }),
    ancestors: (peer, tipHash, numbers, signal) => requestAncestors(client, peer, { tipHash, numbers }, { signal }),
    inclusion: (peer, hash, signal) => requestInclusion(client, peer, hash, { signal }),
    proof: (peer, request, signal) => requestProof(client, peer, request, { signal }),
    async body(peer, blockHash, signal) {
      const [body] = await requestBodies(client, peer, [blockHash], { signal })
      if (body === undefined) throw new RequestError('short')
      return body
    },
    async receipts(peer, blockHash, types, signal) {
      const [receipts] = await requestReceipts(client, peer, [{ blockHash, types }], { signal })
      if (receipts === undefined) throw new RequestError('short')
      return receipts
    },
    faultOf: (error) => (error instanceof RequestError ? LIGHT_FAULTS[error.code] : 'unhelpful'),
  }
}
