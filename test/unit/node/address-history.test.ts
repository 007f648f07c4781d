import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { transactionHash } from '../../../src/crypto/hashes.ts'
import type { Block } from '../../../src/primitives/block.ts'
import { toHex } from '../../../src/primitives/bytes.ts'
import type { HashedHeader } from '../../../src/primitives/header.ts'
import { MAX_HISTORY_PAGE } from '../../../src/rpc/limits.ts'
import { makeBlock } from '../../support/block-maker.ts'
import { londonEngine } from '../../support/london-engine.ts'
import { type RpcLedger, rpcLedger } from '../../support/rpc-ledger.ts'
import { openTestChain, type TestChain } from '../../support/test-chain.ts'
import { keyAddress, testGenesis } from '../../support/test-genesis.ts'
import { signedTransfer, testKey } from '../../support/transactions.ts'

/** An address's history, as Otterscan pages through it on a real chain. */

const BUSY = 1
const SHY = 5
/** Each block's transfers: the busy one sends several, receives one; the shy one sends one in ten blocks and is sent to. */
const BRANCH_BLOCKS = 60
const FORK = 40

interface Entry {
  readonly hash: string
  readonly number: number
  readonly from: number
  readonly to: number
  readonly nonce: bigint
}

/** Builds blocks on `parent`, imports them, and tells what is in them. */
async function grow(
  chain: TestChain['chain'],
  parent: HashedHeader,
  blocks: number,
  seconds: number,
  nonces: Map<number, bigint>,
) {
  const entries: Entry[] = []
  let tip: HashedHeader = parent
  for (let i = 0; i < blocks; i++) {
    const number = tip.header.number + 1
    const parties = [
      ...Array.from({ length: number % 4 === 0 ? 0 : number % 9 }, (_, j) => ({ from: BUSY, to: 10 + j })),
      ...(number % 3 === 0 ? [{ from: 2, to: BUSY }] : []),
      { from: 3, to: SHY },
      ...(number % 10 === 0 ? [{ from: SHY, to: SHY }] : []),
    ]
    const transactions = parties.map(({ from, to }) => {
      const nonce = nonces.get(from) ?? 0n
      nonces.set(from, nonce + 1n)
      // The value makes transactions of two branches differ.
      const tx = signedTransfer({ nonce, to: keyAddress(to), value: BigInt(seconds) }, testKey(from))
      entries.push({ hash: toHex(transactionHash(tx)), number, from, to, nonce })
      return tx
    })
    const block: Block = await makeBlock(chain, londonEngine, tip, { transactions, seconds })
    await chain.import(block)
    tip = block
  }
  return { entries, tip }
}

interface Page {
  readonly txs: readonly { readonly hash: string; readonly blockNumber: string; readonly input: string }[]
  readonly receipts: readonly {
    readonly transactionHash: string
    readonly timestamp: number
    readonly gasUsed: string
  }[]
  readonly firstPage: boolean
  readonly lastPage: boolean
}

