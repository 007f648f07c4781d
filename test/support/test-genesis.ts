import type { Genesis } from '../../src/chain/genesis.ts'
import type { ChainParams } from '../../src/chain/types.ts'
import { keccak256 } from '../../src/crypto/keccak.ts'
import { privateKeyToAddress } from '../../src/crypto/noble.ts'
import { toHex } from '../../src/primitives/bytes.ts'
import type { Header } from '../../src/primitives/header.ts'
import { COIN, MAX_GAS_LIMIT } from '../../src/primitives/limits.ts'
import type { GenesisAccount } from '../../src/state/genesis-state.ts'
import { headerWith } from './header-chain.ts'
import { TEST_CHAIN_ID, testKey } from './transactions.ts'

/** Accounts of keys 1 to this have 1000 coins each. */
export const FUNDED_KEYS = 6

const addresses = Array.from({ length: 40 }, (_, i) => privateKeyToAddress(testKey(i + 1)))

/** Address of key number `i`, from 1 to 40. */
export function keyAddress(i: number): Uint8Array {
  return addresses[i - 1]!
}

export function account(address: Uint8Array, changes: Partial<GenesisAccount> = {}): GenesisAccount {
  return { address, nonce: 0n, balance: 0n, code: new Uint8Array(0), storage: [], ...changes }
}

export interface TestGenesisOptions {
  readonly params?: Partial<ChainParams>
  readonly header?: Partial<Header>
  /** Beside the funded ones. */
  readonly accounts?: readonly GenesisAccount[]
}

export function testGenesis({ params = {}, header = {}, accounts = [] }: TestGenesisOptions = {}): Genesis {
  const funded = addresses.slice(0, FUNDED_KEYS).map((address) => account(address, { balance: 1000n * COIN }))
  const { stateRoot: _, ...fields } = headerWith({ difficulty: 131_072n, ...header })
  const whole = { params: { ...DEFAULT_PARAMS, ...params }, fields, accounts: [...funded, ...accounts] }
  return {
    params: whole.params,
    engine: { name: 'test', settings: {} },
    header: fields,
    accounts: whole.accounts,
    digest: keccak256(new TextEncoder().encode(JSON.stringify(whole, plainJson))),
  }
}

const DEFAULT_PARAMS: ChainParams = {
  chainId: TEST_CHAIN_ID,
  maxGasLimit: MAX_GAS_LIMIT,
  gasLimitTarget: 30_000_000n,
  maxBlockBytes: undefined,
}

function plainJson(_name: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`
  return value instanceof Uint8Array ? toHex(value) : value
}
