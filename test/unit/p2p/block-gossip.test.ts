import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createPow } from '../../../src/consensus/pow.ts'
import { BlockGossip, type BlockRequests } from '../../../src/p2p/block-gossip.ts'
import { compactForm } from '../../../src/p2p/compact-matching.ts'
import { MAX_PEER_REBUILDS } from '../../../src/p2p/limits.ts'
import { PropagationWatch } from '../../../src/p2p/propagation.ts'
import { decodeCompactBlock, encodeCompactBlock } from '../../../src/p2p/wire/compact-block.ts'
import type { Block } from '../../../src/primitives/block.ts'
import type { RecoveredTransaction } from '../../../src/primitives/transaction.ts'
import { makeBlock, sealed, withHeader } from '../../support/block-maker.ts'
import { GENESIS_TIMESTAMP } from '../../support/header-chain.ts'
import { CHEAP_POW } from '../../support/header-maker.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { sequentialNonceSearch } from '../../support/sequential-nonce-search.ts'
import { openTestChain, recoverHere, type TestChain } from '../../support/test-chain.ts'
import { testGenesis } from '../../support/test-genesis.ts'
import { signedTransfer } from '../../support/transactions.ts'

const genesis = testGenesis({ header: { difficulty: 16n } })
const engine = createPow(CHEAP_POW, { nonceSearch: sequentialNonceSearch })
const NONCE = new Uint8Array(8).fill(3)
const MAX_FUTURE_SECONDS = 15

const transactions = (await recoverHere(
  Array.from({ length: 6 }, (_, i) => signedTransfer({ nonce: BigInt(i) })),
)) as RecoveredTransaction[]

let opened: TestChain
let clock: ManualClock
let gossip: BlockGossip
let known: RecoveredTransaction[]
let asked: string[]
let published: Uint8Array[]
let told: string[]
let block: Block

beforeEach(async () => {
  clock = new ManualClock((GENESIS_TIMESTAMP + 1_000) * 1000)
  opened = await openTestChain({ genesis }, engine, { clock })
  known = [...transactions]
  asked = []
  published = []
  told = []
  gossip = createGossip()
  block = await child()
})
afterEach(() => opened.remove())

function createGossip(requests: Partial<BlockRequests> = {}): BlockGossip {
  const { chain } = opened
  const made = new BlockGossip(
    { maxFutureSeconds: MAX_FUTURE_SECONDS },
    {
      chain,
      requests: {
        async blockTransactions(peer, _hash, indexes) {
          asked.push(`${peer} ${indexes}`)
          return indexes.map((index) => block.transactions[index]!)
        },
        async body(peer) {
          asked.push(`${peer} body`)
          return { transactions: block.transactions, encoded: block.body }
        },
        ...requests,
      },
      clock,
      watch: new PropagationWatch(clock),
      candidates: () => known,
      isAnnounced: () => true,
      randomBytes: () => NONCE,
      publish: (data) => published.push(data),
      neighbours: () => [],
      catchingUp: () => false,
      onUnknownParent: (peer) => told.push(`unknown parent from ${peer}`),
      onWrongBody: (peer) => told.push(`wrong body from ${peer}`),
      onGivenUp: (peers) => told.push(`given up, from ${peers}`),
      onWithholding: (peer) => told.push(`withheld by ${peer}`),
      onRefused: (_block, error) => told.push(`refused: ${error.code}`),
      onError: (error) => told.push(String(error)),
    },
  )
  chain.subscribe((event) => made.follow(event))
  return made
}

/** A block with the six transactions on the head, not imported. */
function child(seconds = 10): Promise<Block> {
  const { chain } = opened
  return makeBlock(chain, engine, chain.head, { transactions: transactions.map(({ tx }) => tx), seconds })
}

function compactOf(of: Block, nonce = NONCE): Uint8Array {
  return compactForm(of, transactions.slice(0, of.transactions.length), nonce, () => false)
}

