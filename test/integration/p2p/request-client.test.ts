import { getEventListeners } from 'node:events'
import type { Stream } from '@libp2p/interface'
import { beforeEach, describe, expect, it } from 'vitest'
import { hashHeader, transactionHash } from '../../../src/crypto/hashes.ts'
import { RequestClient } from '../../../src/p2p/reqresp/client.ts'
import { connectionsOf } from '../../../src/p2p/reqresp/connections.ts'
import { MAX_STREAMS, MAX_WAITING, REQUEST_TIMEOUT_MS } from '../../../src/p2p/reqresp/limits.ts'
import { requestProtocols } from '../../../src/p2p/reqresp/protocols/all.ts'
import { requestAncestors } from '../../../src/p2p/reqresp/protocols/ancestors.ts'
import { requestBlockTransactions } from '../../../src/p2p/reqresp/protocols/blocktxs.ts'
import { requestBodies } from '../../../src/p2p/reqresp/protocols/bodies.ts'
import { type HeadersOptions, requestHeaders } from '../../../src/p2p/reqresp/protocols/headers.ts'
import { requestHistory } from '../../../src/p2p/reqresp/protocols/history.ts'
import { requestInclusion } from '../../../src/p2p/reqresp/protocols/inclusion.ts'
import { requestPeers } from '../../../src/p2p/reqresp/protocols/peers.ts'
import { requestProof } from '../../../src/p2p/reqresp/protocols/proof.ts'
import { requestReceipts } from '../../../src/p2p/reqresp/protocols/receipts.ts'
import { requestStatus } from '../../../src/p2p/reqresp/protocols/status.ts'
import { requestTransactions } from '../../../src/p2p/reqresp/protocols/txs.ts'
import { RequestError } from '../../../src/p2p/reqresp/request-error.ts'
import { chunkHead } from '../../../src/p2p/wire/frame.ts'
import { encodeHeaders, type HeadersRequest } from '../../../src/p2p/wire/headers.ts'
import { FULL_RESPONSE_BYTES, MAX_RESPONSE_BYTES } from '../../../src/p2p/wire/limits.ts'
import { type RequestProtocol, requestName } from '../../../src/p2p/wire/names.ts'
import { encodePeers } from '../../../src/p2p/wire/peers.ts'
import { encodeAccountProof } from '../../../src/p2p/wire/proof.ts'
import { encodeRefusal, refusalStatus, STATUS_OK } from '../../../src/p2p/wire/refusal.ts'
import { encodeStatus } from '../../../src/p2p/wire/status.ts'
import { encodeTransactionList } from '../../../src/p2p/wire/transactions.ts'
import { encodeTransactions } from '../../../src/primitives/block.ts'
import { concatBytes } from '../../../src/primitives/bytes.ts'
import { encodeHeader, type HashedHeader } from '../../../src/primitives/header.ts'
import { encodeStoredReceipts } from '../../../src/primitives/receipt.ts'
import { encodeRlp } from '../../../src/primitives/rlp.ts'
import { assembleTransaction, type Transaction } from '../../../src/primitives/transaction.ts'
import { type Adversary, answerOf, chunk } from '../../support/adversary.ts'
import { sampleHeader } from '../../support/blocks.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { eventually, PREFIX, startAdversary, startHost } from '../../support/p2p-hosts.ts'

const hash = new Uint8Array(32).fill(9)
const status = {
  version: 1,
  genesisHash: hash,
  headHash: hash,
  number: 9,
  totalDifficulty: 9n,
  oldestBody: 0,
  serves: { headers: true, bodies: true, txs: true, proof: true, history: false },
  agent: 'test',
}

/** A chain of headers that nobody mined. */
const headers: HashedHeader[] = []
for (let number = 0; number < 8; number++) {
  const parentHash = headers[number - 1]?.hash ?? new Uint8Array(32)
  headers.push(hashHeader(sampleHeader({ number, parentHash })))
}
const transactions = [0n, 1n, 2n].map((nonce) =>
  assembleTransaction(
    {
      type: 0,
      chainId: 1n,
      nonce,
      maxFeePerGas: 1n,
      maxPriorityFeePerGas: 1n,
      gasLimit: 21_000n,
      to: new Uint8Array(20),
      value: 0n,
      data: new Uint8Array(0),
      accessList: [],
    },
    { r: 1n, s: 1n, yParity: 0 },
  ),
)

const requestNames = new Set(requestProtocols.map(({ name }) => requestName(PREFIX, name)))

