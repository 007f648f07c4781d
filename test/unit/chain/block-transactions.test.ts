import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Chain } from '../../../src/chain/chain.ts'
import { hashBlock } from '../../../src/crypto/hashes.ts'
import { decodeBlock, encodeBlock } from '../../../src/primitives/block.ts'
import { bytesToBigint, concatBytes } from '../../../src/primitives/bytes.ts'
import { TxError } from '../../../src/primitives/errors.ts'
import { encodeHeader } from '../../../src/primitives/header.ts'
import { COIN, MAX_TRANSACTION_BYTES } from '../../../src/primitives/limits.ts'
import { encodeRlp, encodeRlpList } from '../../../src/primitives/rlp.ts'
import {
  assembleTransaction,
  signatureOf,
  type Transaction,
  type TransactionFields,
} from '../../../src/primitives/transaction.ts'
import { makeBlock, verdict, withHeader, withTransactions } from '../../support/block-maker.ts'
import { londonEngine } from '../../support/london-engine.ts'
import { openTestChain, type TestChain } from '../../support/test-chain.ts'
import { account, keyAddress, testGenesis } from '../../support/test-genesis.ts'
import { signedTransfer, TEST_CHAIN_ID, testKey, transferFields } from '../../support/transactions.ts'

const GROUP_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
const CODE = Uint8Array.of(0x60, 0x00)
const CONTRACT = new Uint8Array(20).fill(0xcc)
const GWEI = 1_000_000_000n
/** The base fee of block 1. */
const BASE_FEE = (GWEI * 7n) / 8n
/** What `transferFields` may cost besides its value: the fee cap counts, not what is charged. */
const PLAIN_COST = 21_000n * 2n * GWEI
const ALL_BUT_LAST_NONCE = 2n ** 64n - 2n

let test: TestChain
let chain: Chain

beforeEach(async () => {
  const accounts = [
    account(CONTRACT, { code: CODE, nonce: 1n }),
    account(keyAddress(11), { balance: PLAIN_COST + 1n }),
    account(keyAddress(12), { balance: PLAIN_COST }),
    account(keyAddress(13), { balance: COIN, code: CODE }),
    account(keyAddress(14), { balance: COIN, nonce: ALL_BUT_LAST_NONCE }),
  ]
  test = await openTestChain({ genesis: testGenesis({ accounts }) }, londonEngine)
  chain = test.chain
})
afterEach(() => test.remove())

/** A block of these on the head, as far as they can stand in one. */
async function judge(...transactions: readonly Transaction[]): Promise<string> {
  try {
    return await verdict(chain, await makeBlock(chain, londonEngine, chain.head, { transactions }))
  } catch (error) {
    if (!(error instanceof TxError)) throw error
  }
  return verdict(chain, await withTransactions(await makeBlock(chain, londonEngine, chain.head), transactions))
}

const transfer = (changes: Partial<TransactionFields>, key?: number) => signedTransfer(changes, testKey(key ?? 1))

function address(last: number): Uint8Array {
  return new Uint8Array(20).with(19, last)
}

