import { generateKeyPairFromSeed, publicKeyToProtobuf } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { beforeEach, describe, expect, test } from 'vitest'
import { keccak256 } from '../../../src/crypto/keccak.ts'
import {
  MAX_SIGHTED_BLOCKS,
  MAX_SIGHTING_DEPTH,
  MAX_SIGHTING_SKEW_MS,
  MAX_SIGHTINGS,
  SIGHTING_ALLOWANCE,
  SIGHTING_DELAY_MS,
} from '../../../src/p2p/limits.ts'
import { PropagationWatch } from '../../../src/p2p/propagation.ts'
import { SightingGossip } from '../../../src/p2p/sighting-gossip.ts'
import { encodeSighting, type Sighting, sightingSigningBytes } from '../../../src/p2p/wire/sighting.ts'
import { headerWith } from '../../support/header-chain.ts'
import { ManualClock } from '../../support/manual-clock.ts'

const NOW_MS = 1_700_000_000_000
const GENESIS_HASH = new Uint8Array(32).fill(1)
const HEAD = 100

const hashOf = (number: number) => keccak256(Uint8Array.of(number >> 8, number))
const keyOf = (seed: number) => generateKeyPairFromSeed('Ed25519', keccak256(Uint8Array.of(seed >> 8, seed)))
const own = await keyOf(0)
const [alice, bob] = [await keyOf(1), await keyOf(2)]
const idOf = (key: PrivateKey) => peerIdFromPrivateKey(key).toString()

let clock: ManualClock
let watch: PropagationWatch
let gossip: SightingGossip
let published: Uint8Array[]

beforeEach(() => {
  clock = new ManualClock(NOW_MS)
  watch = new PropagationWatch(clock)
  published = []
  gossip = create(own)
})

function create(key: PrivateKey): SightingGossip {
  return new SightingGossip({
    chain: {
      head: { hash: hashOf(HEAD), header: headerWith({ number: HEAD }), totalDifficulty: 1n },
      has: (hash) => hash.length === 32,
    },
    genesisHash: GENESIS_HASH,
    watch,
    clock,
    publicKey: publicKeyToProtobuf(key.publicKey),
    sign: async (bytes) => key.sign(bytes),
    publish: (data) => published.push(data),
    onError: (error) => {
      throw error
    },
  })
}

async function sighting(key: PrivateKey, changes: Partial<Sighting> = {}, genesisHash = GENESIS_HASH) {
  const fields = {
    blockHash: hashOf(HEAD),
    number: HEAD,
    seenAtMs: NOW_MS + 50,
    publicKey: publicKeyToProtobuf(key.publicKey),
    ...changes,
  }
  return encodeSighting({ ...fields, signature: await key.sign(sightingSigningBytes(genesisHash, fields)) })
}

const arrive = (number: number) => watch.blockArrived(hashOf(number), number, 'alice')

