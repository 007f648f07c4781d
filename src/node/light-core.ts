import type { PrivateKey } from '@libp2p/interface'
import type { Genesis } from '../chain/genesis.ts'
import { checkLedgerRules, checkTransactionStateless } from '../chain/transaction-rules.ts'
import type { Engine } from '../consensus/engine.ts'
import { hashHeader } from '../crypto/hashes.ts'
import { keccak256 } from '../crypto/keccak.ts'
import type { Recovery } from '../crypto/recovery.ts'
import { LightClient } from '../light/client.ts'
import type { LightRules, LightStore } from '../light/types.ts'
import type { BaseHost, BaseHostOptions, HostComponents } from '../p2p/base-host.ts'
import { lightRequests } from '../p2p/light-requests.ts'
import type { PeerStore } from '../p2p/peers/connector.ts'
import type { SavedPeers } from '../p2p/peers/saved-peers.ts'
import { checkPolicy } from '../pool/admission.ts'
import { fromKey, type Key, toKey } from '../primitives/bytes.ts'
import type { Clock } from '../primitives/clock.ts'
import { UnprovenError } from '../primitives/errors.ts'
import type { HashedHeader } from '../primitives/header.ts'
import { DEFAULT_MIN_TIP } from '../primitives/limits.ts'
import type { Backends, NodeBackend, SyncProgress } from '../rpc/backend.ts'
import type { NetworkBackend } from '../rpc/network.ts'
import { buildGenesisState } from '../state/genesis-state.ts'
import { createEngine, readEngineSettings, signerRecovery } from './engine.ts'
import { lightChainBackend } from './light-chain-backend.ts'
import { lightEvents } from './light-events.ts'
import { LightNetwork } from './light-network.ts'
import { LightPool } from './light-pool-backend.ts'
import type { Logger } from './logger.ts'
import { peersBackend } from './network-backend.ts'
import { RpcEvents } from './rpc-events.ts'
import { createPacer, random } from './system.ts'

/** Blocks' worth of time after which a head is too old to answer from: nobody is so unlucky for so long. */
const MAX_HEAD_AGE_BLOCKS = 360

export interface LightCoreOptions {
  readonly genesis: Genesis
  /** Multiaddrs, with peer ids, to begin at. */
  readonly bootnodes: readonly string[]
  readonly maxPeers: number
  /** Whether peers are asked for addresses of others. */
  readonly exchange: boolean
  readonly privateAddresses: boolean
  /** Peers that must have a block before it is answered from. */
  readonly vouchers: number
}

export interface LightCoreComponents {
  readonly createHost: (options: BaseHostOptions, components: HostComponents) => Promise<BaseHost>
  readonly privateKey: PrivateKey
  readonly savedPeers: SavedPeers | undefined
  readonly peerStore: PeerStore
  /** Where the headers of the last run are; absent: nowhere. */
  readonly store?: LightStore | undefined
  readonly recovery: Recovery
  readonly clock: Clock
  readonly logger: Logger
  readonly clientVersion: string
  /** By whose rules headers are judged, where it is not the engine that the genesis names. */
  readonly engine?: Engine
}

/** A light node without its RPC: client, network, and what RPC answers from. Runs in Node and in a browser alike. */
export class LightCore {
  readonly client: LightClient
  readonly network: LightNetwork
  readonly backends: Backends
  readonly events: RpcEvents
  readonly #parts: LightCoreComponents

  /** @throws GenesisError if no engine is for this genesis; Error if a bootnode is no address. */
  static async create(options: LightCoreOptions, components: LightCoreComponents): Promise<LightCore> {
    const genesis = await genesisHeader(options.genesis)
    const network = await LightNetwork.create({ ...options, genesisHash: genesis.hash }, components)
    return new LightCore(options, components, genesis, network)
  }

