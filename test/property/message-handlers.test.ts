import { setImmediate } from 'node:timers/promises'
import { generateKeyPairFromSeed, publicKeyToProtobuf } from '@libp2p/crypto/keys'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createPow } from '../../src/consensus/pow.ts'
import { openRecords } from '../../src/node/peer-records.ts'
import { BlockGossip } from '../../src/p2p/block-gossip.ts'
import { compactForm } from '../../src/p2p/compact-matching.ts'
import { HeaderGossip } from '../../src/p2p/header-gossip.ts'
import { HEADER_WAIT_MS, REBUILD_TIMEOUT_MS } from '../../src/p2p/limits.ts'
import { AddressBook } from '../../src/p2p/peers/address-book.ts'
import { BanList } from '../../src/p2p/peers/ban-list.ts'
import { MAX_PEERS_EXCHANGED } from '../../src/p2p/peers/limits.ts'
import { PeerManager } from '../../src/p2p/peers/peer-manager.ts'
import { sourceAt } from '../../src/p2p/peers/source.ts'
import { PropagationWatch } from '../../src/p2p/propagation.ts'
import { SightingGossip } from '../../src/p2p/sighting-gossip.ts'
import { SyncDriver } from '../../src/p2p/sync/driver.ts'
import { PENALTIES } from '../../src/p2p/sync/faults.ts'
import type { PeerBody } from '../../src/p2p/sync/types.ts'
import { TransactionGossip } from '../../src/p2p/transaction-gossip.ts'
import { encodeSighting, sightingSigningBytes } from '../../src/p2p/wire/sighting.ts'
import { encodeTransactionList } from '../../src/p2p/wire/transactions.ts'
import type { Block } from '../../src/primitives/block.ts'
import { encodeHeader, type HashedHeader } from '../../src/primitives/header.ts'
import type { RecoveredTransaction } from '../../src/primitives/transaction.ts'
import { makeBlock } from '../support/block-maker.ts'
import { damage, damaged } from '../support/damage.ts'
import { GENESIS_TIMESTAMP } from '../support/header-chain.ts'
import { CHEAP_POW } from '../support/header-maker.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { PoolFixture } from '../support/pool-fixture.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { sequentialNonceSearch } from '../support/sequential-nonce-search.ts'
import { openTestChain, recoverHere, type TestChain } from '../support/test-chain.ts'
import { testGenesis } from '../support/test-genesis.ts'
import { signedTransfer } from '../support/transactions.ts'

const VERDICTS = ['accept', 'ignore', 'reject']
const SEED = 20_241
const peers = fc.constantFrom('alice', 'bob', 'carol')

const genesis = testGenesis({ header: { difficulty: 16n } })
const engine = createPow(CHEAP_POW, { nonceSearch: sequentialNonceSearch })

let opened: TestChain
let clock: ManualClock
/** Two in a row, not imported. */
let blocks: [Block, Block]
let transactions: RecoveredTransaction[]

beforeEach(async () => {
  clock = new ManualClock((GENESIS_TIMESTAMP + 1_000) * 1000)
  opened = await openTestChain({ genesis }, engine, { clock })
  const transfers = Array.from({ length: 4 }, (_, i) => signedTransfer({ nonce: BigInt(i) }))
  transactions = (await recoverHere(transfers)) as RecoveredTransaction[]
  blocks = await twoBlocks()
})
afterEach(() => opened.remove())

async function twoBlocks(): Promise<[Block, Block]> {
  const other = await openTestChain({ genesis }, engine, { clock })
  const first = await makeBlock(other.chain, engine, other.chain.head, {
    transactions: transactions.map(({ tx }) => tx),
  })
  await other.chain.import(first)
  const second = await makeBlock(other.chain, engine, other.chain.head)
  await other.remove()
  return [first, second]
}

/** Anything, and what is nearly right. */
function bytesNear(...valid: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  return fc.oneof(
    fc.uint8Array({ maxLength: 600 }),
    fc.constantFrom(...valid),
    fc.tuple(fc.constantFrom(...valid), damage).map(([bytes, change]) => damaged(bytes, change)),
  )
}

