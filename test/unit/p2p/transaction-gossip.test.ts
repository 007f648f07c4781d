import { beforeEach, describe, expect, test } from 'vitest'
import {
  BUNDLE_DELAY_MS,
  MAX_RECOVERY_DEBT,
  REANNOUNCE_AFTER_MS,
  REANNOUNCE_MS,
  RECOVERY_ALLOWANCE,
  UNREAD_BYTES,
} from '../../../src/p2p/limits.ts'
import { PropagationWatch } from '../../../src/p2p/propagation.ts'
import { TransactionGossip } from '../../../src/p2p/transaction-gossip.ts'
import { MAX_BUNDLE_BYTES, MAX_BUNDLE_TRANSACTIONS } from '../../../src/p2p/wire/limits.ts'
import { decodeTransactionBundle, encodeTransactionList } from '../../../src/p2p/wire/transactions.ts'
import { toKey } from '../../../src/primitives/bytes.ts'
import { TxError } from '../../../src/primitives/errors.ts'
import type { RecoveredTransaction } from '../../../src/primitives/transaction.ts'
import { PoolFixture } from '../../support/pool-fixture.ts'
import { transfer } from '../../support/pool-transfers.ts'

let fixture: PoolFixture
let gossip: TransactionGossip
let watch: PropagationWatch
let sent: RecoveredTransaction['hash'][][]
let recovered: number
let listeners: number
let floods: string[]
/** By hash: what recovery finds; anything else has a bad signature. */
let signed: Map<string, RecoveredTransaction>

beforeEach(async () => {
  fixture = await PoolFixture.create()
  watch = new PropagationWatch(fixture.clock)
  sent = []
  recovered = 0
  listeners = 1
  floods = []
  signed = new Map()
  gossip = createGossip()
  fixture.pool.subscribe((changes) => gossip.follow(changes))
})

function createGossip(): TransactionGossip {
  return new TransactionGossip({
    pool: fixture.pool,
    recover: async (transactions) => {
      recovered += transactions.length
      return transactions.map((tx) => signed.get(toKey(tx.raw)) ?? new TxError('invalid-signature'))
    },
    clock: fixture.clock,
    watch,
    random: () => 0.5,
    publish: (data) => sent.push(decodeTransactionBundle(data).map(({ raw }) => signed.get(toKey(raw))!.hash)),
    hasListeners: () => listeners > 0,
    onFlood: (peer) => floods.push(peer),
  })
}

/** Transactions of account `from`, nonces from `start` on, that recovery will know. */
function transfers(from: number, count: number, start = 0): RecoveredTransaction[] {
  const made = Array.from({ length: count }, (_, i) => transfer({ from, nonce: start + i }))
  for (const each of made) signed.set(toKey(each.tx.raw), each)
  return made
}

function bundle(...transactions: readonly RecoveredTransaction[]): Uint8Array {
  return encodeTransactionList(transactions.map(({ tx }) => tx.raw))
}

const hashes = (transactions: readonly RecoveredTransaction[]) => transactions.map(({ hash }) => hash)
const receive = (data: Uint8Array, from = 'alice') => gossip.handle(data, from, () => undefined)

/** All at once; the pool takes its breaks between batches. */
async function receiveTogether(bundles: readonly Uint8Array[]) {
  const verdicts = Promise.all(bundles.map((data) => receive(data)))
  let over = false
  void verdicts.then(() => {
    over = true
  })
  while (!over) {
    fixture.clock.advance(0)
    await new Promise(setImmediate)
  }
  return verdicts
}

