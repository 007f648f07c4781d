import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { IndexEntry } from '../../../src/chain/block-index.ts'
import type { Chain } from '../../../src/chain/chain.ts'
import { FutureBlocks, type HeldBlock } from '../../../src/chain/future-blocks.ts'
import type { Block } from '../../../src/primitives/block.ts'
import { MAX_FUTURE_BLOCKS, MAX_FUTURE_BYTES } from '../../../src/primitives/limits.ts'
import { makeBlock, verdict, withHeader } from '../../support/block-maker.ts'
import { GENESIS_TIMESTAMP } from '../../support/header-chain.ts'
import { londonEngine } from '../../support/london-engine.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { openTestChain, type TestChain } from '../../support/test-chain.ts'
import { testGenesis } from '../../support/test-genesis.ts'

let test: TestChain
let chain: Chain
/** Its clock is past all blocks. */
let maker: TestChain
let clock: ManualClock

beforeEach(async () => {
  clock = new ManualClock(GENESIS_TIMESTAMP * 1000)
  test = await openTestChain({ genesis: testGenesis() }, londonEngine, { clock })
  maker = await openTestChain({ genesis: testGenesis() }, londonEngine)
  chain = test.chain
})
afterEach(async () => {
  await test.remove()
  await maker.remove()
})

/** A branch of blocks at these seconds after genesis. */
async function branch(...seconds: readonly number[]): Promise<Block[]> {
  const blocks: Block[] = []
  let parent: Pick<Block, 'hash' | 'header'> = maker.chain.head
  for (const second of seconds) {
    const timestamp = GENESIS_TIMESTAMP + second
    const block = await makeBlock(maker.chain, londonEngine, parent, { seconds: timestamp - parent.header.timestamp })
    await maker.chain.import(block)
    blocks.push(block)
    parent = block
  }
  return blocks
}

/** Resolves when the chain has this head. */
function headAt(number: number): Promise<void> {
  return new Promise((resolve) => {
    const stop = chain.subscribe((event) => {
      if (event.type !== 'head' || event.head.header.number !== number) return
      stop()
      resolve()
    })
  })
}

describe('a block ahead of the clock', () => {
  it('is taken up to 15 seconds ahead', async () => {
    const [block] = await branch(15)
    expect(await verdict(chain, block!)).toBe('head')
  })

  it('waits from 16 seconds on, until it is 15 seconds ahead', async () => {
    const [block] = await branch(16)
    expect(await verdict(chain, block!)).toBe('future')
    expect(await verdict(chain, block!)).toBe('future')
    clock.advance(999)
    expect(await verdict(chain, block!)).toBe('future')
    const head = headAt(1)
    clock.advance(1)
    await head
    expect(chain.head.hash).toEqual(block!.hash)
  })

  it('waits for parts of a second, too', async () => {
    clock.advance(-1)
    const [block] = await branch(15)
    expect(await verdict(chain, block!)).toBe('future')
    const head = headAt(1)
    clock.advance(1)
    await head
  })

  it('has its descendants wait with it, and no longer than they must', async () => {
    const [first, second, third] = await branch(16, 17, 40)
    for (const block of [first!, second!, third!]) expect(await verdict(chain, block)).toBe('future')
    const heads = [headAt(1), headAt(2), headAt(3)]
    clock.advance(1000)
    await heads[0]
    expect(chain.head.header.number).toBe(1)
    clock.advance(1000)
    await heads[1]
    expect(chain.head.header.number).toBe(2)
    clock.advance(22_999)
    expect(await verdict(chain, third!)).toBe('future')
    clock.advance(1)
    await heads[2]
  })

  it('keeps waiting whatever time its child claims to be of', async () => {
    const [first, second] = await branch(70, 71)
    const early = withHeader(second!, { timestamp: 1 })
    expect(await verdict(chain, first!)).toBe('future')
    expect(await verdict(chain, early)).toBe('timestamp-not-after-parent')
    clock.advance(54_999)
    expect(await verdict(chain, first!)).toBe('future')
    const head = headAt(1)
    clock.advance(1)
    await head
  })

  it('is not held from 76 seconds on, nor forgotten as bad', async () => {
    const [first, second, third] = await branch(70, 76, 77)
    expect(await verdict(chain, first!)).toBe('future')
    expect(await verdict(chain, second!)).toBe('timestamp-in-future')
    expect(await verdict(chain, third!)).toBe('unknown-parent')
    expect(chain.isBad(second!.hash)).toBe(false)
    await expect(chain.import(second!)).rejects.toMatchObject({
      facts: { timestamp: GENESIS_TIMESTAMP + 76, limit: GENESIS_TIMESTAMP + 75 },
    })
    clock.advance(1000)
    expect(await verdict(chain, second!)).toBe('future')
    const head = headAt(2)
    clock.advance(60_000)
    await head
  })

  it('does not vouch for a child that breaks a rule', async () => {
    const [first, second] = await branch(70, 71)
    expect(await verdict(chain, first!)).toBe('future')
    expect(await verdict(chain, withHeader(second!, { difficulty: 1n }))).toBe('bad-difficulty')
    expect(await verdict(chain, withHeader(second!, { number: 7 }))).toBe('bad-number')
    expect(await verdict(chain, second!)).toBe('future')
  })

  it('and its descendants are taken in order when all are due at once', async () => {
    const blocks = await branch(60, 61, 62, 63)
    for (const block of blocks) expect(await verdict(chain, block)).toBe('future')
    const head = headAt(4)
    clock.advance(3_600_000)
    await head
    expect(chain.head.hash).toEqual(blocks[3]!.hash)
  })

  it('is forgotten when it turns out to be bad, and so are its children', async () => {
    const [block] = await branch(16)
    const bad = withHeader(block!, { stateRoot: new Uint8Array(32) })
    expect(await verdict(chain, bad)).toBe('future')
    clock.advance(1000)
    expect(await verdict(chain, bad)).toBe('bad-state-root')
    expect(await verdict(chain, bad)).toBe('known-bad')
    expect(await verdict(chain, block!)).toBe('head')
  })

  it('is refused for a broken rule at once', async () => {
    const [block] = await branch(1000)
    expect(await verdict(chain, withHeader(block!, { number: 2 }))).toBe('bad-number')
    expect(await verdict(chain, withHeader(block!, { baseFeePerGas: 1n }))).toBe('bad-base-fee')
  })

  it('never waits where the engine sets no bound', async () => {
    const [block] = await branch(1_000_000)
    await test.remove()
    test = await openTestChain({ genesis: testGenesis() }, { ...londonEngine, maxFutureSeconds: undefined }, { clock })
    expect(await verdict(test.chain, block!)).toBe('head')
  })

  it('does not keep a closed chain waiting', async () => {
    const [block] = await branch(70)
    expect(await verdict(chain, block!)).toBe('future')
    await chain.close()
    expect(clock.pending).toBe(0)
  })
})

