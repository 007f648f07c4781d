import { type Body, decodeBody } from '../../wire/blocks.ts'
import type { RequestClient, RequestOptions } from '../client.ts'
import type { ServedProtocol } from '../served-protocol.ts'
import { blockItemsProtocol, requestBlockItems } from './block-items.ts'

/**
 * Bodies of the first of these blocks, at least one, in order: all, or as many as an answer holds. Whether each is its header's is
 * for the caller to check.
 * @param blockHashes  of blocks that the peer has by its own word: 1 to MAX_BLOCKS_ASKED.
 */
export function requestBodies(
  client: RequestClient,
  peer: string,
  blockHashes: readonly Uint8Array[],
  options?: RequestOptions,
): Promise<Body[]> {
  return requestBlockItems(client, peer, 'bodies', blockHashes, decodeBody, options)
}

export const bodiesProtocol: ServedProtocol = blockItemsProtocol('bodies', (blocks, hash) => blocks.body(hash))