describe('what others say', () => {
  beforeEach(() => arrive(HEAD))

  test('is passed on and kept, the earliest first, one word of each', async () => {
    expect(await gossip.handle(await sighting(alice), 'x')).toBe('accept')
    expect(await gossip.handle(await sighting(bob, { seenAtMs: NOW_MS + 20 }), 'x')).toBe('accept')
    expect(await gossip.handle(await sighting(alice, { seenAtMs: NOW_MS }), 'x')).toBe('ignore')
    expect(gossip.of(hashOf(HEAD))).toEqual([
      { peer: idOf(bob), seenMs: NOW_MS + 20 },
      { peer: idOf(alice), seenMs: NOW_MS + 50 },
    ])
  })

  test.each<{ readonly what: string; readonly make: () => Promise<Uint8Array> }>([
    { what: 'no sighting', make: async () => Uint8Array.of(1) },
    { what: 'signed by another', make: () => sighting(alice, { publicKey: publicKeyToProtobuf(bob.publicKey) }) },
    { what: 'signed for another network', make: () => sighting(alice, {}, new Uint8Array(32)) },
    { what: 'of a key that is none', make: () => sighting(alice, { publicKey: new Uint8Array(36) }) },
  ])('is held against whoever brought it when it is $what', async ({ make }) => {
    expect(await gossip.handle(await make(), 'x')).toBe('reject')
    expect(gossip.of(hashOf(HEAD))).toEqual([])
  })

  test.each<{ readonly what: string; readonly changes: Partial<Sighting> }>([
    { what: 'of a block that is not known', changes: { blockHash: hashOf(7), number: 7 } },
    { what: 'of another height than the block has', changes: { number: HEAD - 1 } },
    { what: 'from another time', changes: { seenAtMs: NOW_MS + MAX_SIGHTING_SKEW_MS + 1 } },
  ])('is let lie when it is $what', async ({ changes }) => {
    expect(await gossip.handle(await sighting(alice, changes), 'x')).toBe('ignore')
  })

  test('is let lie when its block is far below the head', async () => {
    const [deep, deeper] = [HEAD - MAX_SIGHTING_DEPTH, HEAD - MAX_SIGHTING_DEPTH - 1]
    for (const number of [deep, deeper]) arrive(number)
    expect(await gossip.handle(await sighting(alice, { blockHash: hashOf(deep), number: deep }), 'x')).toBe('accept')
    expect(await gossip.handle(await sighting(alice, { blockHash: hashOf(deeper), number: deeper }), 'x')).toBe(
      'ignore',
    )
  })

  test('has an end for each block', async () => {
    for (let seed = 10; seed < 10 + MAX_SIGHTINGS; seed++) {
      expect(await gossip.handle(await sighting(await keyOf(seed)), 'x')).toBe('accept')
    }
    expect(await gossip.handle(await sighting(alice), 'y')).toBe('ignore')
    expect(gossip.of(hashOf(HEAD))).toHaveLength(MAX_SIGHTINGS)
  })

  test('is checked only as often as its bringer is allowed to have it', async () => {
    const forged = await sighting(alice, { publicKey: publicKeyToProtobuf(bob.publicKey) })
    for (let i = 0; i < SIGHTING_ALLOWANCE.capacity; i++) expect(await gossip.handle(forged, 'x')).toBe('reject')
    expect(await gossip.handle(forged, 'x')).toBe('ignore')
    expect(await gossip.handle(await sighting(alice), 'y')).toBe('accept')
  })
})

describe('what this node says', () => {
  const told = () => expect.poll(() => published.length)

  test('comes a while after the block, once, and another takes it', async () => {
    arrive(HEAD)
    gossip.follow(watch.block(hashOf(HEAD))!)
    expect(published).toEqual([])
    clock.advance(SIGHTING_DELAY_MS)
    await told().toBe(1)
    const other = create(alice)
    expect(await other.handle(published[0]!, 'x')).toBe('accept')
    expect(other.of(hashOf(HEAD))).toEqual([{ peer: idOf(own), seenMs: NOW_MS }])
    expect(gossip.of(hashOf(HEAD))).toEqual(other.of(hashOf(HEAD)))
  })

  test('names neither blocks made here nor old ones, and nothing once it has stopped', async () => {
    watch.blockMade(hashOf(HEAD), HEAD)
    arrive(1)
    arrive(HEAD - 1)
    for (const number of [HEAD, 1]) gossip.follow(watch.block(hashOf(number))!)
    expect(clock.pending).toBe(0)
    gossip.follow(watch.block(hashOf(HEAD - 1))!)
    gossip.stop()
    expect(clock.pending).toBe(0)
  })
})

test('blocks are forgotten, the oldest first', async () => {
  for (let number = HEAD - MAX_SIGHTING_DEPTH; number <= HEAD + MAX_SIGHTED_BLOCKS; number++) {
    arrive(number)
    expect(await gossip.handle(await sighting(alice, { blockHash: hashOf(number), number }), `${number}`)).toBe(
      'accept',
    )
  }
  expect(gossip.of(hashOf(HEAD - MAX_SIGHTING_DEPTH))).toEqual([])
  expect(gossip.of(hashOf(HEAD + MAX_SIGHTED_BLOCKS))).toHaveLength(1)
})
