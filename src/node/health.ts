import { statfs } from 'node:fs/promises'
import type { NodeBackend } from '../rpc/backend.ts'
import type { HealthFacts } from '../rpc/health.ts'
import type { NetworkOptions } from './network-options.ts'

/** How a node stands, and the disk that its data is on. @param network  undefined: it is alone. */
export async function healthOf(
  node: NodeBackend,
  datadir: string,
  network: Pick<NetworkOptions, 'maxPeers' | 'bootnodes'> | undefined,
): Promise<HealthFacts> {
  const progress = node.syncing()
  const disk = await statfs(datadir).catch(() => undefined)
  return {
    peers: node.peerCount(),
    peerLimit: network?.maxPeers ?? 0,
    isFirst: network !== undefined && isFirst(network, node),
    blocksBehind: progress ? progress.highestBlock - progress.currentBlock : 0,
    diskFreeBytes: disk && disk.bavail * disk.bsize,
  }
}

/** Whether it makes blocks and was told of no other node to begin at: without peers, it is the network. */
export function isFirst({ bootnodes }: Pick<NetworkOptions, 'bootnodes'>, node: Pick<NodeBackend, 'mining'>): boolean {
  return bootnodes.length === 0 && node.mining()
}