describe('what a peer brings', () => {
  test('goes into the pool and on in the same bundle if at least half of it is new', async () => {
    const [known, fresh] = [transfers(1, 2), transfers(2, 2)]
    await fixture.add(...known)
    fixture.clock.advance(BUNDLE_DELAY_MS)
    sent = []
    expect(await receive(bundle(...known, ...fresh))).toBe('accept')
    expect(fresh.every((each) => fixture.has(each))).toBe(true)
    fixture.clock.advance(BUNDLE_DELAY_MS)
    expect(sent).toEqual([])
  })

  test('is not passed on as it is if most of it is known; what is new goes out once, in a bundle of ours', async () => {
    const [known, fresh] = [transfers(1, 3), transfers(2, 2)]
    await fixture.add(...known)
    fixture.clock.advance(BUNDLE_DELAY_MS)
    sent = []
    expect(await receive(bundle(...known, ...fresh))).toBe('ignore')
    expect(await receive(bundle(...fresh, ...known), 'bob')).toBe('ignore')
    fixture.clock.advance(BUNDLE_DELAY_MS)
    expect(sent).toEqual([hashes(fresh)])
  })

  test('is recovered once, however many bring it at the same time', async () => {
    const fresh = transfers(1, 4)
    const verdicts = await Promise.all([
      receive(bundle(...fresh)),
      receive(bundle(...fresh.toReversed()), 'bob'),
      receive(bundle(fresh[0]!, ...fresh), 'carol'),
    ])
    expect(verdicts).toEqual(['accept', 'ignore', 'ignore'])
    expect(recovered).toBe(4)
  })

  test.each<{ readonly what: string; readonly data: () => Uint8Array }>([
    { what: 'nonsense', data: () => Uint8Array.of(1, 2, 3) },
    { what: 'an empty list', data: () => Uint8Array.of(0xc0) },
    { what: 'bytes that are no transaction', data: () => encodeTransactionList([Uint8Array.of(9, 9)]) },
    { what: 'a bad signature', data: () => bundle(transfer({ from: 90 })) },
    {
      what: 'too little gas for anything',
      data: () => bundle(...transfers(1, 1), transfer({ from: 2, gasLimit: 1n })),
    },
  ])('is held against it when it is $what, and nothing of it is kept', async ({ data }) => {
    expect(await receive(data())).toBe('reject')
    expect(fixture.pool.status().pending).toBe(0)
  })

  test.each<{ readonly what: string; readonly make: () => RecoveredTransaction }>([
    { what: 'pays less than the floor', make: () => transfer({ from: 1, gwei: 0.5 }) },
    { what: 'cannot be paid', make: () => transfer({ from: 1_000 }) },
    { what: 'has no replay protection', make: () => transfer({ from: 1, type: 0, chainId: undefined }) },
  ])('is let lie when it $what, which another node may see otherwise', async ({ make }) => {
    const each = make()
    signed.set(toKey(each.tx.raw), each)
    expect(await receive(bundle(each))).toBe('ignore')
  })

  test('is not looked at any more when too little of it was of use, and again after a while', async () => {
    const poor = Array.from({ length: 512 }, (_, i) => transfer({ from: 1_000 + i }))
    for (const each of poor) signed.set(toKey(each.tx.raw), each)
    for (let i = 0; i < RECOVERY_ALLOWANCE.capacity / 512; i++) expect(await receive(bundle(...poor))).toBe('ignore')
    const paidFor = recovered
    const good = transfers(1, 2)
    expect(await receive(bundle(...good))).toBe('ignore')
    expect(recovered).toBe(paidFor)
    expect(await receive(bundle(...good), 'bob')).toBe('accept')
    fixture.clock.advance(1_000)
    expect(await receive(bundle(...transfers(3, 2)))).toBe('accept')
  })

  test('is refused by its outer form when it has more items than transfers fit, whether paid for or not', async () => {
    const poor = Array.from({ length: 512 }, (_, i) => transfer({ from: 1_000 + i }))
    for (const each of poor) signed.set(toKey(each.tx.raw), each)
    for (let i = 0; i < RECOVERY_ALLOWANCE.capacity / 512; i++) await receive(bundle(...poor))
    const items = Array.from({ length: MAX_BUNDLE_TRANSACTIONS }, () => new Uint8Array(40))
    expect(await receive(encodeTransactionList(items))).toBe('ignore')
    expect(await receive(encodeTransactionList([...items, new Uint8Array(40)]))).toBe('reject')
  })

  test('is neither decoded nor remembered when it is not paid for, and held against whoever goes on', async () => {
    const poor = Array.from({ length: 512 }, (_, i) => transfer({ from: 1_000 + i }))
    const data = bundle(...poor)
    for (const each of poor) signed.set(toKey(each.tx.raw), each)
    for (let i = 0; i < RECOVERY_ALLOWANCE.capacity / 512; i++) await receive(data)
    let remembered = 0
    const unread = encodeTransactionList(Array.from({ length: 512 }, () => new Uint8Array(100)))
    expect(await gossip.handle(unread, 'alice', () => remembered++)).toBe('ignore')
    expect(remembered).toBe(0)
    expect(floods).toEqual([])
    const most = (RECOVERY_ALLOWANCE.capacity + MAX_RECOVERY_DEBT) / (unread.length / UNREAD_BYTES)
    for (let i = 0; i < most; i++) await receive(unread)
    expect(new Set(floods)).toEqual(new Set(['alice']))
  })

  test('costs nothing when it is of use, however much it is', async () => {
    for (let from = 0; from < 40; from++) expect(await receive(bundle(...transfers(from, 500)))).toBe('accept')
    expect(recovered).toBeGreaterThan(2 * RECOVERY_ALLOWANCE.capacity)
  })

  test('is taken whole and in its order when it is a pool’s worth at once', async () => {
    const bundles = Array.from({ length: 40 }, (_, i) => bundle(...transfers(i % 4, 500, 500 * Math.floor(i / 4))))
    const verdicts = await receiveTogether(bundles)
    expect(new Set(verdicts)).toEqual(new Set(['accept']))
    expect(fixture.pool.status()).toEqual({ pending: 20_000, queued: 0 })
  })

  test('is paid for in advance, so that as much of no use at once gets no further', async () => {
    const poor = Array.from({ length: 20 }, (_, i) =>
      Array.from({ length: 512 }, (_, j) => transfer({ from: 1_000 + 512 * i + j })),
    )
    for (const each of poor.flat()) signed.set(toKey(each.tx.raw), each)
    await receiveTogether(poor.map((transactions) => bundle(...transactions)))
    expect(recovered).toBe(RECOVERY_ALLOWANCE.capacity)
  })

  test('is noted with who brought it, and who brought it again', async () => {
    const [fresh] = transfers(1, 1)
    let again = (_peer: string) => {}
    await gossip.handle(bundle(fresh!), 'alice', (note) => {
      again = note
    })
    again('bob')
    expect(watch.transaction(fresh!.hash)).toMatchObject({
      from: 'alice',
      arrivals: [{ peer: 'bob' }],
      validAfterMs: 0,
    })
  })
})

