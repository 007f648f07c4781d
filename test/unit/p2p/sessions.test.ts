import { setImmediate } from 'node:timers/promises'
import type { Connection } from '@libp2p/interface'
import { beforeEach, expect, test } from 'vitest'
import { RequestError } from '../../../src/p2p/reqresp/request-error.ts'
import { PeerSessions } from '../../../src/p2p/sessions.ts'
import type { Status } from '../../../src/p2p/wire/status.ts'
import { ManualClock } from '../../support/manual-clock.ts'

const OURS = new Uint8Array(32).fill(1)
const status = (genesisHash = OURS): Status => ({
  version: 1,
  genesisHash,
  headHash: OURS,
  number: 0,
  totalDifficulty: 1n,
  oldestBody: 0,
  serves: { headers: true, bodies: true, txs: true, proof: true, history: true },
  agent: 'test',
})

let told: string[]
let answer: () => Promise<Status>
let sessions: PeerSessions

beforeEach(() => {
  told = []
  answer = async () => status()
  sessions = new PeerSessions({
    genesisHash: OURS,
    clock: new ManualClock(0),
    ask(peer) {
      told.push(`asked ${peer}`)
      return answer()
    },
    hangUp: (peer) => told.push(`hung up on ${peer}`),
    onReady: ({ peer, address }) => told.push(`ready ${peer} at ${address}`),
    onGone: ({ peer, address }) => told.push(`gone ${peer} at ${address}`),
    onStranger: (peer) => told.push(`stranger ${peer}`),
    onError: (error) => told.push(String(error)),
  })
})

interface FakeConnection {
  status: Connection['status']
}

function connection(address: string, peer = 'alice'): Connection & FakeConnection {
  return { remotePeer: peer, remoteAddr: address, direction: 'inbound', status: 'open' } as never
}

test('a peer is asked once, however many connections there are to it', async () => {
  const [first, second] = [connection('/a'), connection('/b')]
  sessions.connected(first)
  sessions.connected(second)
  expect(await sessions.untilReady('alice')).toBe(true)
  sessions.connected(connection('/c'))
  await setImmediate()
  expect(told).toEqual(['asked alice', 'ready alice at /a'])
  sessions.disconnected(second, [first])
  expect(sessions.ready.has('alice')).toBe(true)
})

test('is asked again over the connection that is left when the one it was asked over ends', async () => {
  const [first, second] = [connection('/a'), connection('/b')]
  sessions.connected(first)
  sessions.connected(second)
  await sessions.untilReady('alice')
  first.status = 'closed'
  sessions.disconnected(first, [second])
  expect(sessions.ready.has('alice')).toBe(false)
  expect(await sessions.untilReady('alice')).toBe(true)
  expect(told).toEqual(['asked alice', 'ready alice at /a', 'gone alice at /a', 'asked alice', 'ready alice at /b'])
})

test('that comes again while it is still being hung up on is asked who it is', async () => {
  answer = async () => status(new Uint8Array(32))
  const [first, second] = [connection('/a'), connection('/b')]
  sessions.connected(first)
  expect(await sessions.untilReady('alice')).toBe(false)
  expect(told).toEqual(['asked alice', 'stranger alice', 'hung up on alice'])
  first.status = 'closing'
  answer = async () => status()
  sessions.connected(second)
  expect(await sessions.untilReady('alice')).toBe(true)
  // The end of the old one is not that of the new one.
  sessions.disconnected(first, [second])
  expect(sessions.ready.get('alice')).toMatchObject({ address: '/b' })
})

test('an answer that comes when its connection has gone is not taken', async () => {
  const late = Promise.withResolvers<Status>()
  answer = () => late.promise
  const first = connection('/a')
  sessions.connected(first)
  sessions.disconnected(first, [])
  late.resolve(status())
  await setImmediate()
  expect(told).toEqual(['asked alice'])
})

test('who does not know the protocol is a stranger', async () => {
  answer = async () => {
    throw new RequestError('unsupported')
  }
  sessions.connected(connection('/a'))
  expect(await sessions.untilReady('alice')).toBe(false)
  expect(told).toEqual(['asked alice', 'stranger alice', 'hung up on alice'])
})
