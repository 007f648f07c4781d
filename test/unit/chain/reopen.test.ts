import { cpSync, rmSync } from 'node:fs'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { encodeSteps } from '../../../src/chain/account-journal.ts'
import { Chain } from '../../../src/chain/chain.ts'
import { keccak256Key } from '../../../src/crypto/keccak.ts'
import { createPacer, systemClock } from '../../../src/node/system.ts'
import type { Block } from '../../../src/primitives/block.ts'
import { bigintToBytes, toHex } from '../../../src/primitives/bytes.ts'
import { StoreError } from '../../../src/primitives/errors.ts'
import type { HashedHeader } from '../../../src/primitives/header.ts'
import { checkState } from '../../../src/state/check.ts'
import { Database } from '../../../src/store/database.ts'
import { keys, rangeOf } from '../../../src/store/schema.ts'
import { makeBlock } from '../../support/block-maker.ts'
import { londonEngine } from '../../support/london-engine.ts'
import { openTestChain, recoverHere, type TestChain, temporaryDirectory } from '../../support/test-chain.ts'
import { account, keyAddress, testGenesis } from '../../support/test-genesis.ts'
import { signedTransfer, testKey } from '../../support/transactions.ts'

const genesis = testGenesis()
const STRANGER = new Uint8Array(20).fill(0x5a)
let test: TestChain
afterEach(() => test.remove())

async function extend(chain: Chain, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const { nonce } = (await chain.account(keccak256Key(keyAddress(1)), chain.head.hash))!
    const transactions = [signedTransfer({ nonce, to: STRANGER })]
    await chain.import(await makeBlock(chain, londonEngine, chain.head, { transactions }))
  }
}

async function summary(chain: Chain) {
  const stranger = await chain.account(keccak256Key(STRANGER), chain.head.hash)
  return { head: toHex(chain.head.hash), total: chain.head.totalDifficulty, balance: stranger?.balance }
}

function fail(what: string): never {
  throw new Error(what)
}

async function reopen(given = genesis): Promise<void> {
  const { directory } = test
  test = await openTestChain({ genesis: given }, londonEngine, { directory })
}

async function stop(): Promise<void> {
  await test.chain.close()
  await test.database.close()
}

/** The error with which the chain of this directory is refused; leaves `test` closed. */
async function refusal(given = genesis): Promise<StoreError> {
  const database = await Database.open(test.directory)
  const components = { database, engine: londonEngine, clock: systemClock, pacer: createPacer(), recover: recoverHere }
  const error = await Chain.open({ genesis: given }, components).catch((thrown) => thrown)
  await database.close()
  expect(error).toBeInstanceOf(StoreError)
  return error
}

const CROWD = Array.from({ length: 500 }, (_, i) => account(bigintToBytes(BigInt(i + 1000), 20), { balance: 1n }))
/** So many accounts that every sixteenth of the state has several. */
const crowded = testGenesis({ accounts: CROWD })

/** A block of transfers to accounts of the crowd, the `round`th that the senders are in. */
async function crowd(chain: Chain, parent: HashedHeader, round: number, skip = 0): Promise<Block> {
  const transactions = [1, 2, 3, 4, 5, 6].flatMap((key) =>
    [0, 1, 2, 3].map((n) =>
      signedTransfer(
        { nonce: BigInt(4 * round + n), to: CROWD[skip + 60 * round + 10 * key + n]!.address },
        testKey(key),
      ),
    ),
  )
  const block = await makeBlock(chain, londonEngine, parent, { transactions })
  await chain.import(block)
  return block
}

/** Directories as kills would leave them, at every moment of the flush with which a chain closes after `work`. */
async function duringFlush(work: () => Promise<void>): Promise<string[]> {
  const copies: string[] = []
  let copying = false
  const pause = () => {
    if (copying) cpSync(test.directory, copies[copies.push(temporaryDirectory()) - 1]!, { recursive: true })
    return undefined
  }
  test = await openTestChain({ genesis: crowded }, londonEngine, { pacer: { pause } })
  await work()
  copying = true
  await test.chain.close()
  copying = false
  return copies
}

async function expectWhole(directories: readonly string[], leastInterrupted: number): Promise<void> {
  const { hash, header } = test.chain.head
  const crowdKeys = CROWD.map(({ address }) => keccak256Key(address))
  const expected = await test.chain.accounts(crowdKeys, hash)
  let interrupted = 0
  for (const directory of directories) {
    rmSync(`${directory}/LOCK`, { force: true })
    const copy = await Database.open(directory)
    if (copy.get(keys.meta('flush')) !== undefined) interrupted++
    await copy.close()
    const again = await openTestChain({ genesis: crowded }, londonEngine, { directory })
    expect(again.chain.head.hash).toEqual(hash)
    // Before its state is there, and afterwards.
    expect(await again.chain.accounts(crowdKeys, hash)).toEqual(expected)
    await again.chain.recovered()
    expect(await again.chain.accounts(crowdKeys, hash)).toEqual(expected)
    const child = await makeBlock(again.chain, londonEngine, again.chain.head, {
      transactions: [signedTransfer({ nonce: BigInt(4 * header.number), to: STRANGER })],
    })
    expect(await again.chain.import(child)).toBe('head')
    await again.chain.close()
    // The crowd, six senders, who mines and the stranger.
    expect(await checkState(again.database, child.header.stateRoot, fail, () => {})).toMatchObject({ accounts: 508 })
    await again.remove()
  }
  expect(interrupted).toBeGreaterThan(leastInterrupted)
}

