import { afterEach, describe, expect, it } from 'vitest'
import type { Chain } from '../../../src/chain/chain.ts'
import { nextBaseFee, nextGasLimit } from '../../../src/chain/header-rules.ts'
import type { Block } from '../../../src/primitives/block.ts'
import { EMPTY_OMMERS_HASH, type Header } from '../../../src/primitives/header.ts'
import { makeBlock, verdict, withHeader } from '../../support/block-maker.ts'
import { headerWith } from '../../support/header-chain.ts'
import { londonEngine } from '../../support/london-engine.ts'
import { openTestChain, type TestChain } from '../../support/test-chain.ts'
import { type TestGenesisOptions, testGenesis } from '../../support/test-genesis.ts'
import { signedTransfer, testKey } from '../../support/transactions.ts'

const PLAIN_GAS = 21_000n

let test: TestChain | undefined
afterEach(async () => {
  await test?.remove()
  test = undefined
})

async function open(options: TestGenesisOptions = {}): Promise<Chain> {
  test = await openTestChain({ genesis: testGenesis(options) }, londonEngine)
  return test.chain
}

const accepted = expect.stringMatching(/^(head|side)$/)

/** Verdicts on an empty child of the head, with each of `changes` in turn. */
async function verdicts(chain: Chain, ...changes: readonly Partial<Header>[]): Promise<string[]> {
  const child = await makeBlock(chain, londonEngine, chain.head)
  const given: string[] = []
  for (const change of changes) given.push(await verdict(chain, withHeader(child, change)))
  return given
}

function flipped(bytes: Uint8Array): Uint8Array {
  return bytes.with(bytes.length - 1, bytes.at(-1)! ^ 1)
}

describe('a header', () => {
  it('stands at least a second after its parent', async () => {
    const chain = await open()
    const { timestamp } = chain.head.header
    expect(await verdict(chain, await makeBlock(chain, londonEngine, chain.head, { seconds: 1 }))).toBe('head')
    const child = await makeBlock(chain, londonEngine, chain.head)
    for (const seconds of [0, -1]) {
      const early = withHeader(child, { timestamp: timestamp + 1 + seconds })
      expect(await verdict(chain, early)).toBe('timestamp-not-after-parent')
    }
  })

  it('has a gas limit less than 1/1024 away from its parent’s', async () => {
    const chain = await open()
    const { gasLimit } = chain.head.header
    const step = gasLimit / 1024n
    const within = await verdicts(chain, { gasLimit: gasLimit + step - 1n }, { gasLimit: gasLimit - step + 1n })
    expect(within).toEqual([accepted, accepted])
    await test?.remove()
    const outside = await verdicts(await open(), { gasLimit: gasLimit + step }, { gasLimit: gasLimit - step })
    expect(outside).toEqual(['gas-limit-out-of-bounds', 'gas-limit-out-of-bounds'])
  })

  it('has a gas limit of at least 5,000', async () => {
    const chain = await open({ header: { gasLimit: 5_001n } })
    expect(await verdicts(chain, { gasLimit: 4_999n }, { gasLimit: 5_000n })).toEqual([
      'gas-limit-out-of-bounds',
      accepted,
    ])
  })

  it('has a gas limit of at most the genesis’ maximum', async () => {
    const chain = await open({ params: { maxGasLimit: 30_000_010n } })
    expect(await verdicts(chain, { gasLimit: 30_000_011n }, { gasLimit: 30_000_010n })).toEqual([
      'gas-limit-out-of-bounds',
      accepted,
    ])
  })

  it('uses no more gas than its limit', async () => {
    const chain = await open()
    const { gasLimit } = chain.head.header
    expect(await verdicts(chain, { gasUsed: gasLimit + 1n }, { gasUsed: gasLimit }, { gasUsed: 1n })).toEqual([
      'gas-used-above-limit',
      'bad-gas-used',
      'bad-gas-used',
    ])
  })

  it('is numbered one above its parent', async () => {
    const chain = await open()
    await chain.import(await makeBlock(chain, londonEngine, chain.head))
    expect(await verdicts(chain, { number: 1 }, { number: 3 }, { number: 2 })).toEqual([
      'bad-number',
      'bad-number',
      'head',
    ])
  })

  it('has no ommers, and the difficulty that the engine asks for', async () => {
    const chain = await open()
    const { difficulty } = (await makeBlock(chain, londonEngine, chain.head)).header
    const changes = [
      { ommersHash: flipped(EMPTY_OMMERS_HASH) },
      { difficulty: difficulty + 1n },
      { difficulty: difficulty - 1n },
      { extraData: new Uint8Array(33) },
      { extraData: new Uint8Array(32) },
    ]
    expect(await verdicts(chain, ...changes)).toEqual([
      'bad-ommers',
      'bad-difficulty',
      'bad-difficulty',
      'bad-extra-data',
      'head',
    ])
  })

  it('names a parent that is known', async () => {
    const chain = await open()
    expect(await verdicts(chain, { parentHash: flipped(chain.head.hash) })).toEqual(['unknown-parent'])
  })

  it('tells what its transactions lead to, to the bit', async () => {
    const chain = await open()
    const transactions = [signedTransfer()]
    const block = await makeBlock(chain, londonEngine, chain.head, { transactions })
    const { header } = block
    const judge = (changes: Partial<Header>) => verdict(chain, withHeader(block, changes))
    expect(await judge({ stateRoot: flipped(header.stateRoot) })).toBe('bad-state-root')
    expect(await judge({ transactionsRoot: flipped(header.transactionsRoot) })).toBe('bad-transactions-root')
    expect(await judge({ receiptsRoot: flipped(header.receiptsRoot) })).toBe('bad-receipts-root')
    expect(await judge({ logsBloom: flipped(header.logsBloom) })).toBe('bad-logs-bloom')
    expect(await judge({ gasUsed: PLAIN_GAS + 1n })).toBe('bad-gas-used')
    expect(await judge({ gasUsed: PLAIN_GAS - 1n })).toBe('bad-gas-used')
    expect(await judge({ miner: flipped(header.miner) })).toBe('bad-state-root')
    expect(await verdict(chain, block)).toBe('head')
  })
})

