import type { Backends } from '../backend.ts'
import { type MethodTable, method } from '../dispatch.ts'
import { quantity } from '../encode.ts'
import { BOOLEAN, QUANTITY, TEXT } from '../shapes.ts'

/** `net_`: the peer-to-peer side. */
export function netMethods({ chain, node }: Pick<Backends, 'chain' | 'node'>): MethodTable {
  return {
    net_version: method({
      summary: 'Network id: the chain id, in decimal.',
      params: {},
      result: TEXT,
      handler: () => chain.chainId.toString(),
    }),
    net_listening: method({
      summary: 'Whether peers can connect.',
      params: {},
      result: BOOLEAN,
      handler: () => node.listening(),
    }),
    net_peerCount: method({
      summary: 'Connected peers.',
      params: {},
      result: QUANTITY,
      handler: () => quantity(node.peerCount()),
    }),
  }
}
