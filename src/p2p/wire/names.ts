import { toHex } from '../../primitives/bytes.ts'

export type RequestProtocol =
  | 'status'
  | 'headers'
  | 'bodies'
  | 'receipts'
  | 'txs'
  | 'blocktxs'
  | 'peers'
  | 'proof'
  | 'history'
  | 'ancestors'
  | 'inclusion'

/**
 * What all names of a network begin with: the first 4 bytes of its genesis hash stand in them, so that nodes of different
 * networks have no protocol in common.
 */
export function wirePrefix(genesisHash: Uint8Array): string {
  return `/idobata/${toHex(genesisHash.subarray(0, 4)).slice(2)}`
}

/** Name of a request protocol. */
export function requestName(prefix: string, protocol: RequestProtocol): string {
  return `${prefix}/${protocol}/1`
}
