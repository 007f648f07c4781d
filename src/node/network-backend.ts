import { type Percentiles, percentiles } from '../p2p/propagation.ts'
import type { Sighted } from '../p2p/sighting-gossip.ts'
import { INVALID_PARAMS, RpcError } from '../rpc/errors.ts'
import type { NetworkBackend } from '../rpc/network.ts'
import type { Network } from './network.ts'
import { byPeer, peerOf } from './peering.ts'

/** A node's network as RPC wants to see it. */
export function networkBackend(network: Network): NetworkBackend {
  const { watch, peering } = network
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
    ban: (target, seconds) => peering.ban(peerOf(target) ?? target, seconds),
    unban: (target) => peering.unban(peerOf(target) ?? target),
    bans: () => peering.bans.list(network.nowMs()),
    propagation: (hash) => {
      const block = watch.block(hash)
      const sightings = block && network.sightings(hash)
      return sightings ? { ...block, sightings, wave: waveOf(sightings) } : (block ?? watch.transaction(hash))
    },
    propagationStats: () => watch.stats(),
    onBlock: (listener) => watch.subscribe(listener),
  }
}

/** Milliseconds after the first of them, whoever it was. */
function waveOf(sightings: readonly Sighted[]): Percentiles {
  return percentiles(sightings.map(({ seenMs }) => seenMs - sightings[0]!.seenMs))
}
