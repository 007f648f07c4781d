import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Chain, ChainOptions } from '../../../src/chain/chain.ts'
import type { ChainEvent } from '../../../src/chain/types.ts'
import { transactionHash } from '../../../src/crypto/hashes.ts'
import { keccak256Key } from '../../../src/crypto/keccak.ts'
import type { Block } from '../../../src/primitives/block.ts'
import { toHex } from '../../../src/primitives/bytes.ts'
import { makeBlock, type NewBlock, TEST_MINER, verdict, withHeader } from '../../support/block-maker.ts'
import { compareHistory } from '../../support/block-tree.ts'
import { londonEngine } from '../../support/london-engine.ts'
import { openTestChain, type TestChain } from '../../support/test-chain.ts'
import { keyAddress, testGenesis } from '../../support/test-genesis.ts'
import { signedTransfer, testKey } from '../../support/transactions.ts'

const genesis = testGenesis()
const opened: TestChain[] = []
afterEach(async () => {
  for (const test of opened.splice(0)) await test.remove()
})

async function open(options: Partial<ChainOptions> = {}): Promise<TestChain> {
  const test = await openTestChain({ genesis, ...options }, londonEngine)
  opened.push(test)
  return test
}

/** `count` blocks from genesis on, each with a transfer in every `every`-th block. */
async function branch(count: number, block: NewBlock, from: number, bodyEvery = 10): Promise<Block[]> {
  const { chain } = await open()
  const blocks: Block[] = []
  let nonce = 0n
  for (let i = 0; i < count; i++) {
    const transactions = i % bodyEvery === 0 ? [signedTransfer({ nonce: nonce++, to: STRANGER }, testKey(from))] : []
    blocks.push(await makeBlock(chain, londonEngine, chain.head, { ...block, transactions }))
    await chain.import(blocks.at(-1)!)
  }
  return blocks
}

const STRANGER = new Uint8Array(20).fill(0x5a)

async function importAll(chain: Chain, blocks: readonly Block[]): Promise<string[]> {
  const outcomes: string[] = []
  for (const block of blocks) outcomes.push(await chain.import(block))
  return outcomes
}

async function expectHead(chain: Chain, branchBlocks: readonly Block[]): Promise<void> {
  const head = branchBlocks.at(-1)!
  expect(toHex(chain.head.hash)).toBe(toHex(head.hash))
  for (const { hash, header } of branchBlocks) {
    expect(toHex(chain.store.canonicalHash(header.number)!)).toBe(toHex(hash))
  }
  expect(chain.store.canonicalHash(branchBlocks.length + 1)).toBeUndefined()
  // Tips and rewards: a different sum on every branch.
  const balance = (await chain.account(keccak256Key(head.header.miner), chain.head.hash))?.balance
  expect(balance).toBeGreaterThanOrEqual(2n * 10n ** 18n * BigInt(branchBlocks.length))
  const { stored, computed } = compareHistory(chain)
  expect(stored).toEqual(computed)
}

const SLOW = { seconds: 20, miner: new Uint8Array(20).fill(0xbb) }
const FAST = { seconds: 1, miner: TEST_MINER }
const NARROW = { layers: 4, layerChanges: 1, unflushedChanges: 8, stateCacheBytes: 0 }

