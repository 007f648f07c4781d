import { beforeEach, describe, expect, test } from 'vitest'
import { transactionHash } from '../../../src/crypto/hashes.ts'
import { fromHex, toHex } from '../../../src/primitives/bytes.ts'
import type { Subscriber } from '../../../src/rpc/caller.ts'
import { Dispatcher } from '../../../src/rpc/dispatch.ts'
import type { AnnouncedBlock, NodeEvent } from '../../../src/rpc/events.ts'
import {
  FILTER_LIFETIME_MS,
  MAX_FILTER_BACKLOG,
  MAX_FILTERS,
  MAX_FILTERS_PER_CLIENT,
  MAX_SUBSCRIPTIONS_PER_CONNECTION,
} from '../../../src/rpc/limits.ts'
import { rpcMethods } from '../../../src/rpc/methods/all.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { fakeBackends, SENDER } from './fake-backends.ts'
import { eventServices, TestEvents } from './serving.ts'
import { signedByViem } from './signed.ts'

const ADDRESS = `0x${'c0'.repeat(20)}` as const
const TOPICS = ['0a', '0b', '0c'].map((byte) => `0x${byte.repeat(32)}`)

/** A connection that remembers what it was told. */
class TestSubscriber implements Subscriber {
  readonly told: { readonly subscription: string; readonly result: unknown }[] = []
  #actions: (() => void)[] = []
  readonly #listeners: (() => void)[] = []