let adversary: Adversary
let clock: ManualClock
let client: RequestClient
let ours: Awaited<ReturnType<typeof startHost>>

beforeEach(async () => {
  adversary = await startAdversary()
  ours = await startHost()
  await ours.dial(adversary.host.getMultiaddrs())
  clock = new ManualClock(0)
  client = new RequestClient({ prefix: PREFIX }, { clock, connectionTo: connectionsOf(ours) })
})

/** The code of a request's failure, and whose fault it is; or what it resolved to. */
async function outcome(request: Promise<unknown>): Promise<unknown> {
  try {
    return await request
  } catch (error) {
    if (!(error instanceof RequestError)) throw error
    return error.peerAtFault ? `${error.code}!` : error.code
  }
}

/** Makes the adversary answer `protocol` with these bytes and close. */
function answerWith(protocol: RequestProtocol, ...parts: readonly Uint8Array[]): Promise<void> {
  return adversary.answer(protocol, async (stream) => {
    stream.send(concatBytes(...parts))
    await stream.close()
  })
}

/** Nothing is left of any request: no timer, no stream. */
async function expectNothingLeft(): Promise<void> {
  expect(clock.pending).toBe(0)
  await eventually(() => {
    const names = ours.getConnections().flatMap(({ streams }) => streams.map(({ protocol }) => protocol))
    expect(names.filter((name) => requestNames.has(name))).toEqual([])
  })
}

const askHeaders = (request: Partial<HeadersRequest> = {}, options?: HeadersOptions) =>
  requestHeaders(client, adversary.peer, { start: 2, count: 3, skip: 0, reverse: false, ...request }, options)

/** One valid request of every protocol. */
const REQUESTS: readonly (readonly [RequestProtocol, () => Promise<unknown>])[] = [
  ['status', () => requestStatus(client, adversary.peer, status)],
  ['headers', () => askHeaders()],
  ['bodies', () => requestBodies(client, adversary.peer, [hash])],
  ['receipts', () => requestReceipts(client, adversary.peer, [{ blockHash: hash, types: [0] }])],
  ['txs', () => requestTransactions(client, adversary.peer, [hash])],
  ['blocktxs', () => requestBlockTransactions(client, adversary.peer, { blockHash: hash, indexes: [0] })],
  ['proof', () => requestProof(client, adversary.peer, { blockHash: hash, address: new Uint8Array(20), slots: [] })],
  ['peers', () => requestPeers(client, adversary.peer, 8)],
  ['history', () => requestHistory(client, adversary.peer, { anchorHash: hash, tipHash: hash })],
  ['ancestors', () => requestAncestors(client, adversary.peer, { tipHash: hash, numbers: [0] })],
  ['inclusion', () => requestInclusion(client, adversary.peer, hash)],
]