describe('a transaction in a block', () => {
  it.each([0, 1, 2] as const)('of type %i brings its intrinsic gas', async (type) => {
    const same = { type, maxPriorityFeePerGas: 2n * GWEI }
    expect(await judge(transfer({ ...same, gasLimit: 20_999n }))).toBe('bad-transaction/intrinsic-gas')
    expect(await judge(transfer({ ...same, gasLimit: 21_000n }))).toBe('head')
  })

  it('pays for each byte and each access list entry', async () => {
    const data = Uint8Array.of(0, 0, 7)
    const accessList = [{ address: CONTRACT, storageKeys: [new Uint8Array(32), new Uint8Array(32)] }]
    const needed = 21_000n + 4n + 4n + 16n + 2_400n + 2n * 1_900n
    for (const gasLimit of [needed - 1n, needed]) {
      const expected = gasLimit < needed ? 'bad-transaction/intrinsic-gas' : 'head'
      expect(await judge(transfer({ data, accessList, gasLimit }))).toBe(expected)
    }
    expect(chain.head.header.gasUsed).toBe(needed)
  })

  it('has the nonce of its sender', async () => {
    expect(await judge(transfer({ nonce: 1n }))).toBe('bad-transaction/nonce-too-high')
    expect(await judge(transfer({ nonce: 0n }), transfer({ nonce: 1n }))).toBe('head')
    expect(await judge(transfer({ nonce: 1n }))).toBe('bad-transaction/nonce-too-low')
    expect(await judge(transfer({ nonce: 3n }))).toBe('bad-transaction/nonce-too-high')
    expect(await judge(transfer({ nonce: 2n }))).toBe('head')
  })

  it('may have the nonce 2^64 - 2, and none after it', async () => {
    expect(await judge(transfer({ nonce: ALL_BUT_LAST_NONCE }, 14))).toBe('head')
    expect(await judge(transfer({ nonce: ALL_BUT_LAST_NONCE + 1n }, 14))).toBe('bad-transaction/nonce-max')
  })

  it('is covered to the wei by its sender’s balance, at the fee cap', async () => {
    expect(await judge(transfer({ value: 2n }, 11))).toBe('bad-transaction/insufficient-funds')
    expect(await judge(transfer({ value: 1n }, 12))).toBe('bad-transaction/insufficient-funds')
    expect(await judge(transfer({ value: 1n }, 11), transfer({ value: 0n }, 12))).toBe('head')
    expect(await judge(transfer({}, 40))).toBe('bad-transaction/insufficient-funds')
  })

  it('pays at least the base fee, and no tip above its cap', async () => {
    const maxPriorityFeePerGas = 0n
    const below = transfer({ maxPriorityFeePerGas, maxFeePerGas: BASE_FEE - 1n })
    expect(await judge(below)).toBe('bad-transaction/fee-below-base-fee')
    const fields = { maxFeePerGas: BASE_FEE, maxPriorityFeePerGas: BASE_FEE + 1n }
    expect(await judge(transfer(fields))).toBe('bad-transaction/tip-above-fee-cap')
    expect(await judge(transfer({ ...fields, maxPriorityFeePerGas: BASE_FEE }))).toBe('head')
  })

  it('fits what the block has left', async () => {
    const { gasLimit } = chain.head.header
    expect(await judge(transfer({ gasLimit: gasLimit + 1n }))).toBe('bad-transaction/gas-above-block')
    const left = gasLimit - 21_000n
    const second = (changes: Partial<TransactionFields>) => judge(transfer({}), transfer({ nonce: 1n, ...changes }))
    expect(await second({ gasLimit: left + 1n })).toBe('bad-transaction/gas-above-block')
    expect(await second({ gasLimit: left })).toBe('head')
  })

  it('has a low s', async () => {
    const low = transfer({})
    const { r, s } = signatureOf(low)
    const signature = {
      r: bytesToBigint(r),
      s: GROUP_ORDER - bytesToBigint(s),
      yParity: low.yParity === 0 ? (1 as const) : (0 as const),
    }
    expect(await judge(assembleTransaction(transferFields(), signature))).toBe('bad-transaction/invalid-signature')
    expect(await judge(low)).toBe('head')
  })

  it('is for this chain, or an old one for any', async () => {
    for (const type of [0, 1, 2] as const) {
      const elsewhere = transfer({ type, chainId: TEST_CHAIN_ID + 1n })
      expect(await judge(elsewhere)).toBe('bad-transaction/wrong-chain-id')
    }
    expect(await judge(transfer({ type: 0, chainId: undefined }), transfer({ nonce: 1n, type: 0 }))).toBe('head')
  })

  it('goes to no code, to no precompile, and creates no contract', async () => {
    expect(await judge(transfer({ to: CONTRACT }))).toBe('bad-transaction/recipient-has-code')
    expect(await judge(transfer({ to: address(1) }))).toBe('bad-transaction/recipient-is-precompile')
    expect(await judge(transfer({ to: address(9) }))).toBe('bad-transaction/recipient-is-precompile')
    expect(await judge(transfer({ to: undefined, gasLimit: 100_000n }))).toBe('bad-transaction/contract-creation')
    const allowed = [address(0), address(10), new Uint8Array(20).with(0, 1), new Uint8Array(20).with(18, 1)]
    expect(await judge(...allowed.map((to, i) => transfer({ to, nonce: BigInt(i) })))).toBe('head')
  })

  it('comes from no account with code', async () => {
    expect(await judge(transfer({}, 13))).toBe('bad-transaction/sender-has-code')
    expect(await judge(transfer({ to: keyAddress(13) }))).toBe('bad-transaction/recipient-has-code')
  })

  it('is named by its place among the others', async () => {
    const valid = [transfer({}), transfer({ nonce: 1n })]
    const child = await makeBlock(chain, londonEngine, chain.head)
    const block = await withTransactions(child, [...valid, transfer({ nonce: 7n })])
    await expect(chain.import(block)).rejects.toMatchObject({ facts: { index: 2, nonce: 7n, expected: 2n } })
  })

  it('stands in the order that the root commits to', async () => {
    const transactions = [transfer({}), transfer({}, 2)]
    const block = await makeBlock(chain, londonEngine, chain.head, { transactions })
    const swapped = await withTransactions(block, transactions.toReversed())
    const { transactionsRoot } = block.header
    expect(await verdict(chain, withHeader(swapped, { transactionsRoot }))).toBe('bad-transactions-root')
  })
})