describe('the base fee', () => {
  /** A head with room for two transfers and `count` of them in it. */
  async function withParent(count: number, baseFeePerGas: bigint): Promise<Chain> {
    const chain = await open({ header: { gasLimit: 2n * PLAIN_GAS, baseFeePerGas, gasUsed: PLAIN_GAS } })
    const transactions = Array.from({ length: count }, (_, i) => signedTransfer({ nonce: 0n }, testKey(i + 1)))
    await chain.import(await makeBlock(chain, londonEngine, chain.head, { transactions }))
    expect(chain.head.header).toMatchObject({ baseFeePerGas, gasUsed: BigInt(count) * PLAIN_GAS })
    return chain
  }

  const cases = [
    { what: 'falls by an eighth after an empty block', count: 0, before: 1_000_000_000n, after: 875_000_000n },
    { what: 'stays after a block that is half full', count: 1, before: 1_000_000_000n, after: 1_000_000_000n },
    { what: 'rises by an eighth after a full block', count: 2, before: 1_000_000_000n, after: 1_125_000_000n },
    { what: 'rises by one where an eighth is nothing', count: 2, before: 7n, after: 8n },
    { what: 'does not fall where an eighth is nothing', count: 0, before: 7n, after: 7n },
  ]

  it.each(cases)('$what', async ({ count, before, after }) => {
    const chain = await withParent(count, before)
    const around = [{ baseFeePerGas: after - 1n }, { baseFeePerGas: after + 1n }, { baseFeePerGas: after }]
    expect(await verdicts(chain, ...around)).toEqual(['bad-base-fee', 'bad-base-fee', 'head'])
  })
})

describe('what follows from a parent alone', () => {
  const params = { chainId: 1n, maxGasLimit: 40_000n, gasLimitTarget: 30_000n, maxBlockBytes: undefined }
  const child = (gasLimit: bigint, changes: Partial<typeof params> = {}) =>
    nextGasLimit(headerWith({ gasLimit }), { ...params, ...changes })

  it('the next gas limit goes towards its target, as fast as it may, and no further', () => {
    expect(child(30_000n)).toBe(30_000n)
    expect(child(20_000n)).toBe(20_018n)
    expect(child(29_990n)).toBe(30_000n)
    expect(child(35_000n)).toBe(34_967n)
    expect(child(30_005n)).toBe(30_000n)
    expect(child(39_990n, { gasLimitTarget: 50_000n })).toBe(40_000n)
    expect(child(5_001n, { gasLimitTarget: 0n })).toBe(5_000n)
    expect(child(5_000n, { gasLimitTarget: 0n })).toBe(5_000n)
  })

  it('the next gas limit is one that the rules allow', async () => {
    const genesis = testGenesis({ params: { gasLimitTarget: 1n << 40n } })
    test = await openTestChain({ genesis }, londonEngine)
    const { chain } = test
    const blocks: Block[] = []
    for (const gasLimitTarget of [2n ** 40n, 5_000n]) {
      const gasLimit = nextGasLimit(chain.head.header, { ...chain.params, gasLimitTarget })
      blocks.push(await makeBlock(chain, londonEngine, chain.head, { gasLimit }))
    }
    for (const block of blocks) expect(await verdict(chain, block)).toEqual(accepted)
  })

  it('the next base fee moves with the distance from half full', () => {
    const fee = (gasUsed: bigint, gasLimit = 30_000_000n, baseFeePerGas = 1_000_000_000n) =>
      nextBaseFee(headerWith({ gasUsed, gasLimit, baseFeePerGas }))
    expect(fee(15_000_000n)).toBe(1_000_000_000n)
    expect(fee(15_000_001n)).toBe(1_000_000_008n)
    expect(fee(14_999_999n)).toBe(999_999_992n)
    expect(fee(30_000_000n)).toBe(1_125_000_000n)
    expect(fee(0n)).toBe(875_000_000n)
    expect(fee(2_501n, 5_001n, 1n)).toBe(2n)
    expect(fee(2_500n, 5_001n, 1n)).toBe(1n)
    expect(fee(0n, 5_000n, 0n)).toBe(0n)
  })
})
