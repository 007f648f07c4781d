import { decodeBlockHashes, encodeHashes, MAX_BLOCK_HASHES_BYTES } from '../../wire/hashes.ts'
import { FULL_RESPONSE_BYTES } from '../../wire/limits.ts'
import type { BlockBackend } from '../backend.ts'
import type { RequestClient, RequestOptions } from '../client.ts'
import { READ_TOGETHER, READ_TOGETHER_BYTES } from '../limits.ts'
import { RequestError } from '../request-error.ts'
import { Refused, type ServedProtocol } from '../served-protocol.ts'

type BlockProtocol = 'bodies' | 'receipts'

/**
 * Asks for something of each block. The answer may end early once it is full.
 * @param decode  one block's item; `index` is its place among those asked for.
 */
export function requestBlockItems<T>(
  client: RequestClient,
  peer: string,
  protocol: BlockProtocol,
  blockHashes: readonly Uint8Array[],
  decode: (chunk: Uint8Array, index: number) => T,
  options?: RequestOptions,
): Promise<T[]> {
  const decodeAll = (chunks: readonly Uint8Array[]) => {
    const bytes = chunks.reduce((sum, { length }) => sum + length, 0)
    if (chunks.length < blockHashes.length && bytes < FULL_RESPONSE_BYTES) throw new RequestError('short')
    return chunks.map(decode)
  }
  return client.request(peer, protocol, encodeHashes(blockHashes), blockHashes.length, decodeAll, options)
}

/** @param read  a block's item, as it travels. */
export function blockItemsProtocol(
  name: BlockProtocol,
  read: (blocks: BlockBackend, blockHash: Uint8Array) => Promise<Uint8Array | undefined>,
): ServedProtocol {
  return {
    name,
    maxRequestBytes: MAX_BLOCK_HASHES_BYTES,
    served: ({ blocks }) => blocks !== undefined,
    answer(_peer, request, { blocks }) {
      return blockItems(decodeBlockHashes(request), (blockHash) => read(blocks!, blockHash))
    },
  }
}

async function* blockItems(
  blockHashes: readonly Uint8Array[],
  read: (blockHash: Uint8Array) => Promise<Uint8Array | undefined>,
): AsyncGenerator<Uint8Array, void, undefined> {
  let bytes = 0
  /** Blocks are about as large as their neighbours. */
  let lastBytes = READ_TOGETHER_BYTES
  for (let index = 0; index < blockHashes.length; ) {
    const together = Math.max(1, Math.min(READ_TOGETHER, Math.floor(READ_TOGETHER_BYTES / lastBytes)))
    const items = await Promise.all(blockHashes.slice(index, index + together).map(read))
    for (const item of first(items, READ_TOGETHER_BYTES)) {
      if (item === undefined && index === 0) throw new Refused('unavailable', 'unknown block')
      if (item === undefined) return
      yield item
      index++
      lastBytes = item.length
      bytes += lastBytes
      if (bytes >= FULL_RESPONSE_BYTES) return
    }
  }
}

/** One at least. What is beyond `bytes` is read again later: else it would be held for as long as the peer takes over the rest. */
function first(items: (Uint8Array | undefined)[], bytes: number): readonly (Uint8Array | undefined)[] {
  let left = bytes
  const beyond = items.findIndex((item, i) => {
    left -= item?.length ?? 0
    return i > 0 && left < 0
  })
  return beyond === -1 ? items : items.slice(0, beyond)
}
