import { afterEach, describe, expect, it } from 'vitest'
import type { Chain } from '../../../src/chain/chain.ts'
import { keccak256Key } from '../../../src/crypto/keccak.ts'
import { type Account, encodeAccount } from '../../../src/primitives/account.ts'
import { toKey } from '../../../src/primitives/bytes.ts'
import { TxError } from '../../../src/primitives/errors.ts'
import { COIN } from '../../../src/primitives/limits.ts'
import type { RecoveredTransaction, Transaction, TransactionFields } from '../../../src/primitives/transaction.ts'
import type { GenesisAccount } from '../../../src/state/genesis-state.ts'
import { makeBlock, TEST_MINER, verdict, withTransactions } from '../../support/block-maker.ts'
import { londonEngine } from '../../support/london-engine.ts'
import { referenceRoot } from '../../support/reference-trie.ts'
import { openTestChain, recoverHere, type TestChain } from '../../support/test-chain.ts'
import { account, FUNDED_KEYS, keyAddress, testGenesis } from '../../support/test-genesis.ts'
import { signedTransfer, testKey } from '../../support/transactions.ts'

const GWEI = 1_000_000_000n
const GAS = 21_000n
const REWARD = 2n * COIN
/** The base fee of block 1. */
const BASE_FEE = (GWEI * 7n) / 8n
const FUNDS = 1000n * COIN
const STRANGER = new Uint8Array(20).fill(0x5a)

let test: TestChain
afterEach(() => test.remove())

async function open(accounts: readonly GenesisAccount[] = []): Promise<Chain> {
  test = await openTestChain({ genesis: testGenesis({ accounts }) }, londonEngine)
  return test.chain
}

const transfer = (changes: Partial<TransactionFields>, key = 1) => signedTransfer(changes, testKey(key))

/** The head's miner is `miner`. */
async function run(chain: Chain, transactions: readonly Transaction[], miner: Uint8Array = TEST_MINER): Promise<void> {
  const block = await makeBlock(chain, londonEngine, chain.head, { transactions, miner })
  expect(await verdict(chain, block)).toBe('head')
}

function at(chain: Chain, address: Uint8Array): Account | undefined {
  const account = chain.account(keccak256Key(address), chain.head.hash)
  if (account instanceof Promise) throw new Error('the chain is still getting its state back')
  return account
}