describe('what the pool takes from elsewhere', () => {
  test('goes out in one bundle after a moment', async () => {
    const own = transfers(1, 3)
    await fixture.addAs('local', ...own.slice(0, 2))
    await fixture.addAs('local', own[2]!)
    expect(sent).toEqual([])
    fixture.clock.advance(BUNDLE_DELAY_MS)
    expect(sent).toEqual([hashes(own)])
    expect(own.every((each) => gossip.isAnnounced(each))).toBe(true)
  })

  test('waits for somebody to listen', async () => {
    listeners = 0
    const own = transfers(1, 2)
    await fixture.addAs('local', ...own)
    fixture.clock.advance(10 * BUNDLE_DELAY_MS)
    expect(sent).toEqual([])
    listeners = 1
    gossip.peerListens()
    fixture.clock.advance(BUNDLE_DELAY_MS)
    expect(sent).toEqual([hashes(own)])
  })

  test('waits for the transactions before it', async () => {
    const own = transfers(1, 3)
    await fixture.addAs('local', own[0]!, own[2]!)
    fixture.clock.advance(BUNDLE_DELAY_MS)
    await fixture.addAs('local', own[1]!)
    fixture.clock.advance(BUNDLE_DELAY_MS)
    expect(sent).toEqual([hashes([own[0]!]), hashes([own[1]!, own[2]!])])
  })

  test('is not announced again by those who got it ahead of its predecessors', async () => {
    const own = transfers(1, 3)
    expect(await receive(bundle(own[1]!, own[2]!))).toBe('accept')
    expect(await receive(bundle(own[0]!))).toBe('accept')
    fixture.clock.advance(BUNDLE_DELAY_MS)
    expect(sent).toEqual([])
  })

  test('is forgotten when it leaves the pool', async () => {
    const [old] = transfers(1, 1)
    const better = transfer({ from: 1, gwei: 3 })
    signed.set(toKey(better.tx.raw), better)
    await fixture.addAs('local', old!)
    await fixture.addAs('local', better)
    expect(gossip.isAnnounced(old!)).toBe(false)
    expect(gossip.isAnnounced(better)).toBe(true)
  })
})

