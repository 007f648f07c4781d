import { setImmediate } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type BlockSigner, createPoa, poaSealHash } from '../../../src/consensus/poa.ts'
import { loadRecovery } from '../../../src/crypto/load-recovery.ts'
import { RecoveryPool } from '../../../src/crypto/recovery-pool.ts'
import { recoverSigner } from '../../../src/crypto/sender.ts'
import { SyncDriver } from '../../../src/p2p/sync/driver.ts'
import { HEADERS_PER_REQUEST } from '../../../src/p2p/sync/limits.ts'
import type { Block } from '../../../src/primitives/block.ts'
import { bigintToBytes, bytesToBigint, concatBytes } from '../../../src/primitives/bytes.ts'
import { makeBlock, withHeader } from '../../support/block-maker.ts'
import { testSigner } from '../../support/block-signers.ts'
import { GENESIS_TIMESTAMP } from '../../support/header-chain.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { SimulatedPeers } from '../../support/simulated-peers.ts'
import { openTestChain, type TestChain } from '../../support/test-chain.ts'
import { testGenesis } from '../../support/test-genesis.ts'

const GROUP_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
/** In a second answer, whose seals are recovered while the first is judged. */
const FORGED_AT = HEADERS_PER_REQUEST + 20
const BLOCKS = FORGED_AT + 20

const genesis = testGenesis()
const signer = testSigner(1)
/** Past every block. */
const clock = new ManualClock((GENESIS_TIMESTAMP + 100_000) * 1000)
const recovery = await loadRecovery()

function poa(components: Omit<Parameters<typeof createPoa>[1], 'clock'>) {
  return createPoa({ signers: [signer.address], periodSec: 5, maxFutureSeconds: 15 }, { clock, ...components })
}

let blocks: Block[]
let pool: RecoveryPool
beforeAll(async () => {
  pool = await RecoveryPool.start({ threads: 2 })
  const engine = poa({ signer, recoverSigner: (hash, signature) => recoverSigner(recovery, hash, signature) })
  const { chain, remove } = await openTestChain({ genesis }, engine, { clock })
  blocks = []
  while (blocks.length < BLOCKS) {
    const block = await makeBlock(chain, engine, chain.head)
    await chain.import(block)
    blocks.push(block)
  }
  await remove()
})
afterAll(() => pool.stop())

let test: TestChain
let peers: SimulatedPeers
let driver: SyncDriver
let reports: string[]
/** Seals recovered on this thread. */
let here: number

beforeEach(async () => {
  here = 0
  reports = []
  const engine = poa({
    recoverSigner: (hash, signature) => {
      here++
      return recoverSigner(recovery, hash, signature)
    },
    recoverSigners: (signed) => pool.recoverSigners(signed),
  })
  test = await openTestChain({ genesis }, engine, { clock })
  peers = new SimulatedPeers(clock)
  driver = new SyncDriver(
    { minimumWork: 0n, maxFutureSeconds: 15 },
    {
      chain: test.chain,
      requests: peers,
      clock,
      pacer: { pause: () => undefined },
      secret: () => crypto.getRandomValues(new Uint8Array(32)),
      report: (peer, fault) => reports.push(`${peer}: ${fault.message}`),
      onChange: () => undefined,
      onFailure: (error) => reports.push(error.message),
    },
  )
})
afterEach(async () => {
  await driver.stop()
  await test.remove()
})

const totalDifficulty = (count: number) => genesis.header.difficulty + 2n * BigInt(count)

async function catchUp(...ids: readonly string[]): Promise<void> {
  driver.start()
  for (const id of ids) driver.connected(id, true)
  for (let i = 0; test.chain.head.header.number < BLOCKS && i < 1_000_000; i++) {
    await setImmediate()
    clock.advance(5)
  }
  expect(test.chain.head.hash).toEqual(blocks.at(-1)!.hash)
}

describe('catching up under proof of authority', () => {
  it('recovers no seal on the main thread', async () => {
    peers.set('honest', { blocks, totalDifficulty: totalDifficulty(BLOCKS) })
    await catchUp('honest')
    expect(reports).toEqual([])
    expect(here).toBe(0)
  })

  it('blames who shows a forged seal, and nobody else', async () => {
    const last = blocks[FORGED_AT - 1]!
    const resealed = (signature: Uint8Array) =>
      withHeader(last, { extraData: concatBytes(last.header.extraData.subarray(0, 32), signature) })
    const own = last.header.extraData.slice(32)
    const mirrored = bigintToBytes(GROUP_ORDER - bytesToBigint(own.subarray(32, 64)), 32)
    const forgeries: Record<string, Block> = {
      stranger: resealed(await sign(testSigner(2), last)),
      mirror: resealed(concatBytes(own.subarray(0, 32), mirrored, Uint8Array.of(own[64]! ^ 1))),
      senseless: resealed(new Uint8Array(65).fill(1)),
      // Another block under a seal that is good for the one beside it.
      transplant: withHeader(last, { gasUsed: 1n }),
    }
    for (const [id, forged] of Object.entries(forgeries)) {
      const chain = [...blocks.slice(0, FORGED_AT - 1), forged, ...blocks.slice(FORGED_AT)]
      peers.set(id, { blocks: chain, totalDifficulty: totalDifficulty(BLOCKS) + 1n })
    }
    peers.set('honest', { blocks, totalDifficulty: totalDifficulty(BLOCKS) })
    await catchUp(...Object.keys(forgeries), 'honest')
    expect(reports.sort()).toEqual(
      Object.keys(forgeries)
        .sort()
        .map((id) => `${id}: invalid-header: bad-seal`),
    )
    expect(here).toBe(0)
  })
})

const sign = async (by: BlockSigner, { header }: Block) => by.signHash(poaSealHash(header))