describe('fork choice', () => {
  it('keeps the first of two branches of equal work, until one has more', async () => {
    const a = await branch(2, FAST, 1)
    const b = await branch(3, { ...FAST, miner: SLOW.miner }, 2)
    const { chain } = await open()
    expect(await importAll(chain, a)).toEqual(['head', 'head'])
    expect(await importAll(chain, b)).toEqual(['side', 'side', 'head'])
    await expectHead(chain, b)
    const other = (await open()).chain
    expect(await importAll(other, [b[0]!, b[1]!, a[0]!, a[1]!])).toEqual(['head', 'head', 'side', 'side'])
    await expectHead(other, b.slice(0, 2))
  })

  it('prefers more work to more blocks', async () => {
    const { chain } = await open()
    const many = await branch(71, { seconds: 300 }, 1)
    const heavy = await branch(70, FAST, 2)
    await importAll(chain, many)
    const outcomes = await importAll(chain, heavy)
    await expectHead(chain, heavy)
    expect(outcomes.at(-1)).toBe('head')
    expect(chain.head.header.number).toBe(70)
  })

  it('tells what it left and what it joined, in order, with senders and receipts', async () => {
    const a = await branch(3, SLOW, 1, 1)
    const b = await branch(3, FAST, 2, 1)
    const { chain } = await open()
    const events: ChainEvent[] = []
    chain.subscribe((event) => events.push(event))
    await importAll(chain, [...a, ...b])
    const numbers = events.map((event) => [
      event.type,
      ...('connected' in event
        ? [
            Array.from(event.disconnected, ({ block }) => block.header.number),
            Array.from(event.connected, ({ block }) => block.header.number),
          ]
        : [event.head.header.number]),
    ])
    expect(numbers.slice(0, 3)).toEqual([
      ['head', [], [1]],
      ['head', [], [2]],
      ['head', [], [3]],
    ])
    const reorg = events.find((event) => event.type === 'head' && event.disconnected.length > 0)
    if (reorg?.type !== 'head') throw new Error('there was no reorg')
    expect(reorg.disconnected.hashes.map(toHex)).toEqual(
      a
        .slice(0, reorg.disconnected.length)
        .toReversed()
        .map(({ hash }) => toHex(hash)),
    )
    for (const { transactions, receipts } of reorg.disconnected) {
      expect(transactions.map(({ sender }) => toHex(sender))).toEqual([toHex(keyAddress(1))])
      expect(receipts).toHaveLength(1)
    }
    expect(events.at(-1)).toMatchObject({ type: 'head', head: { header: { number: 3 } } })
  })

  it('takes transactions of a branch it leaves out of the indexes', async () => {
    const a = await branch(2, SLOW, 1, 1)
    const b = await branch(2, FAST, 2, 1)
    const { chain } = await open()
    await importAll(chain, [...a, ...b])
    await expectHead(chain, b)
    const transactionsOf = async (address: Uint8Array) => {
      const found: number[] = []
      for await (const { blockNumber, transactions } of chain.store.addressHistory(address, { after: 0 })) {
        found.push(...transactions.map(() => blockNumber))
      }
      return found
    }
    expect(await transactionsOf(keyAddress(1))).toEqual([])
    expect(await transactionsOf(keyAddress(2))).toEqual([1, 2])
    expect(await transactionsOf(STRANGER)).toEqual([1, 2])
  })
})

describe('a long reorg', () => {
  it('names the blocks it left and joined, and reads one only when somebody asks for it', async () => {
    const a = await branch(30, SLOW, 1)
    const b = await branch(30, FAST, 2)
    const { chain } = await open()
    await importAll(chain, [...a, ...b.slice(0, -1)])
    const read = vi.spyOn(chain.store, 'executed')
    const events: ChainEvent[] = []
    chain.subscribe((told) => events.push(told))
    expect(await chain.import(b.at(-1)!)).toBe('head')
    const [event] = events
    if (event?.type !== 'head') throw new Error('there was no reorg')
    expect([event.disconnected.length, event.connected.length]).toEqual([30, 30])
    // Those that are joined, once each: for the indexes; the last is in memory. What is left is not read at all.
    const before = read.mock.calls.length
    expect(before).toBe(29)
    expect(toHex(event.disconnected.block(3).block.hash)).toBe(toHex(event.disconnected.hashes[3]!))
    expect(event.disconnected.head(3).header.number).toBe(event.disconnected.block(3).block.header.number)
    expect(read.mock.calls.length).toBe(before + 2)
  })

  it('that a kill cuts short while the indexes are written leaves them right, and so do others after it', async () => {
    // The same transactions on three branches, at other places on each.
    const transfers = [0n, 1n, 2n].map((nonce) => signedTransfer({ nonce, to: STRANGER }, testKey(1)))
    const shapes = [
      [[], transfers],
      [transfers.slice(0, 1), transfers.slice(1)],
      [transfers, []],
    ] as const
    const branches: Block[][] = []
    for (const [i, shape] of shapes.entries()) {
      const { chain } = await open()
      const blocks: Block[] = []
      // Each has more work than the one before.
      for (const [at, transactions] of [...shape, ...Array.from({ length: i }, () => [])].entries()) {
        const seconds = at === 0 ? 20 - i : 10
        blocks.push(await makeBlock(chain, londonEngine, chain.head, { transactions, seconds }))
        await chain.import(blocks.at(-1)!)
      }
      branches.push(blocks)
    }
    const test = await open()
    const { chain, database } = test
    const expectIndexes = async (blocks: readonly Block[]) => {
      const placed = blocks.flatMap(({ header, transactions }) =>
        transactions.map((tx, index) => ({ tx, blockNumber: header.number, index })),
      )
      for (const { tx, blockNumber, index } of placed) {
        expect(chain.store.transactionLocation(transactionHash(tx))).toMatchObject({ blockNumber, index })
      }
      for (const address of [STRANGER, keyAddress(1)]) {
        const found: { blockNumber: number; index: number }[] = []
        for await (const { blockNumber, transactions } of chain.store.addressHistory(address, { after: -1 })) {
          for (const { index } of transactions) found.push({ blockNumber, index })
        }
        expect(found).toEqual(placed.map(({ blockNumber, index }) => ({ blockNumber, index })))
      }
    }
    await importAll(chain, branches[0]!)
    await expectIndexes(branches[0]!)
    for (const [i, blocks] of branches.entries()) {
      const [last, rest] = [blocks.at(-1)!, blocks.slice(0, -1)]
      if (i > 0) await importAll(chain, rest)
      // As far as the kill.
      for (const { hash } of rest) {
        const batch = database.batch()
        const executed = chain.store.executed(hash)
        if (executed) chain.store.placeIndex.note(executed.block.header.number, chain.store.putPlaces(batch, executed))
        await batch.write({ sync: false })
        await expectIndexes(branches[Math.max(0, i - 1)]!)
      }
      if (i === 0) continue
      expect(await chain.import(last)).toBe('head')
      await expectIndexes(blocks)
    }
  })
})