describe('what is still in the pool', () => {
  beforeEach(() => gossip.start())

  /** Lets the time go by in which nobody has to be told again, and a round of telling. */
  const aWhile = () => fixture.clock.advance(REANNOUNCE_AFTER_MS + REANNOUNCE_MS)

  test('goes out again after a while, once each while, until it leaves', async () => {
    const own = transfers(1, 3)
    await fixture.addAs('local', ...own)
    fixture.clock.advance(REANNOUNCE_AFTER_MS)
    expect(sent).toEqual([hashes(own)])
    fixture.clock.advance(REANNOUNCE_MS)
    expect(sent).toEqual([hashes(own), hashes(own)])
    aWhile()
    expect(sent).toHaveLength(3)
    await fixture.pool.discard(() => true)
    aWhile()
    expect(sent).toHaveLength(3)
  })

  test('is not told again while others tell of it, who are not blamed', async () => {
    const own = transfers(1, 3)
    await receive(bundle(...own))
    for (let i = 0; i < 100; i++) {
      expect(await receive(bundle(...own), 'bob')).toBe('ignore')
      fixture.clock.advance(REANNOUNCE_MS)
    }
    expect(sent).toEqual([])
    expect(floods).toEqual([])
    aWhile()
    expect(sent).toEqual([hashes(own)])
  })

  test('waits for somebody to listen, and reaches who comes late', async () => {
    const own = transfers(1, 2)
    await fixture.addAs('local', ...own)
    fixture.clock.advance(BUNDLE_DELAY_MS)
    listeners = 0
    aWhile()
    expect(sent).toHaveLength(1)
    listeners = 1
    fixture.clock.advance(REANNOUNCE_MS)
    expect(sent).toEqual([hashes(own), hashes(own)])
  })

  test('goes out a bundle at a time, what waits longest first', async () => {
    const many = [transfers(1, 400), transfers(2, 400), transfers(3, 400)]
    for (const each of many) await fixture.addAs('local', ...each)
    fixture.clock.advance(REANNOUNCE_AFTER_MS)
    const first = sent.flat()
    sent = []
    const rounds: number[] = []
    while (sent.flat().length < first.length && rounds.length < 10) {
      fixture.clock.advance(REANNOUNCE_MS)
      rounds.push(sent.flat().length)
    }
    expect(sent.flat()).toEqual(first)
    expect(rounds.length).toBeGreaterThan(1)
    const largest = Math.max(...rounds.map((total, i) => total - (rounds[i - 1] ?? 0)))
    expect(largest * many[0]![0]!.tx.raw.length).toBeLessThan(MAX_BUNDLE_BYTES + 1_024)
  })
})

test('what the pool had before goes out when there is somebody to listen', async () => {
  const old = transfers(1, 2)
  fixture = await PoolFixture.create({}, { chain: fixture.chain, clock: fixture.clock })
  await fixture.addAs('local', ...old)
  gossip = createGossip()
  gossip.start()
  fixture.clock.advance(BUNDLE_DELAY_MS)
  expect(sent).toEqual([hashes(old)])
})
