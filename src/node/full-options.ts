import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Genesis } from '../chain/genesis.ts'
import type { RpcServerOptions } from '../rpc/server.ts'
import { ConfigError } from './config.ts'
import { loadGenesis } from './genesis-file.ts'
import type { LedgerOptions } from './ledger.ts'
import type { MiningOptions } from './mining.ts'

export interface FullNodeOptions extends Pick<LedgerOptions, 'stateKeeping'> {
  /** Where blocks, state and keys are kept. May be left out with `dev` alone: then the chain is gone when the node stops. */
  readonly datadir?: string
  /** Absent: that of the development network with `dev`, else the one shipped. */
  readonly genesis?: Genesis
  /** A development network: blocks on demand, ahead of the clock if need be, and methods to control it. */
  readonly dev?: boolean
  /** Where to serve JSON-RPC; absent: nowhere. */
  readonly http?: RpcServerOptions
  /** Absent: the node makes no blocks, unless it is a development network's. */
  readonly mining?: MiningOptions
}

/** With all that follows from what was given. */
export type CompleteOptions = FullNodeOptions & LedgerOptions

/**
 * @returns the options, and what removes a temporary directory.
 * @throws ConfigError if there is no data directory; the operating system's error if a temporary one cannot be made.
 */
export async function completeOptions(
  options: FullNodeOptions,
): Promise<{ readonly options: CompleteOptions; readonly discard: () => Promise<void> }> {
  const { dev = false } = options
  const genesis = options.genesis ?? (await loadGenesis({ dev, genesis: undefined }))
  const mining = options.mining ?? (dev ? { threads: 1 } : undefined)
  const complete = { ...options, dev, genesis, ...(mining && { mining }) }
  const { datadir } = options
  if (datadir !== undefined) return { options: { ...complete, datadir }, discard: async () => undefined }
  if (!dev) throw new ConfigError('datadir: missing; only a development network can do without one')
  const temporary = await mkdtemp(join(tmpdir(), 'idobata-dev-'))
  return {
    options: { ...complete, datadir: temporary },
    discard: () => rm(temporary, { recursive: true, force: true }),
  }
}