describe.each([
  ['from blocks in memory', true],
  ['from disk', false],
])('the history of an address, read %s,', (_, recentBlocks) => {
  let testChain: TestChain
  let ledger: RpcLedger
  let canonical: readonly Entry[]
  let abandoned: readonly Entry[]

  beforeAll(async () => {
    testChain = await openTestChain({ genesis: testGenesis() }, londonEngine)
    const { chain } = testChain
    ledger = await rpcLedger(testChain, londonEngine, { recentBlocks })
    const nonces = new Map<number, bigint>()
    const trunk = await grow(chain, chain.head, FORK, 10, nonces)
    const left = await grow(chain, trunk.tip, BRANCH_BLOCKS - FORK - 1, 20, new Map(nonces))
    // One block longer, so it wins.
    const right = await grow(chain, trunk.tip, BRANCH_BLOCKS - FORK, 9, new Map(nonces))
    expect(toHex(chain.head.hash)).toBe(toHex(right.tip.hash))
    canonical = [...trunk.entries, ...right.entries]
    abandoned = left.entries
  })
  afterAll(async () => {
    await ledger.stop()
    await testChain.remove()
  })

  const page = async (direction: 'Before' | 'After', party: number, block: number, size: number): Promise<Page> =>
    (await ledger.call(`ots_searchTransactions${direction}`, toHex(keyAddress(party)), block, size)) as unknown as Page
  const newestFirst = (party: number) =>
    canonical
      .filter(({ from, to }) => from === party || to === party)
      .map(({ hash }) => hash)
      .reverse()

  test.each([BUSY, SHY, 3, 12])('is complete and in order, page by page downwards (account %i)', async (party) => {
    const expected = newestFirst(party)
    expect(expected.length).toBeGreaterThan(20)
    const seen: string[] = []
    let before = 0
    for (;;) {
      const { txs, receipts, firstPage, lastPage } = await page('Before', party, before, 7)
      expect(firstPage).toBe(before === 0)
      expect(receipts.map(({ transactionHash }) => transactionHash)).toEqual(txs.map(({ hash }) => hash))
      seen.push(...txs.map(({ hash }) => hash))
      expect(seen).toEqual(expected.slice(0, seen.length))
      if (lastPage) break
      expect(txs.length).toBeGreaterThanOrEqual(7)
      before = Number(txs.at(-1)!.blockNumber)
    }
    expect(seen).toEqual(expected)
  })

  test.each([BUSY, SHY])('and upwards, each page newest first (account %i)', async (party) => {
    const expected = newestFirst(party)
    const seen: string[] = []
    let after = 0
    for (;;) {
      const { txs, firstPage, lastPage } = await page('After', party, after, 7)
      expect(lastPage).toBe(after === 0)
      seen.unshift(...txs.map(({ hash }) => hash))
      expect(seen).toEqual(expected.slice(-seen.length))
      if (firstPage) break
      after = Number(txs[0]!.blockNumber)
    }
    expect(seen).toEqual(expected)
  })

  test('ends a page with a whole block, and has receipts with times', async () => {
    const { txs, receipts } = await page('Before', BUSY, 0, 1)
    const number = Number(txs[0]!.blockNumber)
    const inBlock = canonical.filter((entry) => entry.number === number && [entry.from, entry.to].includes(BUSY))
    expect(txs).toHaveLength(inBlock.length)
    const { timestamp } = (await ledger.call('eth_getBlockByNumber', txs[0]!.blockNumber)) as { timestamp: string }
    for (const receipt of receipts) expect(receipt).toMatchObject({ timestamp: Number(timestamp), gasUsed: '0x5208' })
    const { hash } = txs[0]!
    expect(txs[0]).toEqual(await ledger.call('eth_getTransactionByHash', hash))
    const receipt = (await ledger.call('eth_getTransactionReceipt', hash)) as object
    expect(receipts[0]).toEqual({ ...receipt, timestamp: Number(timestamp) })
  })

  test('knows nothing of an account that never took part, nor past either end', async () => {
    expect(await page('Before', 30, 0, 25)).toEqual({ txs: [], receipts: [], firstPage: true, lastPage: true })
    expect(await page('After', BUSY, BRANCH_BLOCKS, 25)).toMatchObject({ txs: [], firstPage: true, lastPage: false })
    expect(await page('Before', BUSY, 1, 25)).toMatchObject({ txs: [], firstPage: false, lastPage: true })
  })

  test('takes a page of the limit and none larger', async () => {
    expect((await page('Before', BUSY, 0, MAX_HISTORY_PAGE)).txs.length).toBeGreaterThanOrEqual(MAX_HISTORY_PAGE)
    for (const direction of ['Before', 'After'] as const) {
      await expect(page(direction, BUSY, 0, MAX_HISTORY_PAGE + 1)).rejects.toThrow(
        /-32005.*page of 26 transactions, limit 25.*"limit":25/,
      )
    }
  })

  test('finds the transaction of every nonce, and of no other', async () => {
    const find = (party: number, nonce: number) =>
      ledger.call('ots_getTransactionBySenderAndNonce', toHex(keyAddress(party)), nonce)
    for (const { from, nonce, hash } of canonical) expect(await find(from, Number(nonce))).toBe(hash)
    for (const party of [BUSY, SHY]) {
      const sent = canonical.filter(({ from }) => from === party).length
      expect(await find(party, sent)).toBeNull()
    }
    expect(await find(12, 0)).toBeNull()
    expect(await find(30, 0)).toBeNull()
  })

  test('forgets what a reorg has left behind, by hash too', async () => {
    const kept = new Set(canonical.map(({ hash }) => hash))
    for (const { hash } of abandoned) {
      if (kept.has(hash)) continue
      // Its nonce is taken on the new branch, so it is in no pool either.
      expect(await ledger.call('eth_getTransactionReceipt', hash)).toBeNull()
    }
    for (const { hash, number } of canonical.slice(-20)) {
      expect(await ledger.call('eth_getTransactionReceipt', hash)).toMatchObject({
        blockNumber: `0x${number.toString(16)}`,
      })
    }
  })
})
