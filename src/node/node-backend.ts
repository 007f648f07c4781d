import type { Miner } from '../miner/miner.ts'
import type { Clock } from '../primitives/clock.ts'
import type { NodeBackend, SyncProgress } from '../rpc/backend.ts'
import type { Network } from './network.ts'
import { becomesTrue } from './until.ts'
import { clientVersion } from './version.ts'

export interface NodeBackendComponents {
  readonly miner: Miner | undefined
  /** undefined as long as there is none. */
  readonly network: () => Network | undefined
  /** Whether it can be at the head without a peer: it is alone by choice, or the network's first. */
  readonly needsPeers: () => boolean
  readonly clock: Clock
}

/** A full node as RPC wants to see it. */
export function nodeBackend({ miner, network, needsPeers, clock }: NodeBackendComponents): NodeBackend {
  const isSynced = () => {
    const connected = network()
    return connected?.progress === undefined && (!needsPeers() || (connected?.sessions.length ?? 0) > 0)
  }
  return {
    clientVersion: clientVersion(),
    syncing: () => syncProgress(network()),
    untilSynced: (withinMs) => becomesTrue(isSynced, withinMs, clock),
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
