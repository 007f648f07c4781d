/** Of a libp2p host on loopback that finds nobody by itself. */
export const BENCH_HOST = {
  maxPeers: 16,
  discovery: {
    dht: false,
    privateAddresses: true,
    mdns: false,
    upnp: false,
    autonat: false,
    relay: false,
    relayServer: false,
    holePunching: false,
  },
  agent: { name: 'bench', version: '1' },
} as const
