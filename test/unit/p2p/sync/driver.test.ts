import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { createPow } from '../../../../src/consensus/pow.ts'
import { SyncDriver, type SyncOptions } from '../../../../src/p2p/sync/driver.ts'
import { PENALTIES } from '../../../../src/p2p/sync/faults.ts'
import {
  BLOCKS_PER_REQUEST,
  FIND_BASE_MS,
  HEADERS_TIMEOUT_MS,
  MIN_STATUS_INTERVAL_MS,
  UNPROVEN_HEADERS,
} from '../../../../src/p2p/sync/limits.ts'
import type { SyncProgress } from '../../../../src/p2p/sync/types.ts'
import type { Block } from '../../../../src/primitives/block.ts'
import { makeBlock, sealed, withHeader } from '../../../support/block-maker.ts'
import { GENESIS_TIMESTAMP } from '../../../support/header-chain.ts'
import { CHEAP_POW } from '../../../support/header-maker.ts'
import { ManualClock } from '../../../support/manual-clock.ts'
import { sequentialNonceSearch } from '../../../support/sequential-nonce-search.ts'
import { SimulatedPeers } from '../../../support/simulated-peers.ts'
import { openTestChain, type TestChain } from '../../../support/test-chain.ts'
import { keyAddress, testGenesis } from '../../../support/test-genesis.ts'
import { signedTransfer, testKey } from '../../../support/transactions.ts'

const genesis = testGenesis({ header: { difficulty: 16n } })
const engine = createPow(CHEAP_POW, { nonceSearch: sequentialNonceSearch })
const LONG = UNPROVEN_HEADERS + 600
const MOST = 300
const FORK = 60

/** 1,624 blocks; another chain that leaves it after 60, and is heavier than 300 of them. */
let main: Block[]
let heavy: Block[]
let mainWork: readonly bigint[]
let heavyWork: bigint

/** Blocks of a chain in a place of its own, on top of these. @param paces  seconds between as many blocks. */
async function make(from: readonly Block[], nonce: bigint, ...paces: readonly (readonly [number, number])[]) {
  const { chain, remove } = await openTestChain({ genesis }, engine)
  for (const block of from) await chain.import(block)
  const blocks = [...from]
  for (const [count, seconds] of paces) {
    for (let i = 0; i < count; i++) {
      const next = nonce + BigInt(blocks.length - from.length)
      const transfer = signedTransfer({ nonce: next, to: keyAddress(9), value: 1n }, testKey(1))
      const transactions = blocks.length - from.length < 40 ? [transfer] : []
      const block = await makeBlock(chain, engine, chain.head, { seconds, transactions })
      await chain.import(block)
      blocks.push(block)
    }
  }
  await remove()
  return blocks
}

const workOf = (blocks: readonly Block[]) => blocks.reduce((sum, { header }) => sum + header.difficulty, 16n)

beforeAll(async () => {
  main = await make([], 0n, [LONG, 10])
  heavy = await make(main.slice(0, FORK), 40n, [20, 1], [100, 10])
  mainWork = main.map((_, i) => workOf(main.slice(0, i + 1)))
  heavyWork = workOf(heavy)
  expect(heavyWork).toBeGreaterThan(mainWork[MOST - 1]!)
})

let test: TestChain
let clock: ManualClock
let peers: SimulatedPeers
let driver: SyncDriver
let reports: string[]
let seen: SyncProgress[]
/** Whether it was far behind, at each change that was told. */
let changes: boolean[]

beforeEach(async () => {
  // Past every block.
  clock = new ManualClock((GENESIS_TIMESTAMP + 100_000) * 1000)
  test = await openTestChain({ genesis }, engine, { clock })
  peers = new SimulatedPeers(clock)
  reports = []
  seen = []
  changes = []
  driver = makeDriver()
})
afterEach(async () => {
  await driver.stop()
  await test.remove()
})

