import { toHex } from '../../primitives/bytes.ts'
import type { Backends } from '../backend.ts'
import { type MethodTable, method } from '../dispatch.ts'
import { encodeSyncing, quantity } from '../encode.ts'
import { RpcError, SERVER_ERROR } from '../errors.ts'
import { whenThere } from '../eventually.ts'
import { ADDRESS, BOOLEAN, listOf, QUANTITY, SYNC_PROGRESS } from '../shapes.ts'

/** `eth_`: the network, and what this node is doing. */
export function ethStatusMethods({ chain, node }: Pick<Backends, 'chain' | 'node'>): MethodTable {
  return {
    eth_chainId: method({
      summary: 'Chain id that transactions are signed for (EIP-155).',
      params: {},
      result: QUANTITY,
      handler: () => quantity(chain.chainId),
    }),
    eth_blockNumber: method({
      summary: 'Number of the head.',
      params: {},
      result: QUANTITY,
      handler: () => whenThere(chain.head(), ({ header }) => quantity(header.number)),
    }),
    eth_syncing: method({
      summary: 'false at the head of what is known, else how far the node has come.',
      params: {},
      result: { anyOf: [{ const: false }, SYNC_PROGRESS] },
      handler: () => {
        const progress = node.syncing()
        return progress ? encodeSyncing(progress) : false
      },
    }),
    eth_mining: method({
      summary: 'Whether this node seals blocks.',
      params: {},
      result: BOOLEAN,
      handler: () => node.mining(),
    }),
    eth_hashrate: method({
      summary: 'Hashes a second that this node tries.',
      params: {},
      result: QUANTITY,
      handler: () => quantity(Math.round(node.hashrate())),
    }),
    eth_coinbase: method({
      summary: 'Account that this node mines for.',
      params: {},
      result: ADDRESS,
      handler: () => {
        const coinbase = node.coinbase()
        if (!coinbase) throw new RpcError(SERVER_ERROR, 'etherbase must be explicitly specified')
        return toHex(coinbase)
      },
    }),
    eth_accounts: method({
      summary: 'Accounts the node signs for: none.',
      params: {},
      result: listOf(ADDRESS),
      handler: () => [],
    }),
  }
}
