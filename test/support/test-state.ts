import { rmSync } from 'node:fs'
import { keccak256, keccak256Key } from '../../src/crypto/keccak.ts'
import { createPacer } from '../../src/node/system.ts'
import { type Account, EMPTY_ACCOUNT } from '../../src/primitives/account.ts'
import { bigintToBytes, type Key, toKey } from '../../src/primitives/bytes.ts'
import { encodeAccountValue } from '../../src/state/account-value.ts'
import { buildGenesisState, type GenesisAccount, writeGenesisState } from '../../src/state/genesis-state.ts'
import type { AccountChange, Layer } from '../../src/state/layer.ts'
import { State } from '../../src/state/state.ts'
import { Database } from '../../src/store/database.ts'
import { temporaryDirectory } from './test-chain.ts'

/** Address number `i`. */
export function testAddress(i: number): Uint8Array {
  return bigintToBytes(BigInt(i + 1), 20)
}

export function testAccountKey(i: number): Key {
  return keccak256Key(testAddress(i))
}

/** Plain account number `i` of a genesis, with `changes`. */
export function genesisAccount(i: number, changes: Partial<GenesisAccount> = {}): GenesisAccount {
  return {
    address: testAddress(i),
    nonce: 0n,
    balance: BigInt(i + 1),
    code: new Uint8Array(0),
    storage: [],
    ...changes,
  }
}

export function plainAccount(nonce: bigint, balance: bigint): Account {
  return { ...EMPTY_ACCOUNT, nonce, balance }
}

/** A state of its own on a database of its own; blocks are numbers here. */
export class TestState {
  readonly directory: string
  database: Database
  state: State
  readonly #cacheBytes: number
  readonly #numbers = new Map<Key, number>()

  private constructor(directory: string, database: Database, cacheBytes: number) {
    this.directory = directory
    this.database = database
    this.#cacheBytes = cacheBytes
    this.#numbers.set(toKey(blockHash(0)), 0)
    this.state = this.#openState()
  }

  static async create(accounts: readonly GenesisAccount[], cacheBytes = 64 * 1024 * 1024): Promise<TestState> {
    const directory = temporaryDirectory()
    const database = await Database.open(directory)
    await writeGenesisState(database, await buildGenesisState(accounts), blockHash(0))
    return new TestState(directory, database, cacheBytes)
  }

  #openState(pacer = createPacer()): State {
    const components = { database: this.database, pacer }
    return State.open({ cacheBytes: this.#cacheBytes }, components, (hash) => this.#numbers.get(toKey(hash)))
  }

  get disk(): Layer {
    return this.state.layer(this.state.disk.blockHash)!
  }

  /** The state after block `id` on `base`. */
  async extend(base: Layer, id: number, changes: readonly AccountChange[]): Promise<Layer> {
    this.#numbers.set(toKey(blockHash(id)), base.number + 1)
    return this.state.add(await this.state.derive(base, changes), blockHash(id), base.number + 1)
  }

  /** Nothing in memory any more; what is on disk may be someone else's doing. */
  reopenState(pacer = createPacer()): State {
    this.state = this.#openState(pacer)
    return this.state
  }

  /** As after a restart of the process. */
  async reopen(): Promise<State> {
    await this.database.close()
    this.database = await Database.open(this.directory)
    return this.reopenState()
  }

  async remove(): Promise<void> {
    await this.database.close()
    rmSync(this.directory, { recursive: true, force: true })
  }
}

export function blockHash(id: number): Uint8Array {
  return keccak256(bigintToBytes(BigInt(id), 8))
}

export function change(key: Key, account: Account | undefined): AccountChange {
  return { key, value: account === undefined ? undefined : encodeAccountValue(account) }
}
