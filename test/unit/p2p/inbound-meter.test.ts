import type { RPC } from '@chainsafe/libp2p-gossipsub/message'
import type { Connection, PeerId, Stream } from '@libp2p/interface'
import { beforeEach, describe, expect, test } from 'vitest'
import { InboundMeter } from '../../../src/p2p/inbound-meter.ts'
import {
  GOSSIP_ALLOWANCE,
  GOSSIP_CHANGE_COST,
  GOSSIP_MESSAGE_COST,
  GOSSIP_USELESS_COST,
  MAX_GOSSIP_DEBT,
  MAX_SERVICE_DEBT,
  SERVICE_ALLOWANCE,
  SERVICE_REFUSED_COST,
} from '../../../src/p2p/limits.ts'
import { ManualClock } from '../../support/manual-clock.ts'

const alice = 'alice' as unknown as PeerId
const bob = 'bob' as unknown as PeerId

let clock: ManualClock
let floods: string[]
let meter: InboundMeter

beforeEach(() => {
  clock = new ManualClock(0)
  floods = []
  meter = new InboundMeter({ clock, onFlood: (peer) => floods.push(peer) })
})

/** A stream that notes what reaches its reader. */
function fakeStream() {
  const read: number[] = []
  const stream = {
    readBufferLength: 0,
    cut: false,
    onData: ({ byteLength }: { readonly byteLength: number }) => read.push(byteLength),
    abort() {
      stream.cut = true
    },
  }
  return { stream, read, as: stream as unknown as Stream }
}

const from = (remotePeer: PeerId) => ({ remotePeer }) as Connection
const changes = (count: number): RPC => ({
  subscriptions: Array.from({ length: count }, () => ({ subscribe: true, topic: 'x' })),
  messages: [],
})

describe('gossip', () => {
  test('is listened to until a peer has had its share, and again when that has grown back', () => {
    for (let i = 0; i < GOSSIP_ALLOWANCE.capacity / GOSSIP_CHANGE_COST; i++)
      expect(meter.takesRpc(alice, changes(1))).toBe(true)
    expect(meter.takesRpc(alice, changes(1))).toBe(false)
    expect(meter.takesRpc(bob, changes(1))).toBe(true)
    clock.advance(1_000)
    expect(meter.takesRpc(alice, changes(1))).toBe(true)
    expect(floods).toEqual([])
  })

  test('costs nothing where it was of use, however much it is', () => {
    const { stream, as } = fakeStream()
    meter.watchGossip(as, from(alice))
    const messages = [{ topic: 'x', data: new Uint8Array(60_000) }]
    for (let i = 0; i < 1_000; i++) {
      stream.onData({ byteLength: 60_000 })
      expect(meter.takesRpc(alice, { subscriptions: [], messages })).toBe(true)
      meter.useful('alice', 60_000)
    }
  })

  test('is a flood of whoever goes on, by bytes alone too', () => {
    const { stream, read, as } = fakeStream()
    meter.watchGossip(as, from(alice))
    const most = GOSSIP_ALLOWANCE.capacity + MAX_GOSSIP_DEBT
    for (let bytes = 0; bytes < most; bytes += 65_536) stream.onData({ byteLength: 65_536 })
    expect(new Set(floods)).toEqual(new Set(['alice']))
    // They are read all the same: where a frame ends is not known here.
    expect(read).toHaveLength(most / 65_536)
  })

  test('that goes nowhere adds up to a flood as well', () => {
    const most = (GOSSIP_ALLOWANCE.capacity + MAX_GOSSIP_DEBT) / GOSSIP_USELESS_COST
    for (let i = 1; i < most; i++) meter.useless('alice')
    expect(floods).toEqual([])
    meter.useless('alice')
    expect(floods).toEqual(['alice'])
    expect(GOSSIP_MESSAGE_COST).toBeLessThan(GOSSIP_USELESS_COST)
  })
})

describe('streams of services', () => {
  test('are cut beyond what a peer may send, before it is read, and are a flood of whoever goes on', () => {
    const { stream, read, as } = fakeStream()
    meter.watchService(as, from(alice))
    for (let i = 0; i < 20 && !stream.cut; i++) stream.onData({ byteLength: 8_192 })
    expect(stream.cut).toBe(true)
    expect(read.length * 8_192).toBeLessThanOrEqual(SERVICE_ALLOWANCE.capacity)
    expect(floods).toEqual([])
    for (let i = 0; i <= MAX_SERVICE_DEBT / SERVICE_REFUSED_COST; i++) {
      const next = fakeStream()
      meter.watchService(next.as, from(alice))
      expect(next.stream.cut).toBe(true)
    }
    expect(new Set(floods)).toEqual(new Set(['alice']))
    const other = fakeStream()
    meter.watchService(other.as, from(bob))
    expect(other.stream.cut).toBe(false)
  })
})