describe('sizes', () => {
  /** Of `bytes` in all, on average of small cost. */
  function memo(bytes: number): Transaction {
    const overhead = transfer({ data: new Uint8Array(100_000), gasLimit: 1_000_000n }).raw.length - 100_000
    return transfer({ data: new Uint8Array(bytes - overhead), gasLimit: 1_000_000n })
  }

  it('a transaction has at most 128 KiB', async () => {
    const largest = memo(MAX_TRANSACTION_BYTES)
    expect(largest.raw.length).toBe(131_072)
    const block = await makeBlock(chain, londonEngine, chain.head, { transactions: [largest] })
    expect(await verdict(chain, block)).toBe('head')
    expect(decodeBlock(encodeBlock(block)).transactions).toHaveLength(1)
    // One byte longer it is refused before anything else is looked at.
    const larger = concatBytes(Uint8Array.of(2), encodeRlp(new Uint8Array(MAX_TRANSACTION_BYTES - 4)))
    expect(larger).toHaveLength(MAX_TRANSACTION_BYTES + 1)
    const encoded = encodeBlock({ header: block.header, body: encodeRlpList([encodeRlp(larger)]) })
    expect(() => decodeBlock(encoded)).toThrow(expect.objectContaining({ code: 'oversized' }))
    expect(() => memo(MAX_TRANSACTION_BYTES + 1)).toThrow(TxError)
  })

  it('a block has at most maxBlockBytes', async () => {
    const block = await makeBlock(chain, londonEngine, chain.head, { transactions: [transfer({})] })
    const { sizeBytes } = block
    expect(sizeBytes).toBe(encodeBlock(block).length)
    await test.remove()
    for (const maxBlockBytes of [sizeBytes - 1, sizeBytes]) {
      const genesis = testGenesis({ params: { maxBlockBytes } })
      test = await openTestChain({ genesis }, londonEngine)
      chain = test.chain
      const same = await makeBlock(chain, londonEngine, chain.head, { transactions: [transfer({})] })
      expect(same.sizeBytes).toBe(sizeBytes)
      expect(await verdict(chain, same)).toBe(maxBlockBytes < sizeBytes ? 'oversized' : 'head')
      if (maxBlockBytes < sizeBytes) await test.remove()
    }
  })

  it('are those of what is encoded, with nothing after it and no ommers', async () => {
    const block = await makeBlock(chain, londonEngine, chain.head)
    const encoded = encodeBlock(block)
    expect(hashBlock(decodeBlock(encoded)).hash).toEqual(block.hash)
    expect(() => decodeBlock(concatBytes(encoded, Uint8Array.of(0)))).toThrow(/after the last item/)
    const header = encodeHeader(block.header)
    const withOmmer = encodeRlpList([header, block.body, encodeRlpList([header])])
    expect(() => decodeBlock(withOmmer)).toThrow(/ommers/)
  })
})
