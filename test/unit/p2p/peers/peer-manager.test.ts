import { beforeEach, describe, expect, it } from 'vitest'
import { AddressBook } from '../../../../src/p2p/peers/address-book.ts'
import { BanList } from '../../../../src/p2p/peers/ban-list.ts'
import {
  BLOCK_ONLY_OUTBOUND,
  BOOTSTRAP_INTERVAL_MS,
  BUCKET_PLACES,
  FULL_OUTBOUND,
  HURRIED_RETRY_MS,
  HURRY_MS,
  MAX_INBOUND,
  MAX_INBOUND_PER_HOST,
  MAX_INBOUND_PER_SUBNET,
  MAX_TRUSTED_RETRY_MS,
  NEW_BUCKETS_PER_SOURCE_GROUP,
  RECENTLY_GOOD_MS,
} from '../../../../src/p2p/peers/limits.ts'
import { networkGroup } from '../../../../src/p2p/peers/network-group.ts'
import { type PeerAction, PeerManager, type PeerManagerOptions } from '../../../../src/p2p/peers/peer-manager.ts'
import { hearsay, sourceAt } from '../../../../src/p2p/peers/source.ts'
import { seededRandom } from '../../../support/seeded-random.ts'

const SECRET = new Uint8Array(32).fill(1)
let nowMs: number
let book: AddressBook
let bans: BanList
let manager: PeerManager

beforeEach(() => {
  nowMs = 1_700_000_000_000
  const random = seededRandom(1)
  book = new AddressBook(SECRET, random)
  bans = new BanList()
  manager = manage()
})

function manage(options: Partial<PeerManagerOptions> = {}): PeerManager {
  return new PeerManager(
    { self: 'self', bootnodes: [], trusted: [], anchors: [], ...options },
    { book, bans, random: seededRandom(2), secret: SECRET },
  )
}

const hostOf = (i: number) => `${20 + (i % 80)}.${i % 256}.1.${i % 256}`
const peer = (i: number) => ({ peer: `peer-${i}`, addresses: [`/ip4/${hostOf(i)}/tcp/30303`] })
const dialled = (actions: readonly PeerAction[]) =>
  actions.flatMap((a) => (a.type === 'dial' ? [`${a.kind} ${a.peer}`] : []))
const links = () => [...manager.links].map(({ kind, peer: id }) => `${kind} ${id}`).sort()

/** Lets some seconds pass, in which every dial succeeds. */
function settle(seconds: number, reachable: (id: string) => boolean = () => true): PeerAction[] {
  const all: PeerAction[] = []
  for (let i = 0; i < seconds; i++, nowMs += 1000) {
    for (const action of manager.look(nowMs)) {
      all.push(action)
      if (action.type !== 'dial') continue
      const host = action.addresses[0]!.split('/')[2]
      if (reachable(action.peer)) manager.connected(action.peer, true, host, nowMs)
      else manager.dialFailed(action.peer, nowMs)
    }
  }
  return all
}

