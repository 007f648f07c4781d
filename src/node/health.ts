import { statfs } from 'node:fs/promises'
import type { NodeBackend } from '../rpc/backend.ts'
import type { HealthFacts } from '../rpc/health.ts'

/** How a node stands, and the disk that its data is on. */
export async function healthOf(node: NodeBackend, datadir: string): Promise<HealthFacts> {
  const progress = node.syncing()
  const disk = await statfs(datadir).catch(() => undefined)
  return {
    peers: node.peerCount(),
    peerLimit: 0,
    blocksBehind: progress ? progress.highestBlock - progress.currentBlock : 0,
    diskFreeBytes: disk && disk.bavail * disk.bsize,
  }
}