  private constructor(
    options: LightCoreOptions,
    components: LightCoreComponents,
    genesis: HashedHeader,
    network: LightNetwork,
  ) {
    const { recovery, clock, logger, store } = components
    const { params, accounts } = options.genesis
    const { engine, rules, spacingSec } = judging(options.genesis, components)
    const pacer = createPacer()
    const codes = new Map<Key, Uint8Array>()
    for (const { code } of accounts) if (code.length > 0) codes.set(toKey(keccak256(code)), code)
    this.#parts = components
    this.network = network
    this.client = new LightClient(
      {
        params,
        rules,
        genesis,
        vouchers: options.vouchers,
        ...(spacingSec > 0 && { maxHeadAgeSec: MAX_HEAD_AGE_BLOCKS * spacingSec }),
      },
      {
        engine,
        requests: lightRequests(
          network.client,
          () => network.status(),
          (peer, status) => network.heard(peer, status),
        ),
        clock,
        random,
        pacer,
        recovery,
        ...(store && { store }),
        report: (peer, fault) => network.penalize(peer, fault),
        checkTransaction(tx, { gasLimit }) {
          checkTransactionStateless(tx, params.chainId)
          checkLedgerRules(tx)
          checkPolicy(tx, DEFAULT_MIN_TIP, gasLimit)
        },
        send: (raw) => network.send(raw),
        genesisCode: (codeHash) => codes.get(toKey(codeHash)),
        onError: (error) => logger.error(`light client: ${(error as Error).message}`),
      },
    )
    const { client } = this
    const pool = new LightPool({ client, recovery, pooled: (hash) => network.pooled(hash) })
    const node = this.#nodeBackend()
    this.backends = {
      chain: lightChainBackend({
        client,
        chainId: params.chainId,
        engine,
        recovery,
        pacer,
        waiting: (hash) => pool.get(hash),
      }),
      pool,
      node,
      network: this.#networkBackend(),
      light: {
        status: () => ({ ...client.status(), receivedBytes: network.receivedBytes }),
      },
    }
    this.events = new RpcEvents({ follow: lightEvents(client, pool), syncing: node.syncing, clock })
  }

  async start(): Promise<void> {
    await this.client.start()
    await this.network.start(this.client)
  }

  /** Keeps what a restart begins with. */
  async stop(): Promise<void> {
    this.events.stop()
    await this.client.stop()
    await this.network.stop()
  }

  /** Waits until it is at the head of what peers show. @returns whether it is. */
  async untilSynced(withinMs: number): Promise<boolean> {
    const ending = new AbortController()
    const cancel = this.#parts.clock.after(withinMs, () => ending.abort())
    try {
      await this.client.waitUntilSynced(ending.signal)
      return true
    } catch (error) {
      if (ending.signal.aborted) return false
      throw error
    } finally {
      cancel()
    }
  }

  #nodeBackend(): NodeBackend {
    let startingBlock: number | undefined
    return {
      clientVersion: this.#parts.clientVersion,
      syncing: (): SyncProgress | undefined => {
        const { stage, head, tip, highestClaimed } = this.client.status()
        if (stage === 'following') {
          startingBlock = undefined
          return undefined
        }
        const currentBlock = head.header.number
        startingBlock ??= currentBlock
        return {
          startingBlock,
          currentBlock,
          highestBlock: Math.max(highestClaimed, tip.header.number),
          stages: [
            { name: 'headers', block: tip.header.number },
            { name: 'vouching', block: currentBlock },
          ],
        }
      },
      untilSynced: (withinMs) => this.untilSynced(withinMs),
      listening: () => false,
      peerCount: () => this.network.sessions.length,
      mining: () => false,
      hashrate: () => 0,
      coinbase: () => undefined,
    }
  }

  #networkBackend(): NetworkBackend {
    const refuse = (): never => {
      throw new UnprovenError('not-answered', 'blocks do not come to it whole; ask a full node')
    }
    return { ...peersBackend(this.network), propagation: refuse, propagationStats: refuse }
  }
}

/** Who judges headers, and how far apart they come. */
function judging(
  genesis: Genesis,
  { engine, clock, recovery }: LightCoreComponents,
): {
  readonly engine: Engine
  readonly rules: LightRules
  readonly spacingSec: number
} {
  if (engine) return { engine, rules: undefined, spacingSec: 0 }
  const rules = readEngineSettings(genesis)
  return {
    engine: createEngine({ dev: false }, genesis, { clock, recoverSigner: signerRecovery(recovery) }),
    rules,
    spacingSec: rules.name === 'pow' ? Number(rules.spacingSec) : rules.periodSec,
  }
}

async function genesisHeader({ accounts, header }: Genesis): Promise<HashedHeader> {
  const { stateRoot } = await buildGenesisState(accounts)
  return hashHeader({ ...header, stateRoot: fromKey(stateRoot) })
}