describe('peers of our choice', () => {
  it('are ten with everything and two for blocks, each in its own network', () => {
    for (let i = 0; i < 200; i++) book.hear(peer(i), '9.9', nowMs)
    settle(20)
    const kinds = links().map((link) => link.split(' ')[0])
    expect(kinds.filter((kind) => kind === 'full')).toHaveLength(FULL_OUTBOUND)
    expect(kinds.filter((kind) => kind === 'block-only')).toHaveLength(BLOCK_ONLY_OUTBOUND)
    expect(new Set([...manager.links].map(({ host }) => networkGroup(host!))).size).toBe(kinds.length)
  })

  it('are at most one of a network, however many of it are known', () => {
    for (let i = 0; i < 50; i++) book.hear({ peer: `p${i}`, addresses: [`/ip4/66.6.1.${i}/tcp/1`] }, '9.9', nowMs)
    settle(30)
    expect(links()).toHaveLength(1)
  })

  it.each([(i: number) => `/ip4/127.0.0.1/tcp/${i}`, (i: number) => `/ip4/10.0.0.${i}/tcp/1`])(
    'may be many on one machine or LAN',
    (address) => {
      for (let i = 1; i < 50; i++) book.hear({ peer: `p${i}`, addresses: [address(i)] }, '9.9', nowMs)
      settle(20)
      expect(links()).toHaveLength(FULL_OUTBOUND + BLOCK_ONLY_OUTBOUND)
    },
  )

  it('are replaced when they go', () => {
    for (let i = 0; i < 60; i++) book.hear(peer(i), '9.9', nowMs)
    settle(20)
    const [gone] = [...manager.links]
    manager.disconnected(gone!.peer)
    settle(20)
    expect(links()).toHaveLength(FULL_OUTBOUND + BLOCK_ONLY_OUTBOUND)
  })

  it('that do not answer are tried again, less and less often', () => {
    book.hear(peer(1), '9.9', nowMs)
    const actions = settle(3600, () => false)
    expect(dialled(actions).length).toBeGreaterThan(3)
    expect(dialled(actions).length).toBeLessThan(400)
  })

  it('are tested by a feeler now and then, which is not kept', () => {
    for (let i = 0; i < 200; i++) book.hear(peer(i), '9.9', nowMs)
    settle(20)
    const { tried } = book.size
    const feelers = dialled(settle(1200)).filter((line) => line.startsWith('feeler'))
    expect(feelers.length).toBeGreaterThan(3)
    expect(feelers.length).toBeLessThan(30)
    expect(book.size.tried).toBeGreaterThan(tried + 2)
    expect(links()).toHaveLength(FULL_OUTBOUND + BLOCK_ONLY_OUTBOUND)
  })

  it('are good for as long as they are connected, so that nobody takes their places meanwhile', () => {
    for (let i = 0; i < 60; i++) book.hear(peer(i), '9.9', nowMs)
    settle(20)
    for (let minutes = 0; minutes < 12 * 60; minutes++, nowMs += 60_000) manager.look(nowMs)
    for (const { peer: id } of manager.links) expect(nowMs - book.get(id)!.goodMs).toBeLessThan(RECENTLY_GOOD_MS)
  })

  it('are for blocks alone, or not, from the dial on', () => {
    for (let i = 0; i < 200; i++) book.hear(peer(i), '9.9', nowMs)
    for (let look = 0; look < 3; look++, nowMs += 1000) {
      for (const action of manager.look(nowMs)) {
        if (action.type !== 'dial') continue
        expect(manager.isBlockOnly(action.peer)).toBe(action.kind === 'block-only')
        manager.connected(action.peer, true, action.addresses[0]!.split('/')[2], nowMs)
      }
    }
    expect([...manager.links].filter(({ peer: id }) => manager.isBlockOnly(id))).toHaveLength(BLOCK_ONLY_OUTBOUND)
    expect(manager.isBlockOnly('nobody')).toBe(false)
  })

  it('are asked for addresses while few are known', () => {
    for (let i = 0; i < 20; i++) book.hear(peer(i), '9.9', nowMs)
    const asked = settle(120).filter(({ type }) => type === 'ask-addresses')
    expect(asked.length).toBeGreaterThanOrEqual(3)
    expect(asked.length).toBeLessThanOrEqual(5)
  })
})

describe('a start', () => {
  it('begins with the anchors, for blocks alone', () => {
    manager = manage({ anchors: [peer(1), peer(2), peer(3)] })
    expect(dialled(manager.look(nowMs)).slice(0, 2)).toEqual(['block-only peer-1', 'block-only peer-2'])
    settle(1)
    manager.connected('peer-1', true, hostOf(1), nowMs)
    expect(manager.anchors()).toContainEqual(expect.objectContaining(peer(1)))
  })

  it('calls the bootnodes until one of them is there', () => {
    manager = manage({ bootnodes: [peer(1)] })
    expect(dialled(manager.look(nowMs))).toEqual(['full peer-1'])
    manager.dialFailed('peer-1', nowMs)
    nowMs += HURRY_MS
    const calls = dialled(settle((10 * BOOTSTRAP_INTERVAL_MS) / 1000, () => false))
    expect(calls.length).toBeGreaterThanOrEqual(10)
    expect(calls.length).toBeLessThanOrEqual(20)
  })

  it.each(['bootnode', 'peer of the last run', 'peer that was lost'])('is in a hurry to find a %s', (which) => {
    if (which === 'bootnode') manager = manage({ bootnodes: [peer(1)] })
    else book.hear(peer(1), '9.9', nowMs)
    if (which === 'peer that was lost') {
      settle(1)
      nowMs += 2 * HURRY_MS
      manager.look(nowMs)
      manager.disconnected('peer-1')
      nowMs += HURRIED_RETRY_MS
    }
    for (let attempt = 0; attempt < 5; attempt++, nowMs += HURRIED_RETRY_MS) {
      expect(dialled(manager.look(nowMs))).toEqual([expect.stringContaining('peer-1')])
      manager.dialFailed('peer-1', nowMs)
    }
  })

  it('never dials itself', () => {
    manager = manage({ bootnodes: [{ peer: 'self', addresses: peer(1).addresses }] })
    manager.hear([{ peer: 'self', addresses: peer(1).addresses }], sourceAt(hostOf(2)), nowMs)
    expect(dialled(settle(60))).toEqual([])
  })
})