describe('a reorg deeper than what is kept', () => {
  const depths = [
    { what: 'in memory', count: 12, undoBlocks: 1000 },
    { what: 'in memory by far', count: 40, undoBlocks: 1000 },
    { what: 'in journals', count: 40, undoBlocks: 8 },
  ]

  it.each(depths)('$what leads to the heavier branch, and back', async ({ count, undoBlocks }) => {
    const a = await branch(count, SLOW, 1)
    const b = await branch(count, FAST, 2)
    const longer = await branch(count + 20, SLOW, 1)
    const { chain } = await open({ ...NARROW, undoBlocks })
    await importAll(chain, a)
    await expectHead(chain, a)
    await importAll(chain, b)
    await expectHead(chain, b)
    await importAll(chain, longer)
    await expectHead(chain, longer)
  })

  it('is the same with every block at once, and after a restart', async () => {
    const a = await branch(30, SLOW, 1)
    const b = await branch(30, FAST, 2)
    const test = await open({ ...NARROW, undoBlocks: 4 })
    await Promise.all([...a, ...b].map((block) => test.chain.import(block)))
    await expectHead(test.chain, b)
    await test.chain.close()
    await test.database.close()
    opened.splice(opened.indexOf(test), 1)
    const again = await openTestChain({ genesis, ...NARROW, undoBlocks: 4 }, londonEngine, {
      directory: test.directory,
    })
    opened.push(again)
    await expectHead(again.chain, b)
  })

  it('crosses 300 blocks with the default options', async () => {
    const a = await branch(300, SLOW, 1, 100)
    const b = await branch(300, FAST, 2, 100)
    const { chain } = await open()
    await Promise.all([...a, ...b].map((block) => chain.import(block)))
    await expectHead(chain, b)
  })

  it('to a branch that turns out to be bad leaves the head and its state', async () => {
    const a = await branch(20, SLOW, 1)
    const b = await branch(24, FAST, 2)
    const bad = [...b.slice(0, 2), withHeader(b[2]!, { stateRoot: new Uint8Array(32).fill(1) })]
    for (const block of b.slice(3)) bad.push(withHeader(block, { parentHash: bad.at(-1)!.hash }))
    for (const undoBlocks of [2, 1000]) {
      const { chain } = await open({ ...NARROW, undoBlocks })
      await importAll(chain, a)
      const verdicts: string[] = []
      for (const block of bad) verdicts.push(await verdict(chain, block))
      expect(verdicts).toContain('bad-state-root')
      expect(verdicts.slice(verdicts.indexOf('bad-state-root') + 1)).toSatisfy((rest: string[]) =>
        rest.every((code) => code === 'known-bad'),
      )
      await expectHead(chain, a)
      // It can be built upon at once.
      const next = await makeBlock(chain, londonEngine, chain.head, SLOW)
      expect(await verdict(chain, next)).toBe('head')
    }
  })
})
