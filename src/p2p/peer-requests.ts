import type { BlockRequests } from './block-gossip.ts'
import type { RequestClient } from './reqresp/client.ts'
import { requestBlockTransactions } from './reqresp/protocols/blocktxs.ts'
import { requestBodies } from './reqresp/protocols/bodies.ts'
import { requestHeaders } from './reqresp/protocols/headers.ts'
import { requestStatus } from './reqresp/protocols/status.ts'
import { RequestError, type RequestErrorCode } from './reqresp/request-error.ts'
import type { PeerHead, PeerRequests } from './sync/types.ts'
import type { Status } from './wire/status.ts'

/** What sync makes of a request that failed. */
const SYNC_FAULTS = {
  malformed: 'bad-answer',
  'too-large': 'bad-answer',
  // Of a batch that a fork runs through a peer has the beginning.
  short: 'unhelpful',
  'timed-out': 'stalled',
  reset: 'unhelpful',
  refused: 'unhelpful',
  unavailable: 'unhelpful',
  'not-yet': 'unhelpful',
  unsupported: 'unhelpful',
  disconnected: 'unhelpful',
  busy: 'unhelpful',
} as const satisfies Record<RequestErrorCode, ReturnType<PeerRequests['faultOf']>>

/** @param onStatus  hears what a peer says about itself. */
export function syncRequests(
  client: RequestClient,
  ours: () => Status,
  onStatus: (peer: string, status: Status) => void,
): PeerRequests {
  return {
    async status(peer, signal) {
      const status = await requestStatus(client, peer, ours(), { signal })
      onStatus(peer, status)
      return claimOf(status)
    },
    headers: (peer, start, count, signal) =>
      requestHeaders(client, peer, { start, count, skip: 0, reverse: false }, { signal }),
    async bodies(peer, hashes, signal) {
      try {
        return await requestBodies(client, peer, hashes, { signal })
      } catch (error) {
        if (error instanceof RequestError && error.code === 'unavailable') return []
        throw error
      }
    },
    faultOf: (error) => (error instanceof RequestError ? SYNC_FAULTS[error.code] : 'unhelpful'),
    retryAfterMs: (error) => (error instanceof RequestError ? (error.refusal?.retryAfterMs ?? 0) : 0),
  }
}

/** A peer's head, by its own word. */
export function claimOf({ headHash, number, totalDifficulty }: Status): PeerHead {
  return { hash: headHash, number, totalDifficulty }
}

export function blockRequests(client: RequestClient): BlockRequests {
  return {
    blockTransactions: (peer, blockHash, indexes) => requestBlockTransactions(client, peer, { blockHash, indexes }),
    async body(peer, blockHash) {
      const [body] = await requestBodies(client, peer, [blockHash])
      if (body === undefined) throw new RequestError('short')
      return body
    },
  }
}