describe.each(REQUESTS)('a peer asked for %s', (protocol, ask) => {
  it('that answers with junk, or with more than was asked for, is at fault', async () => {
    const emptyList = Uint8Array.of(0xc0)
    const answers: readonly (readonly [string, Uint8Array])[] = [
      ['junk', answerOf(Uint8Array.of(0xc3, 0x81, 0x01))],
      ['no list', answerOf(Uint8Array.of(0x80))],
      ['two items in one chunk', answerOf(Uint8Array.of(0xc0, 0xc0))],
      ['more chunks than asked for', answerOf(emptyList, emptyList, emptyList)],
      ['a length in more bytes than it needs', Uint8Array.of(STATUS_OK, 0x81, 0x00, 0xc0)],
      ['a refusal that is none', chunk(2, emptyList)],
      ['a chunk after a refusal', concatBytes(chunk(2, encodeRefusal({ retryAfterMs: 0, reason: '' })), answerOf())],
      ['a byte after the end', concatBytes(answerOf(emptyList), Uint8Array.of(0))],
      ['a chunk after the end', concatBytes(answerOf(emptyList), answerOf())],
    ]
    for (const [what, bytes] of answers) {
      await answerWith(protocol, bytes)
      expect(await outcome(ask()), what).toBe('malformed!')
    }
    await answerWith(protocol, answerOf())
    expect(await outcome(ask())).toBe(/bodies|receipts/.test(protocol) ? 'short!' : 'malformed!')
    await expectNothingLeft()
  })

  it('that breaks off is at fault', async () => {
    const whole = answerOf(Uint8Array.of(0xc0), new Uint8Array(50))
    for (let length = 0; length < whole.length; length += 3) {
      await answerWith(protocol, whole.subarray(0, length))
      expect(await outcome(ask())).toBe('reset!')
    }
    await adversary.answer(protocol, (stream) => stream.abort(new Error('no')))
    expect(await outcome(ask())).toBe('reset!')
    await adversary.answer(protocol, (stream) => {
      stream.send(chunkHead(STATUS_OK, 100))
      stream.abort(new Error('no'))
    })
    expect(await outcome(ask())).toBe('reset!')
    await expectNothingLeft()
  })

  it('that sends too much is cut off', async () => {
    await answerWith(protocol, chunkHead(STATUS_OK, MAX_RESPONSE_BYTES + 1))
    expect(await outcome(ask())).toBe('too-large!')
    await answerWith(protocol, chunkHead(2, 10_000))
    expect(await outcome(ask())).toBe('too-large!')
    let cut = false
    await adversary.answer(protocol, async (stream) => {
      stream.addEventListener('close', () => {
        cut = true
      })
      stream.send(chunkHead(STATUS_OK, MAX_RESPONSE_BYTES))
      while (!cut) {
        stream.send(new Uint8Array(64 * 1024))
        await stream.onDrain()
        await new Promise(setImmediate)
      }
    })
    expect(await outcome(ask())).toBe('too-large!')
    await eventually(() => expect(cut).toBe(true))
    await expectNothingLeft()
  })

  it('that refuses says so, and is not at fault', async () => {
    const refusals = { 1: 'refused', 2: 'unavailable', 3: 'refused', 4: 'not-yet', 5: 'refused', 77: 'refused' }
    for (const [code, expected] of Object.entries(refusals)) {
      await answerWith(protocol, chunk(Number(code), encodeRefusal({ retryAfterMs: 0, reason: 'no' })))
      expect(await outcome(ask()), code).toBe(expected)
    }
  })

  it('that never answers, or sends a byte at a time, or never ends, has ten seconds', async () => {
    const streams: Stream[] = []
    const scripts: ((stream: Stream) => unknown)[] = [
      () => undefined,
      (stream) => stream.send(chunk(STATUS_OK, Uint8Array.of(0xc0))),
      (stream) => stream.send(chunkHead(STATUS_OK, 10)),
    ]
    for (const script of scripts) {
      await adversary.answer(protocol, (stream) => {
        streams.push(stream)
        return script(stream)
      })
      const asked = streams.length
      const answer = outcome(ask())
      await eventually(() => expect(streams).toHaveLength(asked + 1))
      for (let second = 1; second < REQUEST_TIMEOUT_MS / 1000; second++) {
        clock.advance(1000)
        if (script === scripts[2]) streams[asked]!.send(Uint8Array.of(0))
      }
      clock.advance(1000)
      expect(await answer).toBe('timed-out!')
    }
    await eventually(() => expect(streams.map((stream) => stream.status)).toEqual(scripts.map(() => 'reset')))
    await expectNothingLeft()
  })

  it('that goes away meanwhile is not at fault', async () => {
    await adversary.answer(protocol, () => adversary.host.stop())
    expect(await outcome(ask())).toBe('disconnected')
    expect(await outcome(ask())).toBe('disconnected')
    expect(clock.pending).toBe(0)
  })

  it('may not know the protocol', async () => {
    expect(await outcome(ask())).toBe('unsupported')
    await expectNothingLeft()
  })
})