const receive = (data: Uint8Array, from = 'alice') => gossip.handle(data, from, () => undefined)
const headNumber = () => opened.chain.head.header.number

/** Resolves when everything that was handed to the chain is through. */
async function imported(of: Block): Promise<void> {
  await opened.chain.import(of).catch(() => undefined)
}

describe('a compact block', () => {
  test('of known transactions is passed on and becomes the head, without a question', async () => {
    expect(await receive(compactOf(block))).toBe('accept')
    await imported(block)
    expect(headNumber()).toBe(1)
    expect(asked).toEqual([])
    expect(published).toEqual([])
  })

  test('is completed by its sender', async () => {
    known.splice(1, 2)
    expect(await receive(compactOf(block))).toBe('accept')
    expect(asked).toEqual(['alice 1,2'])
  })

  test('is let lie when its header has come before, in whatever form', async () => {
    const again = compactOf(block, new Uint8Array(8))
    expect(await Promise.all([receive(compactOf(block)), receive(again, 'bob')])).toEqual(['accept', 'ignore'])
    await imported(block)
    expect(await receive(again, 'bob')).toBe('ignore')
  })

  test('is held against its sender when the header has no work, and nothing is spent on it', async () => {
    known = []
    expect(await receive(compactOf(withHeader(block, { nonce: new Uint8Array(8).fill(9) })))).toBe('reject')
    expect(asked).toEqual([])
  })

  test('with a parent that is not known is for sync to look into', async () => {
    const orphan = withHeader(block, { parentHash: new Uint8Array(32).fill(7) })
    expect(await receive(compactOf(orphan))).toBe('ignore')
    expect(told).toEqual(['unknown parent from alice'])
  })

  test('that does not describe its block is held against its sender; the block is taken all the same', async () => {
    const parts = decodeCompactBlock(compactOf(block))
    const lie = encodeCompactBlock({ ...parts, shortIds: parts.shortIds.toReversed(), prefilled: [] })
    expect(await receive(lie)).toBe('reject')
    expect(asked).toEqual(['alice body'])
    await imported(block)
    expect(headNumber()).toBe(1)
    // It is news to others, who have not got it from us.
    expect(published).toHaveLength(1)
  })

  test('whose execution is invalid does not count against those who passed it on', async () => {
    const changed = withHeader(block, { stateRoot: new Uint8Array(32) })
    block = await sealed(opened.chain, engine, opened.chain.head, changed)
    expect(await receive(compactOf(block))).toBe('accept')
    await imported(block)
    expect(told).toEqual(['refused: bad-state-root'])
    expect(headNumber()).toBe(0)
  })

  test('from ahead of the clock is kept, and announced when its time has come', async () => {
    block = await child(1_000 + MAX_FUTURE_SECONDS + 5)
    expect(await receive(compactOf(block))).toBe('ignore')
    expect(published).toEqual([])
    await imported(block)
    clock.advance(6_000)
    await imported(block)
    expect(headNumber()).toBe(1)
    expect(published).toHaveLength(1)
  })

  test('is served to others before it is executed', async () => {
    known.splice(0, 1)
    gossip = createGossip({ blockTransactions: () => new Promise(() => undefined) })
    void receive(compactOf(block))
    await expect.poll(() => gossip.arriving(block.hash)).toBe('not-yet')
    gossip = createGossip()
    expect(await receive(compactOf(block))).toBe('accept')
    expect(gossip.arriving(block.hash)).toMatchObject({ body: block.body })
    await imported(block)
  })

  test('is asked of nobody for ever', async () => {
    known.splice(0, 1)
    gossip = createGossip({
      blockTransactions: () => Promise.reject(new Error()),
      body: () => Promise.reject(new Error()),
    })
    expect(await receive(compactOf(block))).toBe('ignore')
  })
})

