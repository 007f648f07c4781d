/** The public API of `idobata/light`: a light node where there is nothing but the Web's own interfaces, as in a browser. */
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Genesis } from './chain/genesis.ts'
import { nobleRecovery } from './crypto/noble.ts'
import type { LightStore } from './light/types.ts'
import { createAnswering } from './node/answering.ts'
import { LightCore } from './node/light-core.ts'
import { LightNode, type OpenedLightNode } from './node/light-node.ts'
import { DEFAULT_LIGHT_PEERS, DEFAULT_VOUCHERS } from './node/light-options.ts'
import { type Logger, silentLogger } from './node/logger.ts'
import { systemClock } from './node/system.ts'
import { webClientVersion } from './node/version.ts'
import { createBaseHost } from './p2p/base-host.ts'
import type { Clock } from './primitives/clock.ts'

export { type Genesis, GenesisError, parseGenesis } from './chain/genesis.ts'
export type { LightStore } from './light/types.ts'
export type { LightNode, LightNodeStatus } from './node/light-node.ts'
export type { Logger } from './node/logger.ts'
export { ProviderError, type ProviderRequest } from './node/provider.ts'
export type { NodeHead } from './node/status.ts'
export type { Clock } from './primitives/clock.ts'

export interface LightNodeOptions {
  /** The network: `parseGenesis(json)`. */
  readonly genesis: Genesis
  /** Multiaddrs of WebSocket listeners, with peer ids, to begin at: `/dns4/node.example.org/tcp/443/wss/p2p/12D3KooW…`. */
  readonly bootnodes: readonly string[]
  /** Peers connected at most; 8 by default. */
  readonly maxPeers?: number
  /** Peers that must have a block before it is answered from; 2 by default. With 1 a single peer is believed to have executed its head. */
  readonly vouchers?: number
  /** Where what a restart begins with is kept, some 100 kB; absent: nowhere. */
  readonly store?: LightStore
}

export interface LightNodeComponents {
  /** The machine's, unless a test has its own. */
  readonly clock?: Clock
  readonly logger?: Logger
}

/**
 * A light node that dials over WebSocket and keeps nothing but what `store` takes. Who it is among peers is made anew at each start.
 */
export function createLightNode(options: LightNodeOptions, components: LightNodeComponents = {}): LightNode {
  const { clock, logger } = { clock: systemClock, logger: silentLogger, ...components }
  return new LightNode(() => open(options, { clock, logger }))
}

async function open(
  options: LightNodeOptions,
  { clock, logger }: Required<LightNodeComponents>,
): Promise<OpenedLightNode> {
  const { genesis, bootnodes, maxPeers = DEFAULT_LIGHT_PEERS, vouchers = DEFAULT_VOUCHERS, store } = options
  const core = await LightCore.create(
    // Addresses that peers tell of are of TCP nearly always, which is not to be had here.
    { genesis, bootnodes, maxPeers, vouchers, exchange: false, privateAddresses: false },
    {
      createHost: createBaseHost,
      privateKey: await generateKeyPair('Ed25519'),
      savedPeers: undefined,
      peerStore: { save: async () => {} },
      store,
      recovery: nobleRecovery(),
      clock,
      logger,
      clientVersion: webClientVersion(),
    },
  )
  const { network, ...others } = core.backends
  const answering = createAnswering({
    events: core.events,
    backends: others,
    network: network && Promise.resolve(network),
    clock,
    logger,
  })
  const close = async () => {
    answering.stop()
    await core.stop()
  }
  try {
    await core.start()
  } catch (error) {
    await close()
    throw error
  }
  return { core, answer: answering.answer, rpcUrl: undefined, close }
}
