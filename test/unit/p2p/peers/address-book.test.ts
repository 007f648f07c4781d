import { beforeEach, describe, expect, it } from 'vitest'
import { AddressBook } from '../../../../src/p2p/peers/address-book.ts'
import {
  BUCKET_PLACES,
  COLLISION_TEST_MS,
  MAX_ADDRESS_AGE_MS,
  NEW_BUCKETS_PER_SOURCE_GROUP,
  RECENTLY_GOOD_MS,
  TRIED_BUCKETS_PER_GROUP,
} from '../../../../src/p2p/peers/limits.ts'
import { seededRandom } from '../../../support/seeded-random.ts'

const SECRET = new Uint8Array(32).fill(1)
const HOUR_MS = 3_600_000
let book: AddressBook
let nowMs: number

beforeEach(() => {
  book = new AddressBook(SECRET, seededRandom(1))
  nowMs = 1_700_000_000_000
})

const at = (i: number, group = `${20 + (i % 80)}.${i % 256}`) => ({
  peer: `peer-${i}`,
  addresses: [`/ip4/${group}.${Math.floor(i / 256) % 256}.${i % 256}/tcp/30303`],
})

function hear(count: number, source = '9.9', group?: string): void {
  for (let i = 0; i < count; i++) book.hear(at(i, group), source, nowMs)
}

describe('what is heard of', () => {
  it('is known, and drawn', () => {
    hear(3)
    expect(book.size).toEqual({ known: 3, tried: 0 })
    const drawn = new Set(Array.from({ length: 100 }, () => book.select('heard-of', nowMs)?.peer))
    expect(drawn).toEqual(new Set(['peer-0', 'peer-1', 'peer-2']))
  })

  it('is no news the second time', () => {
    expect(book.hear(at(1), '9.9', nowMs)).toBe(true)
    expect(book.hear(at(1), '9.9', nowMs)).toBe(false)
    expect(book.size.known).toBe(1)
  })

  it('replaces known addresses when the peer stands for it, unless it has signed them before others', () => {
    const signed = (port: number, sequence?: number) =>
      book.hear(
        { peer: 'p', addresses: [`/ip4/20.1.1.1/tcp/${port}`], ...(sequence && { sequence }) },
        '9.9',
        nowMs,
        true,
      )
    const port = () => Number(book.get('p')!.addresses[0]!.split('/')[4])
    signed(1, 10)
    signed(2, 12)
    expect(port()).toBe(2)
    signed(3, 11)
    expect(port()).toBe(2)
    // Over a connection of its own, without a record: it does not make old ones new.
    signed(4)
    expect(port()).toBe(4)
    signed(5, 12)
    expect(port()).toBe(4)
    book.hear({ peer: 'p', addresses: ['/ip4/20.1.1.1/tcp/6'], sequence: 13 }, '9.9', nowMs)
    expect(port()).toBe(4)
    signed(7, 13)
    expect(port()).toBe(7)
  })

  it('from one group of sources fills a part of the book only', () => {
    for (let i = 0; i < 20_000; i++) book.hear(at(i, `${i % 200}.${i % 251}`), '9.9', nowMs)
    expect(book.size.known).toBeLessThanOrEqual(NEW_BUCKETS_PER_SOURCE_GROUP * BUCKET_PLACES)
    expect(book.size.known).toBeGreaterThan(1000)
  })

  it('of one group from one source fills one bucket only', () => {
    for (let i = 0; i < 2000; i++) book.hear(at(i, '66.6'), '9.9', nowMs)
    expect(book.size.known).toBeLessThanOrEqual(BUCKET_PLACES)
  })

  it('does not push out what is there, unless that is hopeless', () => {
    hear(2000, '9.9', '66.6')
    const before = book.save().heardOf.map(({ peer }) => peer)
    for (let i = 2000; i < 4000; i++) book.hear(at(i, '66.6'), '9.9', nowMs)
    expect(book.save().heardOf.map(({ peer }) => peer)).toEqual(expect.arrayContaining(before))
    nowMs += MAX_ADDRESS_AGE_MS + 1
    for (let i = 4000; i < 8000; i++) book.hear(at(i, '66.6'), '9.9', nowMs)
    expect(book.save().heardOf.filter(({ peer }) => before.includes(peer)).length).toBeLessThan(before.length / 2)
  })

  it('without an address that can be dialled is not taken', () => {
    expect(book.hear({ peer: 'a', addresses: [] }, '9.9', nowMs)).toBe(false)
    expect(book.hear({ peer: 'a', addresses: ['/ip4/1.2.3.4/tcp/1/p2p/R/p2p-circuit'] }, '9.9', nowMs)).toBe(false)
    expect(book.hear({ peer: 'a', addresses: [`/ip4/1.2.3.4/${'x'.repeat(300)}`] }, '9.9', nowMs)).toBe(false)
    expect(book.size.known).toBe(0)
  })

  it('keeps addresses of one network group only', () => {
    const addresses = ['/ip4/20.1.2.3/tcp/1', '/ip4/66.6.2.3/tcp/1', '/ip4/20.1.9.9/udp/1/quic-v1']
    book.hear({ peer: 'a', addresses }, '9.9', nowMs)
    expect(book.get('a')?.addresses).toEqual([addresses[0], addresses[2]])
    // Nor can a peer move to another one, whose places it did not get.
    book.hear({ peer: 'a', addresses: ['/ip4/66.6.2.3/tcp/1'] }, '9.9', nowMs, true)
    expect(book.get('a')?.addresses).toEqual([addresses[0], addresses[2]])
  })

  it('changes its addresses on its own word only', () => {
    const moved = { peer: 'a', addresses: ['/ip4/20.1.9.9/tcp/2'] }
    book.hear({ peer: 'a', addresses: ['/ip4/20.1.2.3/tcp/1'] }, '20.1', nowMs)
    book.good('a', nowMs)
    book.hear(moved, '9.9', nowMs)
    expect(book.get('a')?.addresses).toEqual(['/ip4/20.1.2.3/tcp/1'])
    book.hear(moved, '9.9', nowMs, true)
    expect(book.get('a')?.addresses).toEqual(moved.addresses)
  })
})