function makeDriver(options: Partial<SyncOptions> = {}): SyncDriver {
  return new SyncDriver(
    { minimumWork: 0n, maxFutureSeconds: 15, ...options },
    {
      chain: test.chain,
      requests: peers,
      clock,
      pacer: { pause: () => undefined },
      secret: () => crypto.getRandomValues(new Uint8Array(32)),
      report: (peer, fault) => reports.push(`${peer}: ${fault.message}`),
      onChange: () => changes.push(driver.farBehind),
      onFailure: (error) => {
        throw error
      },
    },
  )
}

/** Lets virtual time pass, with the real work in between, until it is so. */
async function until(what: string, isSo: () => boolean): Promise<void> {
  for (let i = 0; i < 1_000_000; i++) {
    const { progress } = driver
    if (progress !== undefined) seen.push(progress)
    if (isSo()) return
    await setImmediate()
    clock.advance(5)
  }
  throw new Error(`never: ${what}; at ${test.chain.head.header.number}, ${JSON.stringify(driver.progress)}`)
}

const has = (block: Block) => () => Buffer.compare(test.chain.head.hash, block.hash) === 0
const peer = (length: number) => ({ blocks: main.slice(0, length), totalDifficulty: mainWork[length - 1]! })

async function follow(id: string, outbound = true): Promise<void> {
  driver.start()
  driver.connected(id, outbound)
}

