import { equalBytes } from '../../../primitives/bytes.ts'
import { DecodeError } from '../../../primitives/errors.ts'
import type { HashedHeader } from '../../../primitives/header.ts'
import {
  decodeHeaders,
  decodeHeadersRequest,
  encodeHeaders,
  encodeHeadersRequest,
  type HeadersRequest,
  MAX_HEADERS_REQUEST_BYTES,
} from '../../wire/headers.ts'
import type { BlockBackend } from '../backend.ts'
import type { RequestClient, RequestOptions } from '../client.ts'
import { RequestError } from '../request-error.ts'
import { Refused, type ServedProtocol } from '../served-protocol.ts'

export interface HeadersOptions extends RequestOptions {
  /** Headers that the peer has by its own word; fewer are a failure. Towards genesis all that there are always count. */
  readonly atLeast?: number
}

/**
 * Headers in the order asked for: numbers are those asked for, and neighbours are linked by their hashes. Their work is for the
 * caller to check.
 */
export function requestHeaders(
  client: RequestClient,
  peer: string,
  request: HeadersRequest,
  { atLeast = 0, ...options }: HeadersOptions = {},
): Promise<HashedHeader[]> {
  const decode = (chunk: Uint8Array) => {
    const headers = decodeHeaders(chunk)
    checkHeaders(request, headers)
    if (headers.length < Math.max(atLeast, expected(request, headers[0]))) throw new RequestError('short')
    return headers
  }
  return client.requestOne(peer, 'headers', encodeHeadersRequest(request), decode, options)
}

/** Headers that must be there whatever the peer claims. */
function expected({ start, count, skip, reverse }: HeadersRequest, first: HashedHeader | undefined): number {
  if (typeof start !== 'number' && first === undefined) return 1
  if (!reverse || first === undefined) return 0
  return Math.min(count, Math.floor(first.header.number / (skip + 1)) + 1)
}

/** @throws DecodeError */
function checkHeaders({ start, count, skip, reverse }: HeadersRequest, headers: readonly HashedHeader[]): void {
  if (headers.length > count) throw new DecodeError(`${headers.length} headers, ${count} asked for`)
  const [first] = headers
  if (first === undefined) return
  if (typeof start !== 'number' && !equalBytes(first.hash, start))
    throw new DecodeError('another header than asked for')
  const from = typeof start === 'number' ? start : first.header.number
  for (const [i, { header }] of headers.entries()) {
    const number = from + (reverse ? -i : i) * (skip + 1)
    if (header.number !== number) throw new DecodeError(`header ${header.number} in the place of ${number}`)
    const before = headers[i - 1]
    if (skip > 0 || before === undefined) continue
    const linked = reverse
      ? equalBytes(before.header.parentHash, headers[i]!.hash)
      : equalBytes(header.parentHash, before.hash)
    if (!linked) throw new DecodeError(`header ${number} is not linked to the one before it`)
  }
}

export const headersProtocol: ServedProtocol = {
  name: 'headers',
  maxRequestBytes: MAX_HEADERS_REQUEST_BYTES,
  served: ({ blocks }) => blocks !== undefined,
  answer(_peer, request, { blocks }) {
    return [headers(decodeHeadersRequest(request), blocks!)]
  },
}

async function headers(request: HeadersRequest, blocks: BlockBackend): Promise<Uint8Array> {
  const found = await blocks.headers(request)
  if (found === undefined) throw new Refused('unavailable', 'unknown block')
  return encodeHeaders(found)
}