describe('a peer that we were connected to', () => {
  it('is drawn from among the tried', () => {
    hear(50)
    book.good('peer-7', nowMs)
    expect(book.size).toEqual({ known: 50, tried: 1 })
    expect(book.select('tried', nowMs + HOUR_MS)?.peer).toBe('peer-7')
  })

  it('shares a few buckets with all others of its group', () => {
    for (let i = 0; i < 4000; i++) {
      book.hear(at(i, '66.6'), `${i % 200}.1`, nowMs)
      book.good(`peer-${i}`, nowMs)
    }
    expect(book.size.tried).toBeLessThanOrEqual(TRIED_BUCKETS_PER_GROUP * BUCKET_PLACES)
    expect(book.size.tried).toBeGreaterThan(100)
  })

  it('is drawn as often as a whole group of others', () => {
    for (let i = 0; i < 300; i++) {
      book.hear(at(i, '66.6'), `${i % 200}.1`, nowMs)
      book.good(`peer-${i}`, nowMs)
    }
    book.hear({ peer: 'lone', addresses: ['/ip4/78.7.1.1/tcp/1'] }, '78.7', nowMs)
    book.good('lone', nowMs)
    const later = nowMs + HOUR_MS
    const drawn = Array.from({ length: 400 }, () => book.select('tried', later)?.peer)
    const lone = drawn.filter((peer) => peer === 'lone').length
    expect(lone).toBeGreaterThan(150)
    expect(lone).toBeLessThan(250)
  })

  it('is chosen less often the more often it failed', () => {
    hear(2)
    for (let i = 0; i < 5; i++) book.attempt('peer-0', nowMs, true)
    const later = nowMs + HOUR_MS
    const drawn = Array.from({ length: 500 }, () => book.select('heard-of', later)?.peer)
    const failing = drawn.filter((peer) => peer === 'peer-0').length
    expect(failing).toBeGreaterThan(10)
    expect(failing).toBeLessThan(150)
  })
})

describe('two peers that want one place among the tried', () => {
  /** Fills the buckets of a group until one had to wait; returns the peer that waits and the one in its place. */
  function collide(): { readonly waiting: string; readonly holder: string } {
    for (let i = 0; i < 4000; i++) {
      const { tried } = book.size
      book.hear(at(i, '66.6'), `${i % 200}.1`, nowMs)
      if (book.get(`peer-${i}`) === undefined) continue
      book.good(`peer-${i}`, nowMs)
      if (book.size.tried === tried) return { waiting: `peer-${i}`, holder: book.selectForTest()!.peer }
    }
    throw new Error('no collision')
  }

  it('are settled for the one in place if it still answers', () => {
    const { waiting, holder } = collide()
    nowMs += RECENTLY_GOOD_MS + 1
    book.good(holder, nowMs)
    book.resolveCollisions(nowMs)
    expect(book.selectForTest()).toBeUndefined()
    expect(book.save().tried.map(({ peer }) => peer)).toContain(holder)
    expect(book.save().tried.map(({ peer }) => peer)).not.toContain(waiting)
  })

  it('are settled for the other if it does not', () => {
    const { waiting, holder } = collide()
    nowMs += RECENTLY_GOOD_MS + 1
    book.good(waiting, nowMs)
    nowMs += 1
    book.attempt(holder, nowMs, true)
    book.resolveCollisions(nowMs)
    expect(book.selectForTest()?.peer).toBe(holder)
    nowMs += 60_000
    book.resolveCollisions(nowMs)
    expect(book.save().tried.map(({ peer }) => peer)).toContain(waiting)
    expect(book.save().tried.map(({ peer }) => peer)).not.toContain(holder)
    expect(book.get(holder)).toBeDefined()
  })

  it('are settled for the other if nobody could test the one', () => {
    const { waiting } = collide()
    nowMs += RECENTLY_GOOD_MS + COLLISION_TEST_MS
    book.resolveCollisions(nowMs)
    expect(book.save().tried.map(({ peer }) => peer)).toContain(waiting)
  })
})

describe('a saved book', () => {
  it('is as it was', () => {
    hear(300)
    for (let i = 0; i < 40; i++) book.good(`peer-${i}`, nowMs)
    const saved = book.save()
    const again = new AddressBook(SECRET, seededRandom(2))
    again.load(saved, nowMs)
    expect(again.size).toEqual(book.size)
    expect(new Set(again.save().tried.map(({ peer }) => peer))).toEqual(new Set(saved.tried.map(({ peer }) => peer)))
    expect(new Set(again.save().heardOf)).toEqual(new Set(saved.heardOf))
  })

  it('forgets whom it is told to', () => {
    hear(5)
    book.good('peer-1', nowMs)
    for (const peer of ['peer-1', 'peer-2', 'nobody']) book.forget(peer)
    expect(book.size).toEqual({ known: 3, tried: 0 })
    expect(book.select('tried', nowMs)?.peer).not.toBe('peer-1')
  })
})
