import { toHex } from '../../primitives/bytes.ts'
import type { Backends } from '../backend.ts'
import { type MethodTable, method } from '../dispatch.ts'
import { quantity } from '../encode.ts'
import { RpcError, SERVER_ERROR } from '../errors.ts'

/** `eth_`: the network, and what this node is doing. */
export function ethStatusMethods({ chain, node }: Pick<Backends, 'chain' | 'node'>): MethodTable {
  return {
    eth_chainId: method({
      summary: 'Chain id that transactions are signed for (EIP-155).',
      params: {},
      handler: () => quantity(chain.chainId),
    }),
    eth_blockNumber: method({
      summary: 'Number of the head.',
      params: {},
      handler: async () => quantity((await chain.head()).header.number),
    }),
    eth_syncing: method({
      summary: 'false at the head of what is known, else how far the node has come.',
      params: {},
      handler: () => {
        const progress = node.syncing()
        if (!progress) return false
        return {
          startingBlock: quantity(progress.startingBlock),
          currentBlock: quantity(progress.currentBlock),
          highestBlock: quantity(progress.highestBlock),
        }
      },
    }),
    eth_mining: method({ summary: 'Whether this node seals blocks.', params: {}, handler: () => node.mining() }),
    eth_hashrate: method({
      summary: 'Hashes a second that this node tries.',
      params: {},
      handler: () => quantity(Math.round(node.hashrate())),
    }),
    eth_coinbase: method({
      summary: 'Account that this node mines for.',
      params: {},
      handler: () => {
        const coinbase = node.coinbase()
        if (!coinbase) throw new RpcError(SERVER_ERROR, 'etherbase must be explicitly specified')
        return toHex(coinbase)
      },
    }),
    eth_accounts: method({ summary: 'Accounts the node signs for: none.', params: {}, handler: () => [] }),
  }
}
