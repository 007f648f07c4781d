import { keccak256 } from '../crypto/keccak.ts'
import { EMPTY_TRIE_ROOT } from '../primitives/account.ts'
import { bytesToBigint, EMPTY_BYTES, fromHex, toKey } from '../primitives/bytes.ts'
import { EMPTY_OMMERS_HASH, type Header } from '../primitives/header.ts'
import {
  DEFAULT_GAS_LIMIT,
  DEFAULT_MAX_BLOCK_BYTES,
  INITIAL_BASE_FEE,
  MAX_GAS_LIMIT,
  MIN_GAS_LIMIT,
} from '../primitives/limits.ts'
import { EMPTY_BLOOM } from '../primitives/receipt.ts'
import type { GenesisAccount } from '../state/genesis-state.ts'
import type { ChainParams } from './types.ts'

/** A genesis that cannot be used. The message names the place in the file and what is wrong there. */
export class GenesisError extends Error {
  override readonly name = 'GenesisError'
}

/** The engine's own section of `config`, for whoever creates the engine. */
export type EngineConfig = { readonly name: string; readonly settings: JsonObject }

export interface Genesis {
  readonly params: ChainParams
  readonly engine: EngineConfig
  /** All but `stateRoot`, which follows from `accounts`. */
  readonly header: Omit<Header, 'stateRoot'>
  readonly accounts: Iterable<GenesisAccount>
  /** 32 bytes that differ when anything in the file does. */
  readonly digest: Uint8Array
}

export type JsonObject = Readonly<Record<string, unknown>>

/**
 * Reads geth's genesis.json layout. What geth does not know stands in `config.idobata`: `engine` and its settings,
 * `maxGasLimit`, `gasLimitTarget`, `maxBlockBytes`. A genesis without that section (geth's own) gets the engine `ethash`.
 * Forks up to London must be active from block 0, later ones absent: this ledger has one set of rules.
 * @throws GenesisError.
 */
export function parseGenesis(json: unknown): Genesis {
  const root = object(json, 'genesis')
  const config = object(root.config, 'config')
  for (const [name, value] of Object.entries(config)) checkFork(name, value)
  const own = config.idobata === undefined ? {} : object(config.idobata, 'config.idobata')
  const gasLimit = quantity(root.gasLimit, 'gasLimit', MAX_GAS_LIMIT)
  if (gasLimit < MIN_GAS_LIMIT) throw new GenesisError(`gasLimit: ${gasLimit} is below ${MIN_GAS_LIMIT}`)
  const foreign = config.idobata === undefined
  const params: ChainParams = {
    chainId: quantity(config.chainId, 'config.chainId', 2n ** 53n - 1n),
    maxGasLimit: optional(own.maxGasLimit, 'config.idobata.maxGasLimit', MAX_GAS_LIMIT),
    gasLimitTarget: optional(
      own.gasLimitTarget,
      'config.idobata.gasLimitTarget',
      foreign ? gasLimit : DEFAULT_GAS_LIMIT,
    ),
    maxBlockBytes: foreign
      ? undefined
      : Number(optional(own.maxBlockBytes, 'config.idobata.maxBlockBytes', BigInt(DEFAULT_MAX_BLOCK_BYTES))),
  }
  // It could only fall, by a thousandth a block: no block would ever be valid.
  if (gasLimit > params.maxGasLimit) {
    throw new GenesisError(`gasLimit: ${gasLimit} is above config.idobata.maxGasLimit, ${params.maxGasLimit}`)
  }
  return {
    params,
    engine: { name: engineName(own, foreign), settings: own },
    header: {
      parentHash: fixed(root.parentHash, 'parentHash', 32),
      ommersHash: EMPTY_OMMERS_HASH,
      miner: fixed(root.coinbase, 'coinbase', 20),
      transactionsRoot: EMPTY_TRIE_ROOT,
      receiptsRoot: EMPTY_TRIE_ROOT,
      logsBloom: EMPTY_BLOOM,
      difficulty: optional(root.difficulty, 'difficulty', 1n),
      number: 0,
      gasLimit,
      gasUsed: 0n,
      timestamp: Number(optional(root.timestamp, 'timestamp', 0n, BigInt(Number.MAX_SAFE_INTEGER))),
      extraData: root.extraData === undefined ? EMPTY_BYTES : bytes(root.extraData, 'extraData'),
      mixHash: fixed(root.mixHash, 'mixHash', 32),
      nonce: headerNonce(root.nonce),
      baseFeePerGas: optional(root.baseFeePerGas, 'baseFeePerGas', INITIAL_BASE_FEE),
    },
    accounts: parseAlloc(root.alloc === undefined ? {} : object(root.alloc, 'alloc')),
    digest: keccak256(new TextEncoder().encode(JSON.stringify(json))),
  }
}

function engineName(own: JsonObject, foreign: boolean): string {
  if (foreign) return 'ethash'
  const { engine } = own
  if (typeof engine !== 'string') throw new GenesisError('config.idobata.engine: missing, expected "pow" or "poa"')
  return engine
}

