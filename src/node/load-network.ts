import { setTimeout } from 'node:timers/promises'

/**
 * Milliseconds before each piece: time for a client that waits for the port to connect, ask and be answered, so that it
 * waits for one piece at most.
 */
const PAUSE_MS = 20

/** The heavy ones of what `network.ts` imports, each after what it is built upon. */
const PIECES = [
  () => import('@libp2p/crypto/keys'),
  () => import('@chainsafe/libp2p-noise'),
  () => import('@libp2p/tls'),
  () => import('libp2p'),
  () => import('@libp2p/websockets'),
  () => import('@chainsafe/libp2p-gossipsub'),
  () => import('../p2p/host.ts'),
  () => import('../p2p/gossip.ts'),
  () => import('../p2p/sync/driver.ts'),
]

/**
 * Loads what networking takes, piece by piece: that is longer than all the rest of a start, many a node is alone, and whoever
 * asks something meanwhile waits for one piece and not for all of them.
 */
export async function loadNetwork() {
  for (const load of PIECES) {
    await setTimeout(PAUSE_MS)
    await load()
  }
  const { Network } = await import('./network.ts')
  const { loadNodeKey } = await import('./node-key.ts')
  const { networkBackend } = await import('./network-backend.ts')
  return { Network, loadNodeKey, networkBackend }
}
