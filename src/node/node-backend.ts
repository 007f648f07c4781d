import type { Miner } from '../miner/miner.ts'
import type { NodeBackend, SyncProgress } from '../rpc/backend.ts'
import type { Network } from './network.ts'
import { clientVersion } from './version.ts'

/** A full node as RPC wants to see it. @param network  undefined as long as there is none. */
export function nodeBackend(miner: Miner | undefined, network: () => Network | undefined): NodeBackend {
  return {
    clientVersion: clientVersion(),
    syncing: () => syncProgress(network()),
    listening: () => (network()?.addresses.length ?? 0) > 0,
    peerCount: () => network()?.sessions.length ?? 0,
    mining: () => miner?.status().mining ?? false,
    hashrate: () => miner?.status().hashrate ?? 0,
    coinbase: () => miner?.status().coinbase,
  }
}

function syncProgress(network: Network | undefined): SyncProgress | undefined {
  const progress = network?.progress
  if (progress === undefined) return undefined
  const { startingNumber, currentNumber, headerNumber, highestNumber } = progress
  return {
    startingBlock: startingNumber,
    currentBlock: currentNumber,
    highestBlock: highestNumber,
    stages: [
      { name: 'headers', block: headerNumber },
      { name: 'execution', block: currentNumber },
    ],
  }
}
