import { toHex } from '../../primitives/bytes.ts'

export type GossipTopic = 'tx' | 'block' | 'header' | 'sighting'
export type RequestProtocol = 'status' | 'headers' | 'bodies' | 'receipts' | 'txs' | 'blocktxs' | 'proof' | 'peers'

/**
 * The name of a topic or request protocol on the network of a genesis block. Its first 4 bytes stand in every name, so that
 * nodes of different networks have no protocol in common.
 */
export function wireName(genesisHash: Uint8Array, what: GossipTopic | RequestProtocol): string {
  return `${wirePrefix(genesisHash)}/${what}/1`
}

/** What all names of a network begin with. */
export function wirePrefix(genesisHash: Uint8Array): string {
  return `/idobata/${toHex(genesisHash.subarray(0, 4)).slice(2)}`
}
