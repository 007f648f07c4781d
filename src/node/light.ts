import type { Genesis } from '../chain/genesis.ts'
import { loadRecovery } from '../crypto/load-recovery.ts'
import type { LightStore } from '../light/types.ts'
import type { Clock } from '../primitives/clock.ts'
import { StoreError } from '../primitives/errors.ts'
import type { Database } from '../store/database.ts'
import { keys } from '../store/schema.ts'
import { closeDatabase, openDatabase } from './data-directory.ts'
import { loadGenesis } from './genesis-file.ts'
import { healthOf } from './health.ts'
import { LightNode, type OpenedLightNode } from './light-node.ts'
import { DEFAULT_LIGHT_PEERS, DEFAULT_VOUCHERS } from './light-options.ts'
import { type Logger, silentLogger } from './logger.ts'
import { discoveryOptions } from './network-options.ts'
import { createPeerStore, loadPeers } from './peer-file.ts'
import { completeRpcOptions, type RpcOptions } from './rpc-options.ts'
import { systemClock } from './system.ts'
import { clientVersion } from './version.ts'

export interface LightNodeOptions {
  /** Where recent headers, addresses of peers and the key that peers know the node by are kept. */
  readonly datadir: string
  /** Absent: that of the network shipped. */
  readonly genesis?: Genesis
  /** Where to serve JSON-RPC; absent: nowhere. */
  readonly http?: RpcOptions
  /** Multiaddrs, with peer ids, to begin at. */
  readonly bootnodes: readonly string[]
  /** Peers connected at most; 8 by default. */
  readonly maxPeers?: number
  /** Whether peers are asked for addresses of others; by default they are. */
  readonly exchange?: boolean
  /** Peers that must have a block before it is answered from; 2 by default. With 1 a single peer is believed to have executed its head. */
  readonly vouchers?: number
}

export interface LightNodeComponents {
  /** The machine's, unless a test has its own. */
  readonly clock?: Clock
  readonly logger?: Logger
}

/** A light node on this machine: it dials over every transport, and keeps what it needs for a quick restart on disk. */
export function createLightNode(options: LightNodeOptions, components: LightNodeComponents = {}): LightNode {
  const { clock, logger } = { clock: systemClock, logger: silentLogger, ...components }
  return new LightNode(() => open(options, { clock, logger }))
}

async function open(
  options: LightNodeOptions,
  { clock, logger }: Required<LightNodeComponents>,
): Promise<OpenedLightNode> {
  const { datadir, bootnodes, maxPeers = DEFAULT_LIGHT_PEERS, exchange = true, vouchers = DEFAULT_VOUCHERS } = options
  const http = options.http && completeRpcOptions(options.http, { dev: false })
  const undo: (() => Promise<void>)[] = []
  const close = async () => {
    for (const step of undo.splice(0).reverse()) await step()
  }
  // Networking takes longer to load than all the rest, and whoever imports the package may never want it.
  const { createDialingHost } = await import('../p2p/dialing-host.ts')
  const { LightCore } = await import('./light-core.ts')
  const { loadNodeKey } = await import('./node-key.ts')
  try {
    const database = await openDatabase(datadir)
    undo.push(() => closeDatabase(datadir, database))
    const core = await LightCore.create(
      {
        genesis: options.genesis ?? (await loadGenesis({ dev: false, genesis: undefined })),
        bootnodes,
        maxPeers,
        exchange,
        vouchers,
        privateAddresses: discoveryOptions({ bootnodes }).privateAddresses,
      },
      {
        createHost: createDialingHost,
        privateKey: await loadNodeKey(datadir),
        savedPeers: await loadPeers(datadir),
        peerStore: createPeerStore(datadir),
        store: lightStore(database, logger),
        recovery: await loadRecovery(),
        clock,
        logger,
        clientVersion: clientVersion(),
      },
    )
    undo.push(() => core.stop())
    await core.start()
    // Loaded while peers are being called.
    const { createRpc } = await import('./rpc.ts')
    const { backends, events } = core
    const { network, ...others } = backends
    const rpc = createRpc(http, {
      events,
      backends: others,
      network: network && Promise.resolve(network),
      health: () => healthOf(backends.node, datadir, { maxPeers, bootnodes }),
      clock,
      logger,
    })
    undo.push(() => rpc.stop())
    const rpcUrl = http && (await rpc.start())
    if (rpcUrl) logger.info('JSON-RPC is served', { url: rpcUrl })
    return { core, answer: rpc.answer, rpcUrl, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** What a restart begins with, in one record. */
function lightStore(database: Database, logger: Logger): LightStore {
  const key = keys.meta('light')
  return {
    async load() {
      try {
        return database.get(key)
      } catch (error) {
        if (!(error instanceof StoreError)) throw error
        // All of it can be had again.
        logger.warn(`the headers of the last run cannot be read: ${error.message}`)
        return undefined
      }
    },
    async save(snapshot) {
      const batch = database.batch()
      batch.put(key, snapshot)
      await batch.write({ sync: true })
    },
  }
}