  notify(message: string): void {
    const { method, params } = JSON.parse(message)
    expect(method).toBe('eth_subscription')
    this.told.push(params)
  }
  readonly afterAnswer = (action: () => void): void => {
    this.#actions.push(action)
  }
  answered(): void {
    for (const action of this.#actions.splice(0)) action()
  }
  onClose(listener: () => void): void {
    this.#listeners.push(listener)
  }
  close(): void {
    for (const listener of this.#listeners) listener()
  }
}

const events = new TestEvents()
const clock = new ManualClock(0)
const { blocks, side, ...backends } = fakeBackends({ blocks: [{}, {}, {}] })
let dispatcher: Dispatcher
beforeEach(() => {
  const methods = rpcMethods(backends, eventServices({ events, clock }))
  dispatcher = new Dispatcher({ methods, clock, onInternalError: (error) => expect.fail(String(error)) })
})

async function call(method: string, params: unknown, caller: { client?: string; subscriber?: TestSubscriber } = {}) {
  const message = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
  const reply = await dispatcher.handle(message, {
    client: 'somebody',
    ...caller,
    afterAnswer: caller.subscriber?.afterAnswer,
  })
  const { result, error } = JSON.parse(reply!.text)
  return error ?? result
}

async function subscribe(...params: unknown[]) {
  const subscriber = new TestSubscriber()
  const id = await call('eth_subscribe', params, { subscriber })
  subscriber.answered()
  return { subscriber, id, results: () => subscriber.told.map(({ result }) => result) }
}

const block = (index: number, logs: AnnouncedBlock['logs'] = []): AnnouncedBlock => ({ header: blocks[index]!, logs })
const head = (connected: AnnouncedBlock[], disconnected: AnnouncedBlock[] = []): NodeEvent => ({
  type: 'head',
  connected,
  disconnected,
})
const hashOf = (index: number) => toHex(blocks[index]!.hash)
const log = (address: string, ...topics: string[]) => ({
  log: { address: fromHex(address), topics: topics.map(fromHex), data: new Uint8Array([7]) },
  transactionHash: new Uint8Array(32).fill(9),
  transactionIndex: 0,
  logIndex: 0,
})

describe('eth_subscribe', () => {
  test('takes a connection that can be told things', async () => {
    expect(await call('eth_subscribe', ['newHeads'])).toMatchObject({ code: -32001 })
    expect(await call('eth_unsubscribe', ['0x1'])).toMatchObject({ code: -32001 })
  })

  test.each([
    [['blocks'], /no such subscription/],
    [[], /missing value/],
    [['logs', { address: '0x12' }], /address: hex string has 1 bytes/],
    [['logs', { topics: Array(5).fill(null) }], /topics: 5 items, limit 4/],
    [['logs', 'all'], /not an object/],
    [['newPendingTransactions', 1], /not a boolean/],
    [['newHeads', { removed: 1 }], /removed: not a boolean/],
    [['syncing', {}], /too many arguments/],
  ])('refuses %j', async (params, message) => {
    const answer = await call('eth_subscribe', params, { subscriber: new TestSubscriber() })
    expect(answer).toEqual({ code: -32602, message: expect.stringMatching(message) })
  })

  test('newHeads: begins once the id has been sent, and tells every new head in order', async () => {
    const subscriber = new TestSubscriber()
    const id = await call('eth_subscribe', ['newHeads'], { subscriber })
    events.emit(head([block(1)]))
    expect(subscriber.told).toEqual([])
    subscriber.answered()
    events.emit(head([block(2), block(3)]))
    expect(subscriber.told).toMatchObject([
      { subscription: id, result: { number: '0x2', hash: hashOf(2), parentHash: hashOf(1) } },
      { subscription: id, result: { number: '0x3', hash: hashOf(3), parentHash: hashOf(2) } },
    ])
  })

  test('newHeads over a reorg: the new branch from the fork on; what went is told to who asked for it', async () => {
    const plain = await subscribe('newHeads')
    const attentive = await subscribe('newHeads', { removed: true })
    events.emit(head([{ header: side, logs: [] }], [block(2), block(1)]))
    expect(plain.results()).toMatchObject([{ hash: toHex(side.hash), number: '0x1' }])
    expect(plain.results()[0]).not.toHaveProperty('removed')
    expect(attentive.results()).toMatchObject([
      { hash: hashOf(2), removed: true },
      { hash: hashOf(1), removed: true },
      { hash: toHex(side.hash) },
    ])
  })

  test('newPendingTransactions: hashes, or whole transactions', async () => {
    const tx = await signedByViem({ to: ADDRESS, nonce: 0, gasPrice: 10n ** 9n })
    const transactions = [{ tx, hash: transactionHash(tx), sender: SENDER }]
    const hashes = await subscribe('newPendingTransactions')
    const whole = await subscribe('newPendingTransactions', true)
    events.emit({ type: 'pending', transactions })
    const hash = toHex(transactionHash(tx))
    expect(hashes.results()).toEqual([hash])
    expect(whole.results()).toMatchObject([{ hash, blockHash: null, from: toHex(SENDER), to: ADDRESS }])
  })

  test('logs: those that fit, and again as removed when their block goes', async () => {
    const all = await subscribe('logs')
    const some = await subscribe('logs', { address: ADDRESS, topics: [null, [TOPICS[1], TOPICS[2]]] })
    const fitting = log(ADDRESS, TOPICS[0]!, TOPICS[1]!)
    const logs = [fitting, log(ADDRESS, TOPICS[1]!), log(`0x${'c1'.repeat(20)}`, TOPICS[0]!, TOPICS[1]!)]
    events.emit(head([block(1, logs)]))
    events.emit(head([block(2)], [block(1, logs)]))
    const seen = { address: ADDRESS, topics: TOPICS.slice(0, 2), data: '0x07', blockHash: hashOf(1), logIndex: '0x0' }
    expect(some.results()).toMatchObject([
      { ...seen, removed: false },
      { ...seen, removed: true },
    ])
    expect(all.results()).toHaveLength(6)
  })

  test('syncing: how far it is, then false', async () => {
    const { results } = await subscribe('syncing')
    const progress = { startingBlock: 1, currentBlock: 2, highestBlock: 10, stages: [] }
    events.emit({ type: 'syncing', progress })
    events.emit({ type: 'syncing', progress: undefined })
    const status = { startingBlock: '0x1', currentBlock: '0x2', highestBlock: '0xa', stages: [] }
    expect(results()).toEqual([{ syncing: true, status }, false])
  })

  test('ends by eth_unsubscribe, of the same connection alone, and with the connection', async () => {
    const first = await subscribe('newHeads')
    const second = await subscribe('newHeads')
    expect(await call('eth_unsubscribe', [first.id], second)).toMatchObject({ code: -32602 })
    expect(await call('eth_unsubscribe', [first.id], first)).toBe(true)
    expect(await call('eth_unsubscribe', [first.id], first)).toMatchObject({ message: 'subscription not found' })
    second.subscriber.close()
    events.emit(head([block(1)]))
    expect([...first.results(), ...second.results()]).toEqual([])
  })

  test('is bounded on each connection', async () => {
    const subscriber = new TestSubscriber()
    for (let i = 0; i < MAX_SUBSCRIPTIONS_PER_CONNECTION; i++) {
      expect(await call('eth_subscribe', ['newHeads'], { subscriber })).toMatch(/^0x/)
    }
    expect(await call('eth_subscribe', ['newHeads'], { subscriber })).toMatchObject({ code: -32005, message: /128/ })
    expect(await call('eth_subscribe', ['newHeads'], { subscriber: new TestSubscriber() })).toMatch(/^0x/)
  })
})

describe('a filter', () => {
  const changes = (id: string) => call('eth_getFilterChanges', [id])

  test('of blocks gives hashes since it was last asked, those of a new branch too', async () => {
    const id = await call('eth_newBlockFilter', [])
    expect(await changes(id)).toEqual([])
    events.emit(head([block(1)]))
    events.emit(head([block(2)]))
    const late = await call('eth_newBlockFilter', [])
    expect(await changes(id)).toEqual([hashOf(1), hashOf(2)])
    expect(await changes(id)).toEqual([])
    events.emit(head([{ header: side, logs: [] }], [block(2), block(1)]))
    expect(await changes(id)).toEqual([toHex(side.hash)])
    expect(await changes(late)).toEqual([toHex(side.hash)])
  })

  test('of logs gives those that fit and lie in its range, and tells when they go', async () => {
    const every = await call('eth_newFilter', [{}])
    const narrow = await call('eth_newFilter', [
      { address: ADDRESS, topics: [TOPICS[0]], fromBlock: '0x2', toBlock: '0x2' },
    ])
    const logs = [log(ADDRESS, TOPICS[0]!)]
    events.emit(head([block(1, logs), block(2, logs), block(3, logs)]))
    expect(await changes(every)).toHaveLength(3)
    expect(await changes(narrow)).toMatchObject([{ blockNumber: '0x2', removed: false }])
    events.emit(head([], [block(3, logs), block(2, logs)]))
    expect(await changes(narrow)).toMatchObject([{ blockNumber: '0x2', removed: true }])
    expect(await changes(every)).toMatchObject([
      { blockNumber: '0x3', removed: true },
      { blockNumber: '0x2', removed: true },
    ])
  })

  test('of pending transactions gives their hashes; one that has fallen too far behind is gone', async () => {
    const tx = await signedByViem({ to: ADDRESS, nonce: 0, gasPrice: 10n ** 9n })
    const one = { tx, hash: transactionHash(tx), sender: SENDER }
    const id = await call('eth_newPendingTransactionFilter', [])
    events.emit({ type: 'pending', transactions: Array(MAX_FILTER_BACKLOG).fill(one) })
    const late = await call('eth_newPendingTransactionFilter', [])
    expect(await changes(id)).toHaveLength(MAX_FILTER_BACKLOG)
    events.emit({ type: 'pending', transactions: Array(MAX_FILTER_BACKLOG).fill(one) })
    expect(await changes(late)).toHaveLength(MAX_FILTER_BACKLOG)
    events.emit({ type: 'pending', transactions: [one] })
    expect(await changes(id)).toEqual({ code: -32000, message: 'filter not found' })
    expect(await changes(late)).toEqual([toHex(one.hash)])
  })

  test('is refused for criteria that contradict themselves', async () => {
    const hash = hashOf(1)
    for (const query of [
      { blockHash: hash, fromBlock: '0x1' },
      { fromBlock: '0x2', toBlock: '0x1' },
      { topics: ['0x1'] },
    ]) {
      expect(await call('eth_newFilter', [query])).toMatchObject({ code: -32602 })
    }
  })

  test('is gone once uninstalled, and when nobody has asked for it for five minutes', async () => {
    const id = await call('eth_newBlockFilter', [])
    expect(await call('eth_uninstallFilter', [id])).toBe(true)
    expect(await call('eth_uninstallFilter', [id])).toBe(false)
    expect(await changes(id)).toMatchObject({ message: 'filter not found' })

    const other = await call('eth_newBlockFilter', [])
    clock.advance(FILTER_LIFETIME_MS)
    expect(await changes(other)).toEqual([])
    clock.advance(FILTER_LIFETIME_MS + 1)
    expect(await changes(other)).toMatchObject({ message: 'filter not found' })
  })

  test('of a client on this machine, as a proxy is, counts among all alone', async () => {
    for (let i = 0; i <= MAX_FILTERS_PER_CLIENT; i++) {
      expect(await call('eth_newBlockFilter', [], { client: '127.0.0.1' })).toMatch(/^0x/)
    }
  })

  test('is one of a bounded number, of a client and of all; expired ones make room', async () => {
    const create = (client: string) => call('eth_newBlockFilter', [], { client })
    for (let i = 0; i < MAX_FILTERS_PER_CLIENT; i++) expect(await create('first')).toMatch(/^0x/)
    expect(await create('first')).toMatchObject({ code: -32005, message: expect.stringContaining('256') })
    for (let i = MAX_FILTERS_PER_CLIENT; i < MAX_FILTERS; i++) expect(await create(`client ${i % 100}`)).toMatch(/^0x/)
    expect(await create('another')).toMatchObject({ code: -32005, message: expect.stringContaining('4096') })
    clock.advance(FILTER_LIFETIME_MS + 1)
    expect(await create('another')).toMatch(/^0x/)
  })
})