describe('a chain opened again', () => {
  it('is where it was, after a clean stop', async () => {
    test = await openTestChain({ genesis }, londonEngine)
    await extend(test.chain, 5)
    const before = await summary(test.chain)
    expect(before.balance).toBe(5n)
    await stop()
    await reopen()
    expect(await summary(test.chain)).toEqual(before)
    await extend(test.chain, 1)
    expect(await summary(test.chain)).toMatchObject({ balance: 6n })
  })

  it('is where it was, after a kill', async () => {
    test = await openTestChain({ genesis }, londonEngine)
    await extend(test.chain, 5)
    const before = await summary(test.chain)
    const directory = temporaryDirectory()
    cpSync(test.directory, directory, { recursive: true })
    await test.remove()
    test = await openTestChain({ genesis }, londonEngine, { directory })
    expect(await summary(test.chain)).toEqual(before)
    await extend(test.chain, 1)
  })

  it('answers nothing any more once its journals turn out to lead elsewhere', async () => {
    test = await openTestChain({ genesis }, londonEngine)
    await extend(test.chain, 3)
    const directory = temporaryDirectory()
    cpSync(test.directory, directory, { recursive: true })
    const { hash, header } = test.chain.head
    const { database } = test
    const child = await makeBlock(test.chain, londonEngine, test.chain.head, { transactions: [] })
    await database.close()
    const copy = await Database.open(directory)
    const batch = copy.batch()
    batch.put(
      keys.journal(header.number, hash),
      encodeSteps([{ key: keccak256Key(STRANGER), before: undefined, after: undefined }]),
    )
    await batch.write({ sync: true })
    await copy.close()
    test = await openTestChain({ genesis }, londonEngine, { directory })
    await expect(test.chain.import(child)).rejects.toThrow(StoreError)
    await expect(test.chain.recovered()).rejects.toThrow('does not lead to its state')
    await expect(test.chain.account(keccak256Key(keyAddress(1)), hash)).rejects.toThrow(StoreError)
  })

  it('is where it was, after a kill at any moment of a flush', async () => {
    const directories = await duringFlush(async () => {
      for (let i = 0; i < 3; i++) await crowd(test.chain, test.chain.head, i)
    })
    await expectWhole(directories, 10)
  })

  it('is where it was, after a kill at any moment of a flush that leaves a branch', async () => {
    // Heavier, and of transfers to other accounts.
    const other = await openTestChain({ genesis: crowded }, londonEngine)
    const branch: Block[] = []
    for (let i = 0; i < 3; i++) branch.push(await crowd(other.chain, other.chain.head, i, 200))
    await other.remove()
    const directories = await duringFlush(async () => {
      for (let i = 0; i < 2; i++) await crowd(test.chain, test.chain.head, i)
      // The state on disk is that of the branch to be left.
      await test.chain.close()
      for (const block of branch) await test.chain.import(block)
      expect(test.chain.head.hash).toEqual(branch.at(-1)!.hash)
    })
    await expectWhole(directories, 10)
  })

  it('takes no genesis but its own, and changes nothing when it refuses', async () => {
    test = await openTestChain({ genesis }, londonEngine)
    await extend(test.chain, 2)
    const before = await summary(test.chain)
    await stop()
    const error = await refusal(testGenesis({ accounts: [account(STRANGER, { balance: 1n })] }))
    expect(error.message).toMatch(/^the database is of another genesis: 0x[0-9a-f]{8}…, not 0x[0-9a-f]{8}…$/)
    expect(error.remedy).toMatch(/--genesis.*--datadir/)
    await reopen()
    expect(await summary(test.chain)).toEqual(before)
  })

  it('takes no rules but those its blocks were judged by, though the genesis block is the same', async () => {
    test = await openTestChain({ genesis }, londonEngine)
    await extend(test.chain, 1)
    await stop()
    const { params } = genesis
    const error = await refusal(testGenesis({ params: { ...params, maxBlockBytes: 1_000_000 } }))
    expect(error.message).toMatch('other rules')
    // What miners steer to is no rule.
    await reopen(testGenesis({ params: { ...params, gasLimitTarget: 1_000_000n } }))
    expect(test.chain.head.header.number).toBe(1)
  })

  it('does not build its genesis again while the file is the same', async () => {
    test = await openTestChain({ genesis }, londonEngine)
    await stop()
    const accounts = vi.fn(() => genesis.accounts[Symbol.iterator]())
    await reopen({ ...genesis, accounts: { [Symbol.iterator]: accounts } })
    expect(accounts).not.toHaveBeenCalled()
    await stop()
    // Another file of the same meaning.
    await reopen({ ...genesis, digest: new Uint8Array(32), accounts: { [Symbol.iterator]: accounts } })
    expect(accounts).toHaveBeenCalled()
    expect(test.chain.head.header.number).toBe(0)
  })

  it('takes no database of another layout', async () => {
    test = await openTestChain({ genesis }, londonEngine)
    const batch = test.database.batch()
    batch.put(keys.meta('version'), Uint8Array.of(200))
    await batch.write({ sync: true })
    await stop()
    expect((await refusal()).message).toMatch(/layout version 200/)
    rmSync(test.directory, { recursive: true })
    await reopen()
  })

  it('builds its state anew when it was stopped while doing so', async () => {
    test = await openTestChain({ genesis }, londonEngine)
    await extend(test.chain, 4)
    const before = await summary(test.chain)
    await test.chain.close()
    const batch = test.database.batch()
    batch.put(keys.meta('rebuilding'), Uint8Array.of(1))
    await batch.write({ sync: true })
    // As far as it had come: the old nodes are gone, the new ones not there yet.
    await test.database.clear(rangeOf('trieNode'))
    await test.database.close()
    await reopen()
    expect(await summary(test.chain)).toEqual(before)
    expect(test.database.get(keys.meta('rebuilding'))).toBeUndefined()
  })
})