describe('a block', () => {
  it('moves value, burns the base fee, and pays tips and reward to the miner', async () => {
    const chain = await open()
    const tip = 3n
    await run(chain, [
      transfer({ to: STRANGER, value: 5n, maxPriorityFeePerGas: tip }),
      // The tip is what the cap leaves above the base fee.
      transfer({ to: STRANGER, value: 7n, maxFeePerGas: BASE_FEE + 1n, maxPriorityFeePerGas: 1_000n }, 2),
      transfer({ type: 0, to: STRANGER, value: 0n, maxFeePerGas: BASE_FEE + 9n }, 3),
    ])
    expect(await at(chain, keyAddress(1))).toMatchObject({ nonce: 1n, balance: FUNDS - 5n - GAS * (BASE_FEE + tip) })
    expect(await at(chain, keyAddress(2))).toMatchObject({ nonce: 1n, balance: FUNDS - 7n - GAS * (BASE_FEE + 1n) })
    expect(await at(chain, keyAddress(3))).toMatchObject({ nonce: 1n, balance: FUNDS - GAS * (BASE_FEE + 9n) })
    expect(await at(chain, STRANGER)).toMatchObject({ nonce: 0n, balance: 12n })
    expect(await at(chain, TEST_MINER)).toMatchObject({ balance: REWARD + GAS * (tip + 1n + 9n) })
  })

  it('has a state root that another implementation agrees with', async () => {
    const chain = await open()
    await run(chain, [transfer({ to: STRANGER }), transfer({ to: keyAddress(3), value: COIN }, 2)])
    const addresses = [...Array.from({ length: FUNDED_KEYS }, (_, i) => keyAddress(i + 1)), STRANGER, TEST_MINER]
    const entries = await Promise.all(
      addresses.map(async (address) => [keccak256Key(address), encodeAccount((await at(chain, address))!)] as const),
    )
    expect(toKey(chain.head.header.stateRoot)).toBe(await referenceRoot(entries))
  })

  it('leaves no account behind where nothing was sent', async () => {
    const chain = await open()
    await run(chain, [transfer({ to: STRANGER, value: 0n })])
    expect(await at(chain, STRANGER)).toBeUndefined()
  })

  it('removes an empty account that a transaction touches, and no other', async () => {
    const other = new Uint8Array(20).fill(0x5b)
    const chain = await open([account(STRANGER), account(other)])
    expect(await at(chain, STRANGER)).toBeDefined()
    await run(chain, [transfer({ to: STRANGER, value: 0n })])
    expect(await at(chain, STRANGER)).toBeUndefined()
    expect(await at(chain, other)).toBeDefined()
  })

  it('charges a transfer to oneself for its gas alone', async () => {
    const chain = await open()
    await run(chain, [transfer({ to: keyAddress(1), value: 50n * COIN, maxPriorityFeePerGas: 0n })])
    expect(await at(chain, keyAddress(1))).toMatchObject({ nonce: 1n, balance: FUNDS - GAS * BASE_FEE })
  })

  it('lets the receiver of a transfer spend it in the next one', async () => {
    const chain = await open()
    await run(chain, [transfer({ to: keyAddress(20), value: COIN }), transfer({ to: STRANGER }, 20)])
    expect(await at(chain, STRANGER)).toMatchObject({ balance: 1n })
    expect(await at(chain, keyAddress(20))).toMatchObject({ nonce: 1n })
  })

  it('lets its miner spend the tips of the transactions before, not of those after, nor the reward', async () => {
    const chain = await open()
    const miner = keyAddress(21)
    const generous = transfer({ maxFeePerGas: 1_000n * GWEI, maxPriorityFeePerGas: 900n * GWEI })
    // The fee cap must be covered: 21,000 x 900 gwei came in.
    const tips = GAS * 900n * GWEI
    const maxFeePerGas = 100n * GWEI
    const spend = (value: bigint) => transfer({ to: STRANGER, value, maxFeePerGas, maxPriorityFeePerGas: 0n }, 21)
    const exactly = spend(tips - GAS * maxFeePerGas)
    const make = (transactions: readonly Transaction[]) =>
      makeBlock(chain, londonEngine, chain.head, { transactions, miner })
    await expect(make([exactly, generous])).rejects.toThrow(TxError)
    await expect(make([generous, spend(tips - GAS * maxFeePerGas + 1n)])).rejects.toThrow(/insufficient-funds/)
    const early = await withTransactions(await make([generous]), [exactly, generous])
    expect(await verdict(chain, early)).toBe('bad-transaction/insufficient-funds')
    await run(chain, [generous, exactly], miner)
    expect(await at(chain, STRANGER)).toMatchObject({ balance: tips - GAS * maxFeePerGas })
    expect(await at(chain, miner)).toMatchObject({ nonce: 1n, balance: REWARD + GAS * (maxFeePerGas - BASE_FEE) })
  })

  it('has receipts of gas that add up', async () => {
    const chain = await open()
    const data = Uint8Array.of(1)
    await run(chain, [transfer({}), transfer({ type: 1, nonce: 1n, data, gasLimit: 50_000n })])
    const { receipts } = chain.store.executed(chain.head.hash)!
    expect(receipts).toEqual([
      { type: 2, status: 1, cumulativeGasUsed: GAS, logs: [] },
      { type: 1, status: 1, cumulativeGasUsed: 2n * GAS + 16n, logs: [] },
    ])
    expect(chain.head.header.gasUsed).toBe(2n * GAS + 16n)
  })

  it('keeps code and storage of accounts that it does not touch, and the reward of a miner with code', async () => {
    const contract = account(STRANGER, { code: Uint8Array.of(1), nonce: 1n, storage: [[new Uint8Array(32), 7n]] })
    const chain = await open([contract])
    const before = (await at(chain, STRANGER))!
    await run(chain, [], STRANGER)
    expect(await at(chain, STRANGER)).toEqual({ ...before, balance: REWARD })
  })
})

describe('building', () => {
  it('leaves out what does not apply, says why, and goes on', async () => {
    const chain = await open()
    const offered = [[transfer({}), transfer({ nonce: 5n }), transfer({}, 30)], [transfer({ nonce: 1n })]]
    const { header } = await makeBlock(chain, londonEngine, chain.head)
    const offers = await Promise.all(offered.map(recoverHere))
    const refused: string[] = []
    const taken: bigint[] = []
    const gasLeft: bigint[] = []
    const { block } = await chain.build(header, {
      next: (left) => {
        gasLeft.push(left)
        return (offers.shift() ?? []) as RecoveredTransaction[]
      },
      taken: ({ tx }) => taken.push(tx.nonce),
      refused: (_, { code }) => refused.push(code),
    })
    expect(refused).toEqual(['nonce-too-high', 'insufficient-funds'])
    expect(taken).toEqual([0n, 1n])
    expect(gasLeft).toEqual([0n, 1n, 2n].map((count) => header.gasLimit - count * GAS))
    expect(block.transactions.map(({ nonce }) => nonce)).toEqual([0n, 1n])
    expect(await verdict(chain, block)).toBe('head')
  })
})
