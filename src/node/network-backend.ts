import { multiaddr } from '@multiformats/multiaddr'
import { type Percentiles, type PropagationRecord, percentiles } from '../p2p/propagation.ts'
import type { Sighted } from '../p2p/sighting-gossip.ts'
import { INVALID_PARAMS, RpcError } from '../rpc/errors.ts'
import type { NetworkBackend } from '../rpc/network.ts'
import type { Network } from './network.ts'
import { byPeer, peerOf } from './peering.ts'

/** With what metrics want of it besides. */
export interface WatchedNetwork extends NetworkBackend {
  /** Calls `listener` when a block that was watched has become part of the chain; the returned function ends that. */
  onBlock(listener: (block: PropagationRecord) => void): () => void
}

/** A node's network as RPC wants to see it. */
export function networkBackend(network: Network): WatchedNetwork {
  const { watch } = network
  return {
    ...peersBackend(network),
    propagation: (hash) => {
      const block = watch.block(hash)
      const sightings = block && network.sightings(hash)
      return sightings ? { ...block, sightings, wave: waveOf(sightings) } : (block ?? watch.transaction(hash))
    },
    propagationStats: () => watch.stats(),
    onBlock: (listener) => watch.subscribe(listener),
  }
}

type Peers = Pick<
  Network,
  'peerId' | 'addresses' | 'sessions' | 'peering' | 'routeOf' | 'roundTripMs' | 'scoreOf' | 'hangUp' | 'nowMs'
>

/** The part of it that is about peers. */
export function peersBackend(network: Peers): Omit<NetworkBackend, 'propagation' | 'propagationStats'> {
  const { peering } = network
  return {
    peerId: network.peerId,
    addresses: () => network.addresses,
    peers: () =>
      network.sessions.map((session) => {
        const { peer, outbound, address, connectedMs, status } = session
        return {
          id: peer,
          agent: status.agent,
          address,
          inbound: !outbound,
          trusted: peering.manager.isTrusted(peer),
          route: network.routeOf(session),
          connectedMs,
          roundTripMs: network.roundTripMs(peer),
          score: network.scoreOf(peer),
          headHash: status.headHash,
          headNumber: status.number,
          totalDifficulty: status.totalDifficulty,
        }
      }),
    addPeer(address) {
      const [peer] = address.startsWith('/') ? byPeer([address]) : []
      if (peer === undefined)
        throw new RpcError(INVALID_PARAMS, `invalid argument 0 (address): no multiaddr with a peer id`)
      peering.manager.trust(peer)
    },
    async removePeer(target) {
      const peer = peerOf(target)
      if (peer === undefined) throw new RpcError(INVALID_PARAMS, 'invalid argument 0 (peer): no peer id')
      const kept = peering.manager.distrust(peer)
      const connected = peering.manager.link(peer) !== undefined
      if (connected) await network.hangUp(peer)
      return kept || connected
    },
    ban: (target, seconds) => peering.ban(banTarget(target), seconds),
    unban: (target) => peering.unban(banTarget(target)),
    bans: () => peering.bans.list(network.nowMs()),
  }
}

/** Spelled as connections spell it, or the ban would hold for nobody. */
function banTarget(text: string): string {
  const peer = peerOf(text)
  if (peer !== undefined) return peer
  try {
    return multiaddr(`/${text.includes(':') ? 'ip6' : 'ip4'}/${text}`).getComponents()[0]!.value!
  } catch {
    throw new RpcError(INVALID_PARAMS, 'invalid argument 0 (target): neither a peer id nor an IP address')
  }
}

/** Milliseconds after the first of them, whoever it was. */
function waveOf(sightings: readonly Sighted[]): Percentiles {
  return percentiles(sightings.map(({ seenMs }) => seenMs - sightings[0]!.seenMs))
}
