import type { Receipt } from '../../../primitives/receipt.ts'
import { decodeReceipts } from '../../wire/blocks.ts'
import type { RequestClient, RequestOptions } from '../client.ts'
import type { ServedProtocol } from '../served-protocol.ts'
import { blockItemsProtocol, requestBlockItems } from './block-items.ts'

export interface ReceiptsOf {
  /** 32 bytes. */
  readonly blockHash: Uint8Array
  /** Of the block's transactions, in order: there is one receipt for each. */
  readonly types: readonly (0 | 1 | 2)[]
}

/** As `requestBodies`. Whether they are what a header commits to is for the caller to check. */
export function requestReceipts(
  client: RequestClient,
  peer: string,
  blocks: readonly ReceiptsOf[],
  options?: RequestOptions,
): Promise<Receipt[][]> {
  const hashes = blocks.map(({ blockHash }) => blockHash)
  const decode = (chunk: Uint8Array, index: number) => decodeReceipts(chunk, blocks[index]!.types)
  return requestBlockItems(client, peer, 'receipts', hashes, decode, options)
}

export const receiptsProtocol: ServedProtocol = blockItemsProtocol('receipts', (blocks, hash) => blocks.receipts(hash))
