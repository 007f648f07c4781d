import { rmSync } from 'node:fs'
import { expect, it } from 'vitest'
import { keccak256Key } from '../../../src/crypto/keccak.ts'
import { bigintToBytes } from '../../../src/primitives/bytes.ts'
import { buildGenesisState, writeGenesisState } from '../../../src/state/genesis-state.ts'
import { State } from '../../../src/state/state.ts'
import { Database } from '../../../src/store/database.ts'
import { temporaryDirectory } from '../../support/test-chain.ts'
import { account } from '../../support/test-genesis.ts'

const ACCOUNTS = 30_000
const CACHE_BYTES = 512 * 1024

it.each(['together', 'one by one'])(
  'reading any number of accounts %s takes no more memory than is allowed for',
  async (how) => {
    const directory = temporaryDirectory()
    const database = await Database.open(directory)
    const addresses = Array.from({ length: ACCOUNTS }, (_, i) => bigintToBytes(BigInt(i + 1_000), 20))
    const genesis = await buildGenesisState(addresses.map((address) => account(address, { balance: 1n })))
    const hash = new Uint8Array(32).fill(1)
    await writeGenesisState(database, genesis, hash)
    const state = State.open({ cacheBytes: CACHE_BYTES }, { database, pacer: { pause: () => undefined } }, () => 0)
    const layer = state.layer(hash)!
    let most = 0
    for (let i = 0; i < ACCOUNTS; i += 50) {
      const keys = addresses.slice(i, i + 50).map((address) => keccak256Key(address))
      const found =
        how === 'together' ? await state.read(layer, keys) : keys.map((key) => state.readOne(layer.blockHash, key))
      expect(found.every((one) => one?.balance === 1n)).toBe(true)
      most = Math.max(most, state.memoryBytes)
    }
    // It is brought back by sixteenths, one at a time. All of them take six times as much.
    expect(most).toBeLessThan(2 * CACHE_BYTES)
    await database.close()
    rmSync(directory, { recursive: true })
  },
)
