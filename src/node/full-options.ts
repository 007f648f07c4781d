import { rm } from 'node:fs/promises'
import type { Genesis } from '../chain/genesis.ts'
import { MAX_CARRIED_BLOCK_BYTES } from '../p2p/wire/limits.ts'
import { ConfigError } from './config.ts'
import { loadGenesis } from './genesis-file.ts'
import type { LedgerOptions } from './ledger.ts'
import type { MiningOptions } from './mining.ts'
import type { NetworkOptions } from './network-options.ts'
import { type CompleteRpcOptions, completeRpcOptions, type RpcOptions } from './rpc-options.ts'
import { makeTemporaryDirectory } from './temporary-directory.ts'

export interface FullNodeOptions extends Pick<LedgerOptions, 'stateKeeping'> {
  /** Where blocks, state and keys are kept. May be left out with `dev` alone: then the chain is gone when the node stops. */
  readonly datadir?: string
  /** Absent: that of the development network with `dev`, else the one shipped. */
  readonly genesis?: Genesis
  /** A development network: blocks on demand, ahead of the clock if need be, and methods to control it. */
  readonly dev?: boolean
  /** Where to serve JSON-RPC; absent: nowhere. */
  readonly http?: RpcOptions
  /** Absent: the node makes no blocks, unless it is a development network's. */
  readonly mining?: MiningOptions
  /** Absent: the node is alone. */
  readonly network?: NetworkOptions
}

/** With all that follows from what was given. */
export interface CompleteOptions extends LedgerOptions {
  readonly http: CompleteRpcOptions | undefined
  readonly mining: MiningOptions | undefined
  readonly network: NetworkOptions | undefined
}

/**
 * @returns the options, and what removes a temporary directory.
 * @throws ConfigError if there is no data directory, or if blocks may be larger than peers could carry; the operating system's error if a temporary one cannot be made.
 */
export async function completeOptions(
  options: FullNodeOptions,
): Promise<{ readonly options: CompleteOptions; readonly discard: () => Promise<void> }> {
  const { dev = false, datadir, stateKeeping } = options
  if (datadir === undefined && !dev) {
    throw new ConfigError('datadir: missing; only a development network can do without one')
  }
  const genesis = options.genesis ?? (await loadGenesis({ dev, genesis: undefined }))
  if (options.network !== undefined) checkBlocksTravel(genesis)
  const complete = {
    dev,
    genesis,
    ...(stateKeeping && { stateKeeping }),
    http: options.http && completeRpcOptions(options.http, { dev }),
    network: options.network,
    mining: options.mining ?? (dev ? { threads: 1 } : undefined),
  }
  if (datadir !== undefined) return { options: { ...complete, datadir }, discard: async () => undefined }
  const temporary = await makeTemporaryDirectory()
  return {
    options: { ...complete, datadir: temporary },
    discard: () => rm(temporary, { recursive: true, force: true }),
  }
}

/** A block that no peer can fetch would cut the network in two: those who made it, and all others. */
function checkBlocksTravel({ params: { maxBlockBytes } }: Genesis): void {
  if (maxBlockBytes === undefined || maxBlockBytes <= MAX_CARRIED_BLOCK_BYTES) return
  throw new ConfigError(
    `genesis: config.idobata.maxBlockBytes: ${maxBlockBytes} is more than peers can carry, ${MAX_CARRIED_BLOCK_BYTES}; lower it, or start with --no-p2p`,
  )
}