describe('the room for blocks ahead of the clock', () => {
  function heldBlock(i: number, dueMs: number, sizeBytes = 600): HeldBlock {
    const hash = new Uint8Array(32)
    new DataView(hash.buffer).setUint32(0, i)
    const block = { hash, header: { number: i }, sizeBytes } as Block
    return { block, entry: block as unknown as IndexEntry, dueMs }
  }

  it('is bounded: the latest goes first', () => {
    const released: number[] = []
    const held = new FutureBlocks(clock, ({ header }) => released.push(header.number))
    const now = clock.nowMs()
    for (let i = 0; i < MAX_FUTURE_BLOCKS + 10; i++) held.hold(heldBlock(i, now + 1000 + ((i * 7) % 300)))
    const kept = Array.from({ length: MAX_FUTURE_BLOCKS + 10 }, (_, i) => i).filter(
      (i) => held.get(heldBlock(i, 0).block.hash) !== undefined,
    )
    expect(kept).toHaveLength(MAX_FUTURE_BLOCKS)
    clock.advance(10_000)
    expect(released.toSorted((a, b) => a - b)).toEqual(kept)
  })

  it('is bounded in bytes, too, and free again when blocks have gone', () => {
    const released: number[] = []
    const held = new FutureBlocks(clock, ({ header }) => released.push(header.number))
    const now = clock.nowMs()
    const size = MAX_FUTURE_BYTES / 4
    for (const i of [1, 2, 3, 4]) held.hold(heldBlock(i, now + i * 1000, size))
    held.hold(heldBlock(0, now + 500, size + 1))
    clock.advance(10_000)
    expect(released).toEqual([0, 1, 2])
    for (const i of [5, 6, 7, 8]) held.hold(heldBlock(i, clock.nowMs() + 1000, size))
    clock.advance(1000)
    expect(released).toEqual([0, 1, 2, 5, 6, 7, 8])
  })

  it('is looked at once a minute, so that a clock that was set is noticed', () => {
    const released: number[] = []
    const held = new FutureBlocks(clock, ({ header }) => released.push(header.number))
    held.hold(heldBlock(1, clock.nowMs() + 30 * 24 * 3600 * 1000))
    clock.advance(29 * 24 * 3600 * 1000)
    expect(released).toEqual([])
    clock.advance(24 * 3600 * 1000)
    expect(released).toEqual([1])
    expect(clock.pending).toBe(0)
    held.stop()
  })
})