/** So that no transfer can add up to more than a balance holds. */
const MAX_TOTAL_BALANCE = 2n ** 256n - 1n

const LATER_FORKS = /^(shanghai|cancun|prague|osaka|verkle|bpo\d+|amsterdam)Time$/

function checkFork(name: string, value: unknown): void {
  if (/Block$/.test(name) && value !== undefined && value !== null) {
    if (/^(arrowGlacier|grayGlacier|mergeNetsplit|daoFork)Block$/.test(name)) return
    if (quantity(value, `config.${name}`) !== 0n) {
      throw new GenesisError(`config.${name}: must be 0, all forks up to London are active from the first block`)
    }
  }
  if (LATER_FORKS.test(name) && value !== undefined && value !== null) {
    throw new GenesisError(`config.${name}: forks after London are not supported`)
  }
}

function parseAlloc(alloc: JsonObject): GenesisAccount[] {
  const seen = new Set<string>()
  let total = 0n
  return Object.entries(alloc).map(([name, value]) => {
    const where = `alloc.${name}`
    const entry = object(value, where)
    const hex = name.toLowerCase().replace(/^0x/, '')
    if (!/^[0-9a-f]{40}$/.test(hex)) throw new GenesisError(`${where}: not an address of 20 bytes`)
    const balance = optional(entry.balance, `${where}.balance`, 0n)
    total += balance
    if (total > MAX_TOTAL_BALANCE) throw new GenesisError(`${where}.balance: all balances together exceed 256 bits`)
    if (seen.has(hex)) throw new GenesisError(`${where}: the address stands there twice`)
    seen.add(hex)
    const storage = entry.storage === undefined ? {} : object(entry.storage, `${where}.storage`)
    return {
      address: fromHex(hex),
      nonce: optional(entry.nonce, `${where}.nonce`, 0n, 2n ** 64n - 1n),
      balance,
      code: entry.code === undefined ? EMPTY_BYTES : bytes(entry.code, `${where}.code`),
      storage: parseStorage(storage, `${where}.storage`),
    }
  })
}

function parseStorage(storage: JsonObject, where: string): GenesisAccount['storage'] {
  const seen = new Set<string>()
  return Object.entries(storage).map(([name, value]) => {
    const slot = word(name, where)
    // 0x1 and 0x01 are one.
    if (seen.has(toKey(slot))) throw new GenesisError(`${where}.${name}: the slot stands there twice`)
    seen.add(toKey(slot))
    return [slot, bytesToBigint(word(value, `${where}.${name}`))] as const
  })
}

function object(value: unknown, where: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new GenesisError(`${where}: ${value === undefined ? 'missing' : 'not an object'}`)
  }
  return value as JsonObject
}

/** A number as geth writes them: JSON number, decimal string or 0x string. @throws GenesisError. */
export function quantity(value: unknown, where: string, max = 2n ** 256n - 1n): bigint {
  if (value === undefined) throw new GenesisError(`${where}: missing`)
  const isNumber = typeof value === 'number' && Number.isSafeInteger(value)
  const isText = typeof value === 'string' && /^(0x[0-9a-fA-F]+|[0-9]+)$/.test(value)
  if (!isNumber && !isText) throw new GenesisError(`${where}: not a number: ${JSON.stringify(value)}`)
  const parsed = BigInt(value)
  if (parsed < 0n || parsed > max) throw new GenesisError(`${where}: ${parsed} is not within 0 and ${max}`)
  return parsed
}

function optional(value: unknown, where: string, otherwise: bigint, max?: bigint): bigint {
  return value === undefined || value === null ? otherwise : quantity(value, where, max)
}

function bytes(value: unknown, where: string): Uint8Array {
  if (typeof value !== 'string' || !/^(0x)?([0-9a-fA-F]{2})*$/.test(value)) {
    throw new GenesisError(`${where}: not hex bytes: ${JSON.stringify(value)?.slice(0, 80)}`)
  }
  return fromHex(value)
}

function fixed(value: unknown, where: string, length: number): Uint8Array {
  if (value === undefined || value === null) return new Uint8Array(length)
  const parsed = bytes(value, where)
  if (parsed.length !== length) throw new GenesisError(`${where}: ${parsed.length} bytes, expected ${length}`)
  return parsed
}

/** geth writes the header nonce as a number. */
function headerNonce(value: unknown): Uint8Array {
  const nonce = new Uint8Array(8)
  new DataView(nonce.buffer).setBigUint64(0, optional(value, 'nonce', 0n, 2n ** 64n - 1n))
  return nonce
}

/** A storage slot or value: up to 32 bytes, padded on the left. */
function word(value: unknown, where: string): Uint8Array {
  const digits = typeof value === 'string' ? value.replace(/^0x/, '') : ''
  if (typeof value !== 'string' || !/^[0-9a-fA-F]{0,64}$/.test(digits)) {
    throw new GenesisError(`${where}: not a word of 32 bytes: ${JSON.stringify(value)?.slice(0, 80)}`)
  }
  return fromHex(digits.padStart(64, '0'))
}
