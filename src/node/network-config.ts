import type { NodeConfig } from './config.ts'
import type { NetworkOptions } from './network-options.ts'

/** The network part of a configuration. */
export function networkOptions(config: NodeConfig): NetworkOptions {
  const { nat } = config
  return {
    addr: config['p2p.addr'],
    port: config.port,
    transports: config['p2p.transports'],
    bootnodes: config.bootnodes,
    maxPeers: config.maxpeers,
    minimumWork: config.minimumwork,
    exchange: !config.nodiscover,
    sightings: config['p2p.sightings'],
    externalAddress: nat.startsWith('extip:') ? nat.slice('extip:'.length) : undefined,
    discovery: {
      dht: !config.nodiscover,
      mdns: config.mdns,
      upnp: nat === 'upnp',
      autonat: config['p2p.autonat'],
      relay: config['p2p.relay'],
      holePunching: config['p2p.holepunch'],
      relayServer: config['p2p.relayserver'],
    },
  }
}