describe('whatever bytes a peer sends', () => {
  it('as transactions have a verdict', async () => {
    const fixture = await PoolFixture.create()
    const gossip = new TransactionGossip({
      pool: fixture.pool,
      recover: recoverHere,
      clock: fixture.clock,
      watch: new PropagationWatch(fixture.clock),
      random: () => 0,
      publish: () => undefined,
      hasListeners: () => true,
      onFlood: () => undefined,
    })
    const raws = transactions.map(({ tx }) => tx.raw)
    const bytes = bytesNear(encodeTransactionList(raws), encodeTransactionList(raws.slice(0, 1)), ...raws)
    await fc.assert(
      fc.asyncProperty(bytes, peers, async (data, from) => {
        expect(VERDICTS).toContain(await gossip.handle(data, from, () => undefined))
        expect([...gossip.underway]).toEqual([])
      }),
      { seed: SEED, numRuns: 300 },
    )
    gossip.stop()
    expect(fixture.errors).toEqual([])
  })

  it('as sightings have a verdict, and no more of them are kept than there may be', async () => {
    const watch = new PropagationWatch(clock)
    await opened.chain.import(blocks[0])
    watch.blockArrived(blocks[0].hash, 1, 'alice')
    const { genesisHash } = opened.chain
    const gossip = new SightingGossip({
      chain: opened.chain,
      genesisHash,
      watch,
      clock,
      publicKey: new Uint8Array(36),
      sign: async () => new Uint8Array(64),
      publish: () => undefined,
      onError: (error) => {
        throw error
      },
    })
    const key = await generateKeyPairFromSeed('Ed25519', new Uint8Array(32))
    const sighting = {
      blockHash: blocks[0].hash,
      number: 1,
      seenAtMs: clock.nowMs(),
      publicKey: publicKeyToProtobuf(key.publicKey),
    }
    const valid = encodeSighting({
      ...sighting,
      signature: await key.sign(sightingSigningBytes(genesisHash, sighting)),
    })
    await fc.assert(
      fc.asyncProperty(bytesNear(valid), peers, async (data, from) => {
        expect(VERDICTS).toContain(await gossip.handle(data, from))
        expect(gossip.of(blocks[0].hash).length).toBeLessThan(2)
      }),
      { seed: SEED, numRuns: 300 },
    )
  })

  it('as headers have a verdict, at once or when the wait is over, and nothing waits then', async () => {
    const gossip = new HeaderGossip({
      chain: opened.chain,
      clock,
      publish: () => undefined,
      catchingUp: () => false,
      onUnknownBlock: () => undefined,
    })
    const bytes = bytesNear(...blocks.map(({ header }) => encodeHeader(header)))
    await fc.assert(
      fc.asyncProperty(bytes, peers, async (data, from) => {
        const verdict = gossip.handle(data, from)
        await setImmediate()
        clock.advance(HEADER_WAIT_MS)
        expect(VERDICTS).toContain(await verdict)
        expect(clock.pending).toBe(0)
      }),
      { seed: SEED, numRuns: 200 },
    )
  })

  it('as compact blocks, and as what they lack, have a verdict', async () => {
    const bodies = fc.constantFrom<PeerBody>(
      { transactions: [], encoded: Uint8Array.of(0xc0) },
      { transactions: blocks[0].transactions, encoded: blocks[0].body },
      { transactions: blocks[0].transactions.slice(1), encoded: blocks[1].body },
    )
    const failures: unknown[] = []
    let body: PeerBody
    const gossip = new BlockGossip(
      { maxFutureSeconds: 15 },
      {
        chain: opened.chain,
        requests: {
          blockTransactions: async (_peer, _hash, indexes) => body.transactions.slice(0, indexes.length),
          body: async () => body,
        },
        clock,
        watch: new PropagationWatch(clock),
        candidates: () => transactions.slice(0, 2),
        isAnnounced: () => true,
        randomBytes: (length) => new Uint8Array(length),
        publish: () => undefined,
        neighbours: () => ['bob', 'carol'],
        catchingUp: () => false,
        onUnknownParent: () => undefined,
        onWrongBody: () => undefined,
        onGivenUp: () => undefined,
        onWithholding: () => undefined,
        onRefused: () => undefined,
        onError: (error) => failures.push(error),
      },
    )
    const compact = blocks.map((block) =>
      compactForm(block, transactions.slice(0, block.transactions.length), new Uint8Array(8), () => false),
    )
    await fc.assert(
      fc.asyncProperty(bytesNear(...compact), peers, bodies, async (data, from, answer) => {
        body = answer
        const verdict = gossip.handle(data, from, () => undefined)
        await setImmediate()
        clock.advance(REBUILD_TIMEOUT_MS)
        expect(VERDICTS).toContain(await verdict)
      }),
      { seed: SEED, numRuns: 200 },
    )
    await gossip.stop()
    expect(failures).toEqual([])
    expect(clock.pending).toBe(0)
  })

  it('as addresses of others are taken or left, and no more of them than there may be', async () => {
    const book = new AddressBook(new Uint8Array(32), seededRandom(SEED))
    const manager = new PeerManager(
      { self: 'self', bootnodes: [], trusted: [], anchors: [] },
      { book, bans: new BanList(), random: seededRandom(SEED), secret: new Uint8Array(32) },
    )
    const address = fc.oneof(
      fc.string({ maxLength: 300 }),
      fc.ipV4().map((ip) => `/ip4/${ip}/tcp/1`),
      fc.ipV6().map((ip) => `/ip6/${ip}/udp/1/quic-v1`),
      fc.webUrl(),
    )
    const named = fc.record({ peer: fc.string(), addresses: fc.array(address, { maxLength: 20 }) })
    const host = fc.option(fc.oneof(fc.ipV4(), fc.ipV6()), { nil: undefined })
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 300 })),
        fc.array(named, { maxLength: 100 }),
        host,
        async (envelopes, told, from) => {
          const before = book.size.known
          manager.hear(await openRecords(envelopes), sourceAt(from), clock.nowMs())
          expect(book.size.known).toBe(before)
          manager.hear(told, sourceAt(from), clock.nowMs())
          expect(book.size.known - before).toBeLessThanOrEqual(MAX_PEERS_EXCHANGED)
          for (const action of manager.look(clock.nowMs())) {
            if (action.type === 'dial') manager.dialFailed(action.peer, clock.nowMs())
          }
        },
      ),
      { seed: SEED, numRuns: 60 },
    )
  })
})