describe('an answer of another kind than asked for', () => {
  const answer = (protocol: RequestProtocol, payload: Uint8Array) => answerWith(protocol, answerOf(payload))
  const encoded = (numbers: readonly number[]) =>
    encodeHeaders(numbers.map((number) => encodeHeader(headers[number]!.header)))

  it.each<[string, Partial<HeadersRequest>, number[], string]>([
    ['other numbers', {}, [1, 2, 3], 'malformed!'],
    ['more than asked for', {}, [2, 3, 4, 5], 'malformed!'],
    ['a gap', {}, [2, 4], 'malformed!'],
    ['the wrong direction', { reverse: true }, [2, 3, 4], 'malformed!'],
    ['another distance', { skip: 1 }, [2, 3], 'malformed!'],
    ['another header than the one named', { start: headers[2]!.hash }, [3, 4], 'malformed!'],
    ['not the header that was named', { start: headers[2]!.hash }, [], 'short!'],
    ['an end before genesis', { reverse: true }, [2, 1], 'short!'],
  ])('of headers: %s', async (_, request, numbers, expected) => {
    await answer('headers', encoded(numbers))
    expect(await outcome(askHeaders(request))).toBe(expected)
  })

  it('of headers: the right numbers of another chain', async () => {
    const foreign = encodeHeader(sampleHeader({ number: 3, parentHash: hash }))
    await answer('headers', encodeHeaders([encodeHeader(headers[2]!.header), foreign]))
    expect(await outcome(askHeaders())).toBe('malformed!')
    await answer('headers', encodeHeaders([foreign, encodeHeader(headers[2]!.header)]))
    expect(await outcome(askHeaders({ start: 3, reverse: true }))).toBe('malformed!')
  })

  it('of headers: fewer than the peer claims', async () => {
    await answer('headers', encoded([2, 3]))
    expect(await outcome(askHeaders({}, { atLeast: 3 }))).toBe('short!')
    expect(await askHeaders({}, { atLeast: 2 })).toEqual(headers.slice(2, 4))
    await answer('headers', encoded([]))
    expect(await outcome(askHeaders({}, { atLeast: 1 }))).toBe('short!')
    expect(await askHeaders()).toEqual([])
  })

  it('of headers is no longer one when it fits', async () => {
    await answer('headers', encoded([2, 1, 0]))
    expect(await askHeaders({ reverse: true, count: 9, start: headers[2]!.hash })).toHaveLength(3)
    await answer('headers', encoded([6, 4, 2, 0]))
    expect(await askHeaders({ reverse: true, count: 9, start: 6, skip: 1 })).toHaveLength(4)
    await answer('headers', encoded([5, 2]))
    expect(await askHeaders({ reverse: true, count: 9, start: 5, skip: 2 })).toHaveLength(2)
    await answer('headers', encoded([1, 4, 7]))
    expect(await askHeaders({ start: 1, skip: 2 })).toEqual([headers[1], headers[4], headers[7]])
  })

  it('of bodies or receipts: fewer, where there was room for more', async () => {
    await answerWith('bodies', answerOf(Uint8Array.of(0xc0)))
    expect(await outcome(requestBodies(client, adversary.peer, [hash, hash]))).toBe('short!')
    await answerWith('receipts', answerOf(encodeRlp([new Uint8Array(FULL_RESPONSE_BYTES - 10)])))
    const types = [0] as const
    const blocks = [hash, hash].map((blockHash) => ({ blockHash, types }))
    expect(await outcome(requestReceipts(client, adversary.peer, blocks))).toBe('short!')
  })

  it('of bodies may be short when it is full', async () => {
    const large = assembleTransaction(
      { ...transactions[0]!, type: 0, data: new Uint8Array(120_000) },
      { r: 1n, s: 1n, yParity: 0 },
    )
    await answerWith('bodies', answerOf(encodeTransactions(Array<Transaction>(5).fill(large))))
    const bodies = await requestBodies(client, adversary.peer, [hash, hash, hash])
    expect(bodies.map((one) => one.transactions.length)).toEqual([5])
  })

  it('of receipts: not one for each transaction', async () => {
    const receipt = { type: 0, status: 1, cumulativeGasUsed: 21_000n, logs: [] } as const
    const ask = () => requestReceipts(client, adversary.peer, [{ blockHash: hash, types: [0, 0] }])
    await answer('receipts', encodeStoredReceipts([receipt]))
    expect(await outcome(ask())).toBe('malformed!')
    await answer('receipts', encodeStoredReceipts([receipt, receipt]))
    expect(await ask()).toEqual([[receipt, receipt]])
  })

  it('of pooled transactions: ones not asked for, twice, or in another order', async () => {
    const hashes = transactions.map(transactionHash)
    const ask = (asked: Uint8Array[]) => requestTransactions(client, adversary.peer, asked)
    const list = (...indexes: number[]) => encodeTransactionList(indexes.map((i) => transactions[i]!.raw))
    for (const [asked, given] of [
      [hashes.slice(0, 2), list(2)],
      [hashes, list(1, 1)],
      [hashes, list(2, 0)],
    ] as const) {
      await answer('txs', given)
      expect(await outcome(ask([...asked]))).toBe('malformed!')
    }
    await answer('txs', list(0, 2))
    expect((await ask(hashes)).map((found) => found.hash)).toEqual([hashes[0], hashes[2]])
    await answer('txs', list())
    expect(await ask(hashes)).toEqual([])
  })

  it('of transactions of a block: fewer or more', async () => {
    const ask = () => requestBlockTransactions(client, adversary.peer, { blockHash: hash, indexes: [3, 5] })
    const raws = transactions.map(({ raw }) => raw)
    for (const count of [0, 1, 3]) {
      await answer('blocktxs', encodeTransactionList(raws.slice(0, count)))
      expect(await outcome(ask())).toBe('malformed!')
    }
    await answer('blocktxs', encodeTransactionList(raws.slice(0, 2)))
    expect(await ask()).toEqual(transactions.slice(0, 2))
  })

  it('of proofs: not one for each slot', async () => {
    await answer('proof', encodeAccountProof({ account: [], slots: [[]] }))
    const ask = (slots: Uint8Array[]) =>
      requestProof(client, adversary.peer, { blockHash: hash, address: new Uint8Array(20), slots })
    expect(await outcome(ask([]))).toBe('malformed!')
    expect(await ask([hash])).toEqual({ account: [], slots: [[]] })
  })

  it('of peers: more than asked for', async () => {
    await answer('peers', encodePeers([hash, hash]))
    expect(await outcome(requestPeers(client, adversary.peer, 1))).toBe('malformed!')
    expect(await requestPeers(client, adversary.peer, 2)).toEqual([hash, hash])
  })
})

