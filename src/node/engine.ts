import { type Genesis, GenesisError, type JsonObject, quantity } from '../chain/genesis.ts'
import type { Engine } from '../consensus/engine.ts'
import { type Evidence, SealEvidence } from '../consensus/evidence.ts'
import { type BlockSigner, createPoa } from '../consensus/poa.ts'
import { createPow, type NonceSearch, type PowParams } from '../consensus/pow.ts'
import type { Recovery } from '../crypto/recovery.ts'
import { recoverSigner } from '../crypto/sender.ts'
import type { SignedHash } from '../crypto/signers-question.ts'
import { fromHex, toKey } from '../primitives/bytes.ts'
import type { Clock } from '../primitives/clock.ts'
import { COIN, MAX_FUTURE_SECONDS } from '../primitives/limits.ts'
import type { SealRecords } from './seal-records.ts'

export interface EngineOptions {
  /** A development network: headers may be ahead of the clock. */
  readonly dev: boolean
}

export interface EngineComponents {
  readonly clock: Clock
  /** As `PoaComponents.recoverSigner`. */
  readonly recoverSigner: (hash: Uint8Array, signature: Uint8Array) => Uint8Array | undefined
  /** As `PoaComponents.recoverSigners`. */
  readonly recoverSigners?: (signed: readonly SignedHash[]) => Promise<readonly (Uint8Array | undefined)[]>
  /** Told of signers that contradict themselves; absent: nobody looks for them. */
  readonly onEvidence?: (evidence: Evidence) => void
  /** Both only in a node that makes blocks. */
  readonly nonceSearch?: NonceSearch | undefined
  readonly signer?: BlockSigner | undefined
  /** Absent: nothing is kept beyond this run. */
  readonly sealRecords?: SealRecords
}

/** Members of `config.idobata` that every engine shares. */
const SHARED_SETTINGS = ['engine', 'maxGasLimit', 'gasLimitTarget', 'maxBlockBytes']
const MAX_DEPTH = 2n ** 32n
const MAX_SECONDS = 2n ** 32n
/** Wei; so that 2^64 blocks of it fit a balance. */
const MAX_REWARD = 2n ** 128n

export type EngineSettings =
  | ({ readonly name: 'pow' } & PowParams)
  | {
      readonly name: 'poa'
      readonly signers: readonly Uint8Array[]
      readonly periodSec: number
      readonly accountOverrides: boolean
    }

/** @throws GenesisError if the genesis names no engine of ours, or a setting that the engine does not have. */
export function readEngineSettings({ engine: { name, settings }, header }: Genesis): EngineSettings {
  if (name === 'pow') return readPow(settings, header.difficulty)
  if (name === 'poa') return readPoa(settings)
  throw new GenesisError(
    name === 'ethash'
      ? "config.idobata: missing; Ethereum's own proof of work is not checked here"
      : `config.idobata.engine: "${name}" is neither "pow" nor "poa"`,
  )
}

/** @throws GenesisError as `readEngineSettings`. */
export function createEngine({ dev }: EngineOptions, genesis: Genesis, components: EngineComponents): Engine {
  const settings = readEngineSettings(genesis)
  const { clock, recoverSigner, recoverSigners, nonceSearch, signer, onEvidence, sealRecords } = components
  if (settings.name === 'pow') return createPow(settings, nonceSearch ? { nonceSearch } : {})
  const sealing = signer && { signer }
  // Whoever goes back and on another way seals every height again: under --dev that is no evidence of anything.
  if (dev) return createPoa({ ...settings, maxFutureSeconds: undefined }, { clock, recoverSigner, ...sealing })
  const evidence = onEvidence && new SealEvidence(onEvidence, sealRecords?.conflictingFinal)
  const remembering = sealRecords && { highestSealed: sealRecords.highestSealed }
  return createPoa(
    { ...settings, maxFutureSeconds: MAX_FUTURE_SECONDS },
    {
      clock,
      recoverSigner,
      ...(recoverSigners && { recoverSigners }),
      ...(evidence && { evidence }),
      ...sealing,
      ...remembering,
    },
  )
}

/** How poa finds out who signed. */
export function signerRecovery(recovery: Recovery): EngineComponents['recoverSigner'] {
  return (hash, signature) => recoverSigner(recovery, hash, signature)
}

function readPow(settings: JsonObject, genesisDifficulty: bigint): EngineSettings {
  checkNames(settings, ['spacing', 'halfLife', 'reward', 'safeDepth', 'finalizedDepth'])
  if (genesisDifficulty < 1n) throw new GenesisError('difficulty: must be at least 1')
  const safeDepth = setting(settings, 'safeDepth', 12n, 0n, MAX_DEPTH)
  return {
    name: 'pow',
    genesisDifficulty,
    spacingSec: setting(settings, 'spacing', 10n, 1n, MAX_SECONDS),
    halfLifeSec: setting(settings, 'halfLife', 2_880n, 1n, MAX_SECONDS),
    rewardWei: setting(settings, 'reward', 2n * COIN, 0n, MAX_REWARD),
    safeDepth: Number(safeDepth),
    finalizedDepth: Number(setting(settings, 'finalizedDepth', 64n, safeDepth, MAX_DEPTH)),
  }
}

function readPoa(settings: JsonObject): EngineSettings {
  checkNames(settings, ['signers', 'period', 'accountOverrides'])
  const periodSec = Number(setting(settings, 'period', 5n, 0n, MAX_SECONDS))
  const { accountOverrides = false } = settings
  if (typeof accountOverrides !== 'boolean') {
    throw new GenesisError('config.idobata.accountOverrides: neither true nor false')
  }
  return { name: 'poa', signers: readSigners(settings.signers), periodSec, accountOverrides }
}

function readSigners(value: unknown): Uint8Array[] {
  const where = 'config.idobata.signers'
  if (!Array.isArray(value) || value.length === 0)
    throw new GenesisError(`${where}: not a list of at least one address`)
  const seen = new Set<string>()
  return value.map((entry, index) => {
    if (typeof entry !== 'string' || !/^0x[0-9a-fA-F]{40}$/.test(entry)) {
      throw new GenesisError(`${where}[${index}]: not an address: ${JSON.stringify(entry)}`)
    }
    const address = fromHex(entry)
    if (seen.has(toKey(address))) throw new GenesisError(`${where}[${index}]: the address stands there twice`)
    seen.add(toKey(address))
    return address
  })
}

function setting(settings: JsonObject, name: string, otherwise: bigint, least: bigint, most: bigint): bigint {
  if (settings[name] === undefined) return otherwise
  const where = `config.idobata.${name}`
  const value = quantity(settings[name], where, most)
  if (value < least) throw new GenesisError(`${where}: ${value} is below ${least}`)
  return value
}

/** A misspelt setting would otherwise be another network without anybody noticing. */
function checkNames(settings: JsonObject, own: readonly string[]): void {
  const known = [...SHARED_SETTINGS, ...own]
  const unknown = Object.keys(settings).find((name) => !known.includes(name))
  if (unknown !== undefined) throw new GenesisError(`config.idobata.${unknown}: not a setting of this engine`)
}