describe('the bound of the operator', () => {
  it.each([0, 1, 4, 5, 12, 13, 15, 16])(
    'of %i connections is kept, peers of our choice first and a fifth for others',
    (maxPeers) => {
      const ours = Math.min(13, maxPeers - Math.floor(maxPeers / 5))
      const bootnodes = Array.from({ length: 20 }, (_, i) => peer(200 + i))
      manager = manage({ maxPeers, bootnodes, anchors: [peer(300), peer(301)] })
      for (let i = 0; i < 200; i++) book.hear(peer(i), '9.9', nowMs)
      const dials = dialled(settle(1200))
      expect(links().filter((link) => !link.startsWith('inbound'))).toHaveLength(Math.min(ours, 12))
      expect(dials.some((dial) => dial.startsWith('feeler'))).toBe(ours > 12)
      for (let i = 0; i < 20; i++) {
        for (const { type, peer } of manager.connected(`in-${i}`, false, `66.${i}.1.1`, nowMs)) {
          if (type === 'disconnect') manager.disconnected(peer)
        }
      }
      expect(links().length).toBe(Math.min(ours, 12) + maxPeers - ours)
    },
  )
})

describe('peers that others name', () => {
  const claims = (i: number) => [{ peer: `p${i}`, addresses: [`/ip4/${20 + (i % 80)}.${i % 256}.1.1/tcp/1`] }]

  it.each([
    ['one host', () => sourceAt('66.6.6.6')],
    ['hosts of one network', (i: number) => sourceAt(`66.6.${i % 256}.6`)],
    ['hosts behind relays', () => sourceAt(undefined)],
    ['the DHT', () => hearsay(false)],
  ])('fill a part of the book only when %s invents them, linked or not', (_, source) => {
    for (let i = 0; i < 20_000; i++) manager.hear(claims(i), source(i), nowMs)
    expect(book.size.known).toBeLessThanOrEqual(NEW_BUCKETS_PER_SOURCE_GROUP * BUCKET_PLACES)
    expect(book.size.known).toBeGreaterThan(1000)
  })

  it('are at IP addresses where somebody can be', () => {
    const at = (address: string) => manager.hear([{ peer: address, addresses: [address] }], sourceAt('66.6.6.6'), nowMs)
    for (const host of ['0.0.0.1', '100.64.0.1', '224.0.0.1', '255.255.255.255']) at(`/ip4/${host}/tcp/1`)
    for (const host of ['::', 'ff02::1', '::ffff:100.64.0.1']) at(`/ip6/${host}/tcp/1`)
    for (const kind of ['dns', 'dns4', 'dns6']) at(`/${kind}/a.example.com/tcp/1`)
    expect(book.size.known).toBe(0)
    at('/ip4/20.1.2.3/tcp/1')
    expect(book.size.known).toBe(1)
  })

  it('have private addresses only when somebody says so from one', () => {
    const hosts = ['10.0.0.9', '127.0.0.1', '169.254.0.9', '192.168.0.9']
    const lan = hosts.map((host) => ({ peer: host, addresses: [`/ip4/${host}/tcp/1`] }))
    manager.hear(lan, sourceAt('66.6.6.6'), nowMs)
    manager.hear(lan, sourceAt(undefined), nowMs)
    manager.hear(lan, hearsay(false), nowMs)
    expect(book.size.known).toBe(0)
    manager.hear(lan, sourceAt('192.168.0.7'), nowMs)
    expect(book.size.known).toBe(lan.length)
  })

  it('may have names when they are bootnodes', () => {
    manager = manage({ bootnodes: [{ peer: 'boot', addresses: ['/dns4/boot.example.org/tcp/1'] }] })
    expect(dialled(manager.look(nowMs))).toEqual(['full boot'])
  })
})

describe('a trusted peer', () => {
  it('is kept beside all slots, and dialled again with growing pauses', () => {
    manager = manage({ trusted: [peer(1)] })
    const dials = dialled(settle(600, () => false))
    expect(dials.every((line) => line === 'trusted peer-1')).toBe(true)
    expect(dials.length).toBeGreaterThan(15)
    expect(dials.length).toBeLessThan(30)
    settle(MAX_TRUSTED_RETRY_MS / 1000)
    expect(links()).toEqual(['trusted peer-1'])
  })

  it('is dialled at once where another connection shows that our own link is up again', () => {
    manager = manage({ trusted: [peer(1), peer(2)] })
    settle(120, () => false)
    manager.connected('peer-1', false, hostOf(1), nowMs)
    expect(dialled(manager.look(nowMs))).toEqual(['trusted peer-2'])
  })

  it('is forgiven, and has no need of room', () => {
    manager = manage({ trusted: [peer(1)], maxPeers: 0 })
    expect(manager.connected('peer-1', false, hostOf(1), nowMs)).toEqual([])
    expect(manager.penalize('peer-1', 'ban', 'bad-seal', nowMs)).toEqual([])
    expect(manager.mayConnect('peer-1', nowMs)).toBe(true)
    expect(manager.distrust('peer-1')).toBe(true)
    expect(manager.penalize('peer-1', 'ban', 'bad-seal', nowMs)).toHaveLength(1)
    expect(manager.mayConnect('peer-1', nowMs)).toBe(false)
  })
})