describe('requests to one peer', () => {
  it('are two at a time for each protocol, the others in turn; a fault in one is none in another', async () => {
    const streams: Stream[] = []
    await adversary.answer('status', (stream) => streams.push(stream))
    const answers = Array.from({ length: 5 }, () => requestStatus(client, adversary.peer, status))
    const respond = async (stream: Stream, bytes: Uint8Array) => {
      stream.send(bytes)
      await stream.close()
    }
    await eventually(() => expect(streams).toHaveLength(2))
    await answerWith('peers', answerOf(encodePeers([])))
    expect(await requestPeers(client, adversary.peer, 1)).toEqual([])
    expect(streams).toHaveLength(2)
    for (let i = 0; i < 5; i++) {
      await eventually(() => expect(streams.length).toBeGreaterThan(i))
      const bytes = i === 1 ? Uint8Array.of(0xff) : encodeStatus(status)
      await respond(streams[i]!, answerOf(bytes))
      expect(await outcome(answers[i]!)).toEqual(i === 1 ? 'malformed!' : status)
    }
    await expectNothingLeft()
  })

  it('that wait may be given up, and do not pile up', async () => {
    let streams = 0
    await adversary.answer('status', () => {
      streams++
    })
    const ending = new AbortController()
    const options = { signal: ending.signal }
    const reason = new Error('the node stops')
    const asked = Array.from({ length: 2 + MAX_WAITING }, () => requestStatus(client, adversary.peer, status, options))
    expect(await outcome(requestStatus(client, adversary.peer, status))).toBe('busy')
    await eventually(() => expect(streams).toBe(2))
    ending.abort(reason)
    const results = await Promise.allSettled(asked)
    expect(results.every((result) => result.status === 'rejected' && result.reason === reason)).toBe(true)
    await expect(requestStatus(client, adversary.peer, status, options)).rejects.toBe(reason)
    expect(streams).toBe(2)
    await expectNothingLeft()
    await answerWith('status', answerOf(encodeStatus(status)))
    expect(await requestStatus(client, adversary.peer, status)).toEqual(status)
  })

  it('that a bound of our own forbids are no fault of the peer', async () => {
    await adversary.answer('status', () => undefined)
    const [connection] = ours.getConnections()
    for (let i = 0; i < MAX_STREAMS; i++) await connection!.newStream(requestName(PREFIX, 'status'))
    expect(await outcome(requestStatus(client, adversary.peer, status))).toBe('busy')
  })

  it('leave nothing on a signal that outlives them', async () => {
    const { signal } = new AbortController()
    await answerWith('status', answerOf(encodeStatus(status)))
    for (let i = 0; i < 3; i++) await requestStatus(client, adversary.peer, status, { signal })
    await answerWith('status', answerOf())
    expect(await outcome(requestStatus(client, adversary.peer, status, { signal }))).toBe('malformed!')
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  it('say what was refused and when to ask again', async () => {
    const refusal = encodeRefusal({ retryAfterMs: 1234, reason: 'slowly' })
    await answerWith('status', chunk(refusalStatus('rate-limited'), refusal))
    await expect(requestStatus(client, adversary.peer, status)).rejects.toMatchObject({
      code: 'refused',
      refusal: { code: 'rate-limited', retryAfterMs: 1234, reason: 'slowly' },
    })
  })
})