describe('whatever a peer answers while we catch up', () => {
  it('ends in a known fault or none; the chain keeps what is valid, and nothing waits', async () => {
    const { chain } = opened
    const [first, second] = blocks
    const strange: HashedHeader = { hash: new Uint8Array(32), header: { ...first.header, number: 9 } }
    const header = fc.constantFrom<HashedHeader>(first, second, { ...first, hash: second.hash }, strange)
    const body = fc.constantFrom<PeerBody>(
      { transactions: first.transactions, encoded: first.body },
      { transactions: second.transactions, encoded: second.body },
      { transactions: [], encoded: new Uint8Array(0) },
    )
    const claim = fc.record({
      hash: fc.constantFrom(first.hash, second.hash, new Uint8Array(32)),
      number: fc.oneof(fc.nat(3), fc.maxSafeNat()),
      totalDifficulty: fc.oneof(fc.bigInt(0n, 100n), fc.bigInt(0n, 2n ** 256n - 1n)),
    })
    const plan = fc.record({
      claim,
      headers: fc.array(fc.array(header, { maxLength: 4 }), { minLength: 1, maxLength: 5 }),
      bodies: fc.array(fc.array(body, { maxLength: 3 }), { minLength: 1, maxLength: 3 }),
      fault: fc.constantFrom('bad-answer', 'stalled', 'unhelpful'),
      failsEvery: fc.integer({ min: 2, max: 6 }),
    })
    await fc.assert(
      fc.asyncProperty(plan, async ({ claim: head, headers, bodies, fault, failsEvery }) => {
        const failures: unknown[] = []
        const faults: string[] = []
        let asked = 0
        const next = async <T>(answers: readonly T[]): Promise<T> => {
          if (++asked % failsEvery === 0) throw new Error('no answer')
          return answers[asked % answers.length]!
        }
        const driver = new SyncDriver(
          { minimumWork: 0n, maxFutureSeconds: 15 },
          {
            chain,
            requests: {
              status: async () => head,
              headers: () => next(headers),
              bodies: () => next(bodies),
              faultOf: () => fault,
              retryAfterMs: () => 0,
            },
            clock,
            pacer: { pause: () => undefined },
            secret: () => new Uint8Array(32),
            report: (_peer, { code }) => faults.push(code),
            onChange: () => undefined,
            onFailure: (error) => failures.push(error),
          },
        )
        driver.start()
        driver.connected('alice', true)
        for (let i = 0; i < 20; i++) {
          await setImmediate()
          clock.advance(1_000)
        }
        await driver.stop()
        expect(failures).toEqual([])
        expect(Object.keys(PENALTIES)).toEqual(expect.arrayContaining(faults))
        expect([chain.genesisHash, first.hash, second.hash].map(String)).toContain(String(chain.head.hash))
        expect(clock.pending).toBe(0)
      }),
      { seed: SEED, numRuns: 60 },
    )
  })
})