describe('catching up', () => {
  it('with a peer a few blocks ahead imports them, without presync', async () => {
    peers.set('a', peer(50))
    await follow('a')
    await until('head', has(main[49]!))
    expect(reports).toEqual([])
    expect(seen.map(({ stage }) => stage)).not.toContain('presync')
    await until('rest', () => driver.progress === undefined)
    expect(driver.farBehind).toBe(false)
  })

  it('with a long chain counts it first, and shows how far it is', async () => {
    peers.set('a', peer(LONG))
    await follow('a')
    await until('head', has(main.at(-1)!))
    const stages = seen.map(({ stage }) => stage).filter((stage, i, all) => stage !== all[i - 1])
    expect(stages.slice(0, 2)).toEqual(['headers', 'presync'])
    expect(stages).toContain('bodies')
    const progress = seen.findLast(({ stage }) => stage === 'bodies')!
    expect(progress).toMatchObject({ peer: 'a', startingNumber: 0, highestNumber: LONG })
    expect(progress.headerNumber).toBe(LONG)
  })

  it('tells that it is far behind as soon as headers show it, and that it is no more', async () => {
    peers.set('a', peer(MOST))
    // Not started, it does not look by the clock.
    driver.connected('a', true)
    await until('head', has(main[MOST - 1]!))
    await until('rest', () => driver.progress === undefined)
    expect(changes).toEqual([false, true, false])
  })

  it('takes bodies from all who have them', async () => {
    for (const id of ['a', 'b', 'c']) peers.set(id, peer(LONG))
    driver.start()
    for (const id of ['a', 'b', 'c']) driver.connected(id, true)
    await until('head', has(main.at(-1)!))
    for (const id of ['a', 'b', 'c']) {
      expect(peers.log.filter((line) => line.startsWith(`bodies ${id}`)).length).toBeGreaterThan(3)
    }
  })

  it('asks for small blocks by the dozen, though the chain takes them one by one', async () => {
    const ids = Array.from({ length: 8 }, (_, i) => `${i}`)
    for (const id of ids) peers.set(id, peer(LONG))
    driver.start()
    for (const id of ids) driver.connected(id, true)
    await until('head', has(main.at(-1)!))
    const asked = peers.log.filter((line) => line.startsWith('bodies'))
    expect(asked.length).toBeLessThan((2 * LONG) / BLOCKS_PER_REQUEST)
  })

  it('goes on from where it was stopped', async () => {
    peers.set('a', peer(900))
    await follow('a')
    await until('half', () => test.chain.head.header.number > 300)
    await driver.stop()
    const { number } = test.chain.head.header
    peers.log.length = 0
    driver = makeDriver()
    await follow('a')
    await until('head', has(main[899]!))
    // The first question is about the head, the next for what follows it.
    expect(peers.log.slice(0, 2)).toEqual([`headers a ${number}`, `headers a ${number + 1}`])
  })

  it('follows a chain that grows meanwhile', async () => {
    peers.set('a', peer(500))
    await follow('a')
    await until('half', () => test.chain.head.header.number > 200)
    peers.set('a', peer(700))
    await until('head', has(main[699]!))
  })

  it('goes over to a heavier chain, however deep it forks', async () => {
    peers.set('a', peer(MOST))
    await follow('a')
    await until('head', has(main[MOST - 1]!))
    peers.set('b', { blocks: heavy, totalDifficulty: heavyWork })
    driver.connected('b', false)
    await until('heavy head', has(heavy.at(-1)!))
    expect(reports).toEqual([])
  })

  it('asks nobody for blocks of a branch that it holds, and its chain for no more than the first that is missing', async () => {
    const HELD = 20
    peers.set('a', peer(MOST))
    await follow('a')
    await until('head', has(main[MOST - 1]!))
    for (const block of heavy.slice(FORK, FORK + HELD)) expect(await test.chain.import(block)).toBe('side')
    await until('rest', () => driver.progress === undefined)
    driver.disconnected('a')
    peers.log.length = 0
    const reads = vi.spyOn(test.chain, 'has')
    peers.set('b', { blocks: heavy, totalDifficulty: heavyWork })
    driver.connected('b', false)
    await until('heavy head', has(heavy.at(-1)!))
    const bodies = peers.log.filter((line) => line.startsWith('bodies')).map((line) => Number(line.split(' ')[2]))
    expect(bodies.reduce((sum, count) => sum + count, 0)).toBe(heavy.length - FORK - HELD)
    // To find where the chains part, and the first block above.
    expect(reads.mock.calls.length).toBeLessThan(30)
    expect(reads.mock.lastCall).toEqual([heavy[FORK + HELD]!.hash])
  })

  it('does not follow a chain that has less work, or less than it must have', async () => {
    await driver.stop()
    driver = makeDriver({ minimumWork: mainWork[99]! + 1n })
    peers.set('a', peer(100))
    await follow('a')
    for (let i = 0; i < 100; i++) {
      await setImmediate()
      clock.advance(100)
    }
    expect(peers.log).toEqual([])
    peers.set('b', peer(101))
    driver.connected('b', true)
    await until('head', has(main[100]!))
  })

  it('does not look for ever where a chain leaves ours, however slowly its peer answers', async () => {
    peers.set('a', peer(MOST))
    await follow('a')
    await until('head', has(main[MOST - 1]!))
    await until('rest', () => driver.progress === undefined)
    driver.disconnected('a')
    const latencyMs = HEADERS_TIMEOUT_MS - 1_000
    peers.set('slow', { blocks: heavy, totalDifficulty: heavyWork, latencyMs })
    driver.connected('slow', true)
    await until('begin', () => driver.progress?.peer === 'slow')
    const beganMs = clock.nowMs()
    await until('end', () => driver.progress === undefined)
    expect(clock.nowMs() - beganMs).toBeLessThan(FIND_BASE_MS + HEADERS_TIMEOUT_MS)
    expect(peers.log.filter((line) => line.startsWith('headers slow')).length).toBeGreaterThan(3)
    expect(has(main[MOST - 1]!)()).toBe(true)
  })

  it('asks for a head again when a block came whose parent is unknown', async () => {
    peers.set('a', peer(10))
    await follow('a')
    await until('head', has(main[9]!))
    await until('rest', () => driver.progress === undefined)
    peers.set('a', peer(20))
    const [asked, heardMs] = [peers.statusAsked, clock.nowMs()]
    driver.heard('a')
    await until('question', () => peers.statusAsked > asked)
    expect(clock.nowMs() - heardMs).toBeLessThan(2 * MIN_STATUS_INTERVAL_MS)
    await until('head', has(main[19]!))
  })

  it('leaves headers from ahead of the clock for later', async () => {
    await driver.stop()
    clock = new ManualClock(main[29]!.header.timestamp * 1000)
    await test.remove()
    test = await openTestChain({ genesis }, engine, { clock })
    peers = new SimulatedPeers(clock)
    peers.set('a', peer(40))
    driver = makeDriver()
    await follow('a')
    await until('time', () => clock.nowMs() >= main[39]!.header.timestamp * 1000)
    await until('head', has(main[39]!))
    expect(reports).toEqual([])
  })
})