describe('a block that its first announcer withholds', () => {
  const silent = () => new Promise<never>(() => undefined)

  test('comes from the next who announces it, at once', async () => {
    known.splice(1, 1)
    gossip = createGossip({
      blockTransactions: (peer, _hash, [index]) =>
        peer === 'bob' ? Promise.resolve([block.transactions[index!]!]) : silent(),
    })
    const verdict = receive(compactOf(block))
    await receive(compactOf(block, new Uint8Array(8)), 'bob')
    expect(await verdict).toBe('accept')
  })

  test('is put together from another form when the first is a lie', async () => {
    const parts = decodeCompactBlock(compactOf(block))
    const lie = encodeCompactBlock({ ...parts, shortIds: new Uint8Array(parts.shortIds.length), prefilled: [] })
    gossip = createGossip({ body: silent, blockTransactions: silent })
    const verdict = receive(lie)
    expect(await receive(compactOf(block), 'bob')).toBe('ignore')
    expect(await verdict).toBe('reject')
    await imported(block)
    expect(headNumber()).toBe(1)
  })

  test('is left to sync, and held against whoever does so again and again', async () => {
    known = []
    gossip = createGossip({ body: () => Promise.reject(new Error()) })
    for (let seconds = 10; seconds < 14; seconds++) {
      block = await child(seconds)
      expect(await receive(compactOf(block))).toBe('ignore')
      expect(told.shift()).toBe('given up, from alice')
    }
    expect(told).toEqual(['withheld by alice'])
    await receive(compactOf(block))
    expect(told).toHaveLength(1)
  })

  test('takes no more than its share of the places', async () => {
    known = []
    gossip = createGossip({ body: silent })
    const blocks = await Promise.all(Array.from({ length: MAX_PEER_REBUILDS + 1 }, (_, i) => child(10 + i)))
    for (const each of blocks) void receive(compactOf(each))
    await expect.poll(() => gossip.arriving(blocks[MAX_PEER_REBUILDS - 1]!.hash)).toBe('not-yet')
    expect(gossip.arriving(blocks[MAX_PEER_REBUILDS]!.hash)).toBeUndefined()
    void receive(compactOf(blocks[MAX_PEER_REBUILDS]!), 'bob')
    await expect.poll(() => gossip.arriving(blocks[MAX_PEER_REBUILDS]!.hash)).toBe('not-yet')
  })
})

test('when it has stopped nothing is handed to the chain any more, and nobody blamed', async () => {
  known = []
  const { promise, resolve } = Promise.withResolvers<Awaited<ReturnType<BlockRequests['body']>>>()
  gossip = createGossip({ body: () => promise })
  const verdict = receive(compactOf(block))
  await expect.poll(() => gossip.arriving(block.hash)).toBe('not-yet')
  await gossip.stop()
  resolve({ transactions: block.transactions, encoded: block.body })
  expect(await verdict).toBe('ignore')
  expect(await receive(compactOf(block), 'bob')).toBe('ignore')
  expect(told).toEqual([])
  expect(opened.chain.has(block.hash)).toBe(false)
})

test('a body that is not the one asked for is its sender’s fault', async () => {
  known = []
  gossip = createGossip({ body: async () => ({ transactions: [], encoded: Uint8Array.of(0xc0) }) })
  expect(await receive(compactOf(block))).toBe('ignore')
  expect(told).toEqual(['wrong body from alice', 'given up, from alice'])
})

test('a block that came into the chain another way is announced once', async () => {
  await opened.chain.import(block)
  expect(published.map((data) => decodeCompactBlock(data).hash)).toEqual([block.hash])
})

test('any bytes have a verdict', async () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 400 }),
    fc.tuple(fc.nat(), fc.nat(255)).map(([at, value]) => {
      const damaged = compactOf(block)
      damaged[at % damaged.length] = value
      return damaged
    }),
  )
  await fc.assert(
    fc.asyncProperty(bytes, async (data) => {
      expect(['accept', 'ignore', 'reject']).toContain(await receive(data))
    }),
    { numRuns: 200 },
  )
  await imported(block)
})