describe('peers that choose us', () => {
  it('are a few from one address, a few more from one subnet, and as many as they like from a LAN', () => {
    // All at once: none of them has said who it is yet.
    const same = Array.from({ length: 64 }, () => manager.accept('66.6.6.6', nowMs))
    expect(same.filter((ended) => ended !== undefined)).toHaveLength(MAX_INBOUND_PER_HOST)
    const near = Array.from({ length: 64 }, (_, i) => manager.accept(`66.6.6.${100 + i}`, nowMs))
    expect(near.filter((ended) => ended !== undefined)).toHaveLength(MAX_INBOUND_PER_SUBNET - MAX_INBOUND_PER_HOST)
    expect(manager.accept('66.6.7.1', nowMs)).toBeDefined()
    for (let i = 0; i < 30; i++) expect(manager.accept('127.0.0.1', nowMs)).toBeDefined()
    same[0]!()
    expect(manager.accept('66.6.6.6', nowMs)).toBeDefined()
    expect(manager.accept('66.6.6.6', nowMs)).toBeUndefined()
  })

  it('make room for one another when there is none', () => {
    for (let i = 0; i < MAX_INBOUND; i++) manager.connected(`in-${i}`, false, `66.${i % 4}.${i}.1`, nowMs + i)
    const actions = manager.connected('new', false, '20.1.1.1', nowMs + 1000)
    expect(actions).toEqual([{ type: 'disconnect', peer: expect.stringMatching(/^in-/), reason: 'no room' }])
    expect(manager.link('new')).toBeDefined()
  })

  it('are turned away when there is none and they are discouraged', () => {
    bans.discourage('new', undefined)
    for (let i = 0; i < MAX_INBOUND; i++) manager.connected(`in-${i}`, false, `66.${i % 4}.${i}.1`, nowMs + i)
    expect(manager.connected('new', false, '20.1.1.1', nowMs)).toEqual([
      { type: 'disconnect', peer: 'new', reason: 'no room' },
    ])
    expect(manager.link('new')).toBeUndefined()
  })

  it('never push out one that brings what is new', () => {
    for (let i = 0; i < MAX_INBOUND; i++) manager.connected(`in-${i}`, false, `66.${i % 4}.${i}.1`, nowMs + i)
    manager.brought('in-63', 'block', nowMs + 100)
    manager.brought('in-62', 'transaction', nowMs + 100)
    manager.pinged('in-61', 1)
    for (let i = 0; i < 100; i++) {
      for (const { type, peer: victim } of manager.connected(`new-${i}`, false, '66.1.1.1', nowMs + 200 + i)) {
        expect(type).toBe('disconnect')
        manager.disconnected(victim)
      }
    }
    for (const kept of ['in-61', 'in-62', 'in-63']) expect(manager.link(kept)).toBeDefined()
  })
})

describe('a banned peer', () => {
  it('is disconnected, forgotten, neither dialled nor let in, from its host neither', () => {
    book.hear(peer(1), '9.9', nowMs)
    settle(1)
    expect(manager.penalize('peer-1', 'ban', 'bad-seal', nowMs)).toEqual([
      { type: 'disconnect', peer: 'peer-1', reason: 'bad-seal' },
    ])
    manager.disconnected('peer-1')
    expect(book.get('peer-1')).toBeUndefined()
    expect(manager.mayConnect('peer-1', nowMs)).toBe(false)
    expect(manager.accept(hostOf(1), nowMs)).toBeUndefined()
    book.hear(peer(1), '9.9', nowMs)
    expect(dialled(settle(30))).toEqual([])
  })
})

describe('a discouraged peer', () => {
  it('is not chosen', () => {
    book.hear(peer(1), '9.9', nowMs)
    settle(1)
    manager.penalize('peer-1', 'discourage', 'false-claim', nowMs)
    manager.disconnected('peer-1')
    expect(dialled(settle(700))).toEqual([])
    expect(manager.mayConnect('peer-1', nowMs)).toBe(true)
  })
})