describe('a peer that', () => {
  beforeEach(() => {
    for (const id of ['b', 'c']) peers.set(id, peer(MOST))
  })

  async function catchUp(): Promise<void> {
    driver.start()
    driver.connected('a', true)
    for (const id of ['b', 'c']) driver.connected(id, true)
    await until('head', has(main[MOST - 1]!))
  }

  it('brings wrong bodies is reported, and others bring the right ones', async () => {
    const forge = () => ({ transactions: main[0]!.transactions, encoded: main[0]!.body })
    peers.set('a', { ...peer(MOST), forge })
    await catchUp()
    expect(new Set(reports)).toEqual(new Set(['a: wrong-body']))
  })

  it('claims more than it has is found out before anything of it counts', async () => {
    peers.set('a', { ...peer(MOST), claim: { totalDifficulty: 10n ** 12n } })
    await catchUp()
    expect(reports[0]).toBe('a: false-claim')
  })

  it('answers no headers does not stop the rest', async () => {
    peers.set('a', { ...peer(MOST), claim: { totalDifficulty: 10n ** 12n }, silent: new Set(['headers' as const]) })
    await catchUp()
    expect(reports).toEqual([])
  })

  it('answers no bodies does not stop the rest', async () => {
    peers.set('a', { ...peer(MOST), silent: new Set(['bodies' as const]) })
    await catchUp()
  })

  it('has no bodies does not stop the rest', async () => {
    peers.set('a', { ...peer(MOST), bodiless: true })
    await catchUp()
  })

  it('asks for patience gets it', async () => {
    peers.set('a', { ...peer(MOST), busy: 1 })
    driver.start()
    driver.connected('a', true)
    await until('head', has(main[MOST - 1]!))
    expect(reports).toEqual([])
    expect(driver.progress === undefined || driver.progress.peer === 'a').toBe(true)
  })

  it('vanishes half-way does not stop the rest', async () => {
    peers.set('a', peer(MOST))
    driver.start()
    driver.connected('a', true)
    await until('some', () => test.chain.head.header.number > 100)
    for (const id of ['b', 'c']) driver.connected(id, true)
    peers.remove('a')
    driver.disconnected('a')
    await until('head', has(main[MOST - 1]!))
    expect(reports).toEqual([])
  })

  it('shows headers that break a rule is reported with the rule', async () => {
    const bad = withHeader(main[200]!, { baseFeePerGas: 1n })
    const headers = (number: number) => (number === 201 ? bad : main[number - 1])
    peers.set('a', { ...peer(MOST), headers, claim: { totalDifficulty: 10n ** 12n } })
    await catchUp()
    expect(reports).toEqual(['a: invalid-header: bad-seal'].map(() => expect.stringMatching(/^a: invalid-header/)))
  })

  it('follows a chain with an invalid block is reported, and its next block is known to be bad', async () => {
    for (const block of main.slice(0, 10)) await test.chain.import(block)
    const parent = main[9]!
    const valid = await makeBlock(test.chain, engine, parent, { seconds: 1 })
    const bad = await sealed(test.chain, engine, parent, withHeader(valid, { stateRoot: new Uint8Array(32) }))
    const chain = { blocks: [...main.slice(0, 10), bad], totalDifficulty: mainWork[9]! + 1n }
    peers.set('a', chain)
    driver.start()
    driver.connected('a', true)
    await until('report', () => reports.length > 0)
    expect(reports).toEqual(['a: invalid-block: bad-state-root'])
    expect(PENALTIES['invalid-block']).toBe('discourage')
    expect(has(main[9]!)()).toBe(true)
    peers.set('d', chain)
    driver.connected('d', true)
    await until('report', () => reports.length > 1)
    expect(reports[1]).toBe('d: invalid-block: known-bad')
    for (const id of ['b', 'c']) driver.connected(id, true)
    await until('head', has(main[MOST - 1]!))
  })
})
