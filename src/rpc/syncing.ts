import type { NodeBackend } from './backend.ts'
import { RpcError, SERVER_ERROR } from './errors.ts'
import { MAX_BLOCKS_BEHIND } from './limits.ts'

/**
 * Guards answers about what to sign next: a nonce or a fee from far back makes a transaction that is stuck or refused,
 * and the wallet cannot know why.
 * @throws RpcError -32000 while the node is more than MAX_BLOCKS_BEHIND blocks behind what it knows of.
 */
export function requireSynced(node: Pick<NodeBackend, 'syncing'>): void {
  const progress = node.syncing()
  if (!progress) return
  const { currentBlock, highestBlock } = progress
  if (highestBlock - currentBlock <= MAX_BLOCKS_BEHIND) return
  throw new RpcError(
    SERVER_ERROR,
    `node is syncing: at block ${currentBlock} of ${highestBlock}, fees and nonces are not known yet`,
  )
}
