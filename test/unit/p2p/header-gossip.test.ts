import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createPow } from '../../../src/consensus/pow.ts'
import { HeaderGossip } from '../../../src/p2p/header-gossip.ts'
import { HEADER_WAIT_MS, MAX_GOSSIP_DEPTH, MAX_PEER_WAITING_HEADERS } from '../../../src/p2p/limits.ts'
import type { Block } from '../../../src/primitives/block.ts'
import { encodeHeader } from '../../../src/primitives/header.ts'
import { makeBlock } from '../../support/block-maker.ts'
import { GENESIS_TIMESTAMP } from '../../support/header-chain.ts'
import { CHEAP_POW } from '../../support/header-maker.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { sequentialNonceSearch } from '../../support/sequential-nonce-search.ts'
import { openTestChain, type TestChain } from '../../support/test-chain.ts'
import { testGenesis } from '../../support/test-genesis.ts'

const genesis = testGenesis({ header: { difficulty: 16n } })
const engine = createPow(CHEAP_POW, { nonceSearch: sequentialNonceSearch })

let opened: TestChain
let clock: ManualClock
let gossip: HeaderGossip
let unknown: string[]

beforeEach(async () => {
  clock = new ManualClock((GENESIS_TIMESTAMP + 10_000) * 1000)
  opened = await openTestChain({ genesis }, engine, { clock })
  unknown = []
  gossip = new HeaderGossip({
    chain: opened.chain,
    clock,
    publish: () => undefined,
    catchingUp: () => false,
    onUnknownBlock: (peer) => unknown.push(peer),
  })
  opened.chain.subscribe((event) => gossip.follow(event))
})
afterEach(() => opened.remove())

const receive = ({ header }: Block, from = 'alice') => gossip.handle(encodeHeader(header), from)
const child = (seconds = 10) => makeBlock(opened.chain, engine, opened.chain.head, { transactions: [], seconds })

describe('a header', () => {
  test('is passed on when its block has been executed, and a replay of it is not', async () => {
    const block = await child()
    const verdict = receive(block)
    await opened.chain.import(block)
    expect(await verdict).toBe('accept')
    expect(await receive(block, 'bob')).toBe('ignore')
    expect(unknown).toEqual([])
  })

  test('whose block does not come is let lie, and its sender asked for its head', async () => {
    const verdict = receive(await child())
    clock.advance(HEADER_WAIT_MS)
    expect(await verdict).toBe('ignore')
    expect(unknown).toEqual(['alice'])
  })

  test('of a branch far below the head is let lie at once', async () => {
    const old = await child(11)
    for (let i = 0; i <= MAX_GOSSIP_DEPTH + 1; i++) await opened.chain.import(await child())
    expect(await receive(old)).toBe('ignore')
    expect(unknown).toEqual([])
  })

  test('waits among a bounded number of its sender', async () => {
    const blocks = await Promise.all(Array.from({ length: MAX_PEER_WAITING_HEADERS + 1 }, (_, i) => child(10 + i)))
    const last = blocks.pop()!
    const waiting = blocks.map((block) => receive(block))
    expect(await receive(last)).toBe('ignore')
    const verdict = receive(last, 'bob')
    await opened.chain.import(last)
    expect(await verdict).toBe('accept')
    gossip.stop()
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(['ignore']))
  })
})

test('after it has stopped nothing waits, and nobody is asked', async () => {
  const verdict = receive(await child())
  gossip.stop()
  expect(await verdict).toBe('ignore')
  expect(await receive(await child(12))).toBe('ignore')
  clock.advance(HEADER_WAIT_MS)
  expect(unknown).toEqual([])
})
