import type { Stream } from '@libp2p/interface'
import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import type { RequestOffence } from '../../../src/p2p/reqresp/answer.ts'
import type { RequestBackend } from '../../../src/p2p/reqresp/backend.ts'
import { RequestClient } from '../../../src/p2p/reqresp/client.ts'
import { connectionsOf } from '../../../src/p2p/reqresp/connections.ts'
import {
  ALLOWANCE,
  MAX_CONCURRENT,
  MAX_DEBT,
  REFUSED_COST,
  REQUEST_COST,
  REQUEST_TIMEOUT_MS,
} from '../../../src/p2p/reqresp/limits.ts'
import { requestProtocols } from '../../../src/p2p/reqresp/protocols/all.ts'
import { requestBlockTransactions } from '../../../src/p2p/reqresp/protocols/blocktxs.ts'
import { requestBodies } from '../../../src/p2p/reqresp/protocols/bodies.ts'
import { requestPeers } from '../../../src/p2p/reqresp/protocols/peers.ts'
import { requestProof } from '../../../src/p2p/reqresp/protocols/proof.ts'
import { requestStatus } from '../../../src/p2p/reqresp/protocols/status.ts'
import { RequestServer } from '../../../src/p2p/reqresp/server.ts'
import { encodeAncestorsRequest } from '../../../src/p2p/wire/ancestors.ts'
import { encodeBlockTransactionsRequest } from '../../../src/p2p/wire/block-transactions.ts'
import { type Frame, FrameParser, requestHead, STATUS_END } from '../../../src/p2p/wire/frame.ts'
import { encodeHashes } from '../../../src/p2p/wire/hashes.ts'
import { encodeHeadersRequest } from '../../../src/p2p/wire/headers.ts'
import { encodeHistoryRequest } from '../../../src/p2p/wire/history.ts'
import { encodeInclusionRequest } from '../../../src/p2p/wire/inclusion.ts'
import { type RequestProtocol, requestName } from '../../../src/p2p/wire/names.ts'
import { encodePeersRequest } from '../../../src/p2p/wire/peers.ts'
import { encodeProofRequest } from '../../../src/p2p/wire/proof.ts'
import { decodeRefusal, type Refusal, STATUS_OK } from '../../../src/p2p/wire/refusal.ts'
import { encodeStatus } from '../../../src/p2p/wire/status.ts'
import { encodeTransactions } from '../../../src/primitives/block.ts'
import { concatBytes } from '../../../src/primitives/bytes.ts'
import { encodeHeader } from '../../../src/primitives/header.ts'
import { assembleTransaction, type Transaction } from '../../../src/primitives/transaction.ts'
import { type Adversary, type Outcome, outcomeOf, requestFrame } from '../../support/adversary.ts'
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
const large: Transaction = assembleTransaction(
  {
    type: 0,
    chainId: 1n,
    nonce: 0n,
    maxFeePerGas: 1n,
    maxPriorityFeePerGas: 1n,
    gasLimit: 21_000n,
    to: new Uint8Array(20),
    value: 0n,
    data: new Uint8Array(125_000),
    accessList: [],
  },
  { r: 1n, s: 1n, yParity: 0 },
)
/** As long as a body may be. */
const body = encodeTransactions(Array<Transaction>(12).fill(large))
const unknown = new Uint8Array(32).fill(0xee)

/** A valid request of every protocol. */
const REQUESTS: readonly (readonly [RequestProtocol, Uint8Array])[] = [
  ['status', encodeStatus(status)],
  ['headers', encodeHeadersRequest({ start: hash, count: 2, skip: 0, reverse: true })],
  ['bodies', encodeHashes([hash, hash])],
  ['receipts', encodeHashes([hash, hash])],
  ['txs', encodeHashes([hash])],
  ['blocktxs', encodeBlockTransactionsRequest({ blockHash: hash, indexes: [0] })],
  ['proof', encodeProofRequest({ blockHash: hash, address: new Uint8Array(20), slots: [] })],
  ['peers', encodePeersRequest(8)],
  ['history', encodeHistoryRequest({ anchorHash: hash, tipHash: hash })],
  ['ancestors', encodeAncestorsRequest({ tipHash: hash, numbers: [0] })],
  ['inclusion', encodeInclusionRequest(hash)],
]

const requestNames = new Set(requestProtocols.map(({ name }) => requestName(PREFIX, name)))

let backend: RequestBackend
let clock: ManualClock
let offences: string[]
let errors: unknown[]
let server: RequestServer
let ours: Awaited<ReturnType<typeof startHost>>
let adversary: Adversary

beforeEach(async () => {
  backend = {
    status: () => status,
    blocks: {
      headers: async () => [encodeHeader(sampleHeader())],
      body: async (blockHash) => (blockHash[0] === 9 ? body : undefined),
      receipts: async () => Uint8Array.of(0xc0),
      transactions: async ({ blockHash }) => (blockHash[0] === 9 ? [large.raw] : 'not-yet'),
    },
    pool: { transaction: () => large.raw },
    state: { prove: async () => undefined },
    light: {
      history: async () => Uint8Array.of(0xc0),
      ancestors: async () => undefined,
      inclusion: async () => undefined,
    },
    peerRecords: async (_, count) => Array<Uint8Array>(count).fill(hash),
  }
  clock = new ManualClock(0)
  offences = []
  errors = []
  ours = await startHost()
  adversary = await startAdversary()
})

async function serve(changes: Partial<RequestBackend> = {}): Promise<void> {
  server = new RequestServer(
    { prefix: PREFIX },
    {
      host: ours,
      backend: { ...backend, ...changes },
      clock,
      onOffence: (peer: string, offence: RequestOffence) => {
        offences.push(peer === adversary.peer ? offence : `${offence} by somebody else`)
      },
      onError: (error) => errors.push(error),
    },
  )
  await server.start()
}

/** A peer of its own that asks as it should. */
async function honestClient(): Promise<{ readonly client: RequestClient; readonly peer: string }> {
  const host = await startHost()
  await host.dial(ours.getMultiaddrs())
  // Its own time does not pass: only the server is judged.
  const client = new RequestClient({ prefix: PREFIX }, { clock: new ManualClock(0), connectionTo: connectionsOf(host) })
  return { client, peer: ours.peerId.toString() }
}

/** The chunks of an answer, without the end that it must have. */
function frames({ bytes }: Outcome): Frame[] {
  const found = [...new FrameParser({ withStatus: true, maxPayloadBytes: () => 2 ** 21 }).push(bytes)]
  if (found.at(-1)?.status === STATUS_END) return found.slice(0, -1)
  expect(found.at(-1)?.status).toBeGreaterThan(STATUS_OK)
  return found
}

/** The refusal that is all of an answer. */
function refusalIn(outcome: Outcome): Refusal {
  const [frame, ...more] = frames(outcome)
  expect(more).toEqual([])
  return decodeRefusal(frame!.status, frame!.payload)
}

/** Nothing is left of any request: no timer, no stream. */
async function expectNothingLeft(): Promise<void> {
  await eventually(() => {
    expect(clock.pending).toBe(0)
    const names = ours.getConnections().flatMap(({ streams }) => streams.map(({ protocol }) => protocol))
    expect(names.filter((name) => requestNames.has(name))).toEqual([])
  })
}

describe.each(REQUESTS)('%s: a requester', (protocol, request) => {
  const { maxRequestBytes } = requestProtocols.find(({ name }) => name === protocol)!

  it('that says more than a request can be is cut off at once', async () => {
    await serve()
    expect(await adversary.say(ours, protocol, requestHead(maxRequestBytes + 1))).toMatchObject({ ending: 'cut' })
    expect(await adversary.say(ours, protocol, new Uint8Array(10).fill(0xff))).toMatchObject({ ending: 'cut' })
    expect(offences).toEqual(['invalid-request', 'invalid-request'])
    await expectNothingLeft()
  })

  it('whose request is malformed is told so', async () => {
    await serve()
    for (const malformed of [Uint8Array.of(), Uint8Array.of(0x80), Uint8Array.of(0xc1, 0xc0), Uint8Array.of(0xc0)]) {
      const outcome = await adversary.say(ours, protocol, requestFrame(malformed))
      expect(outcome.ending).toBe('closed')
      expect(refusalIn(outcome).code).toBe('invalid-request')
    }
    expect(offences).toEqual(Array(4).fill('invalid-request'))
    await expectNothingLeft()
  })

  it('that sends something after its request is cut off', async () => {
    await serve()
    const outcome = await adversary.say(ours, protocol, concatBytes(requestFrame(request), Uint8Array.of(0)))
    expect(outcome.ending).toBe('cut')
    expect(offences).toEqual(['invalid-request'])
    await expectNothingLeft()
  })

  it('that closes or leaves before it has said anything whole costs nothing more', async () => {
    await serve()
    const frame = requestFrame(request)
    for (const cut of [0, 1, frame.length - 1]) {
      expect(await adversary.say(ours, protocol, frame.subarray(0, cut))).toMatchObject({ ending: 'cut' })
    }
    const stream = await adversary.open(ours, protocol)
    stream.send(frame.subarray(0, 1))
    stream.abort(new Error('gone'))
    await expectNothingLeft()
    expect(offences).toEqual([])
  })

  it('that sends a byte a second is cut off after ten', async () => {
    await serve()
    const stream = await adversary.open(ours, protocol)
    const outcome = outcomeOf(stream)
    const frame = requestHead(maxRequestBytes)
    for (let second = 0; second < REQUEST_TIMEOUT_MS / 1000; second++) {
      stream.send(second < frame.length ? frame.subarray(second, second + 1) : Uint8Array.of(0xc0))
      await eventually(() => expect(clock.pending).toBe(1))
      clock.advance(1000)
    }
    expect(await outcome).toMatchObject({ ending: 'cut' })
    expect(offences).toEqual(['too-slow'])
    await expectNothingLeft()
  })

  it('that opens stream after stream has two, and an honest peer is served meanwhile', async () => {
    await serve()
    const outcomes = []
    for (let i = 0; i < 3 * MAX_CONCURRENT; i++) outcomes.push(outcomeOf(await adversary.open(ours, protocol)))
    const { client, peer } = await honestClient()
    expect(await requestPeers(client, peer, 1)).toEqual([hash])
    await eventually(() => expect(clock.pending).toBe(MAX_CONCURRENT))
    clock.advance(REQUEST_TIMEOUT_MS)
    expect((await Promise.all(outcomes)).map(({ ending }) => ending)).toEqual(outcomes.map(() => 'cut'))
    expect(offences).toContain('too-many-streams')
    expect(offences.filter((offence) => offence === 'too-slow')).toHaveLength(MAX_CONCURRENT)
    await expectNothingLeft()
  })

  it('that does not close its side is answered, and cut off after ten seconds', async () => {
    await serve()
    const stream = await adversary.open(ours, protocol)
    const outcome = outcomeOf(stream)
    stream.send(requestFrame(request))
    expect(frames(await outcome).length).toBeGreaterThan(0)
    expect(stream.status).toBe('open')
    clock.advance(REQUEST_TIMEOUT_MS)
    await eventually(() => expect(stream.status).toBe('reset'))
    await expectNothingLeft()
  })
})

describe('a requester', () => {
  it('that does not read is cut off, and no more is made for it than the first part', async () => {
    let made = 0
    await serve({
      blocks: {
        ...backend.blocks!,
        body: async () => {
          made++
          return body.subarray(0, 400_000)
        },
      },
    })
    const streams: Stream[] = []
    for (let i = 0; i < MAX_CONCURRENT; i++) {
      const stream = await adversary.open(ours, 'bodies')
      stream.pause()
      stream.send(requestFrame(encodeHashes(Array<Uint8Array>(128).fill(hash))))
      await stream.close()
      streams.push(stream)
    }
    await eventually(() => expect(made).toBe(MAX_CONCURRENT))
    const { client, peer } = await honestClient()
    expect(await requestStatus(client, peer, status)).toEqual(status)
    expect(made).toBe(MAX_CONCURRENT)
    clock.advance(REQUEST_TIMEOUT_MS)
    await eventually(() => expect(streams.map((stream) => stream.status)).toEqual(streams.map(() => 'reset')))
    expect(offences).toEqual(['too-slow', 'too-slow'])
    await expectNothingLeft()
  })

  it('is not to blame for a backend that does not come back', async () => {
    await serve({ state: { prove: () => new Promise(() => undefined) } })
    const stream = await adversary.open(ours, 'proof')
    const outcome = outcomeOf(stream)
    stream.send(requestFrame(REQUESTS.find(([name]) => name === 'proof')![1]))
    await eventually(() => expect(clock.pending).toBe(1))
    // The request has to have come.
    await requestStatus((await honestClient()).client, ours.peerId.toString(), status)
    clock.advance(REQUEST_TIMEOUT_MS)
    expect(await outcome).toMatchObject({ ending: 'cut' })
    expect(offences).toEqual([])
  })

  it('gets a server error where the backend fails, and the node hears of it', async () => {
    const failure = new Error('disk')
    await serve({ state: { prove: () => Promise.reject(failure) } })
    const { client, peer } = await honestClient()
    const request = { blockHash: hash, address: new Uint8Array(20), slots: [] }
    await expect(requestProof(client, peer, request)).rejects.toMatchObject({
      code: 'refused',
      refusal: { code: 'server-error', reason: 'internal error' },
    })
    expect(errors).toEqual([failure])
    expect(offences).toEqual([])
    await expectNothingLeft()
  })

  it('hears what is not held, and what is not here yet', async () => {
    await serve()
    const { client, peer } = await honestClient()
    await expect(requestBodies(client, peer, [unknown])).rejects.toMatchObject({ code: 'unavailable' })
    await expect(requestBlockTransactions(client, peer, { blockHash: unknown, indexes: [1] })).rejects.toMatchObject({
      code: 'not-yet',
      peerAtFault: false,
    })
    const request = { blockHash: hash, address: new Uint8Array(20), slots: [] }
    await expect(requestProof(client, peer, request)).rejects.toMatchObject({ code: 'unavailable' })
  })

  it('gets one body more than fills an answer, and the rest when it asks again', async () => {
    await serve({
      blocks: { ...backend.blocks!, body: async ([first]) => body.subarray(0, first === 9 ? 300_000 : 0) },
    })
    const outcome = await adversary.say(ours, 'bodies', requestFrame(encodeHashes([hash, hash, hash, hash])))
    expect(frames(outcome).map(({ payload }) => payload.length)).toEqual([300_000, 300_000])
  })

  it('gets what is there up to the first block that is not', async () => {
    await serve()
    const outcome = await adversary.say(ours, 'bodies', requestFrame(encodeHashes([unknown])))
    expect(refusalIn(outcome).code).toBe('unavailable')
    await serveReceiptsOfOne()
    const partial = await adversary.say(ours, 'receipts', requestFrame(encodeHashes([hash, unknown, hash])))
    expect(frames(partial)).toEqual([{ status: 0, payload: Uint8Array.of(0xc0) }])

    async function serveReceiptsOfOne() {
      await server.stop()
      await serve({
        blocks: { ...backend.blocks!, receipts: async ([first]) => (first === 9 ? Uint8Array.of(0xc0) : undefined) },
      })
    }
  })

  it('that has had its share is told when there is more, and others are served', async () => {
    await serve()
    const ask = () => adversary.say(ours, 'bodies', requestFrame(encodeHashes([hash])))
    const answers = Math.ceil(ALLOWANCE.capacity / (body.length + REQUEST_COST))
    for (let i = 0; i < answers; i++) expect(frames(await ask())[0]!.status).toBe(0)
    const { code, retryAfterMs } = refusalIn(await ask())
    expect(code).toBe('rate-limited')
    const { client, peer } = await honestClient()
    expect(await requestBodies(client, peer, [hash])).toHaveLength(1)
    clock.advance(retryAfterMs - 1)
    const again = refusalIn(await ask())
    expect(again.code).toBe('rate-limited')
    clock.advance(again.retryAfterMs)
    expect(frames(await ask())[0]!.status).toBe(0)
    expect(offences).toEqual([])
    await expectNothingLeft()
  })

  it('has the same share when it comes back, and is reported when it asks on and on', async () => {
    await serve()
    const ask = () => adversary.say(ours, 'bodies', requestFrame(encodeHashes([hash])))
    while (frames(await ask())[0]!.status === 0);
    for (const connection of adversary.host.getConnections()) await connection.close()
    let refusals = 1
    for (; offences.length === 0; refusals++) expect(refusalIn(await ask()).code).toBe('rate-limited')
    expect(offences).toEqual(['flood'])
    expect(refusals).toBeGreaterThan((MAX_DEBT - 2 * body.length) / REFUSED_COST - 2)
  })

  it('of a node that serves no blocks finds no such protocol', async () => {
    const { blocks: _blocks, pool: _pool, state: _state, light: _light, ...bare } = backend
    backend = bare
    await serve()
    const { client, peer } = await honestClient()
    await expect(requestBodies(client, peer, [hash])).rejects.toMatchObject({ code: 'unsupported' })
    expect(await requestStatus(client, peer, status)).toEqual(status)
  })

  it('is cut off when the node stops, and not answered afterwards', async () => {
    await serve({ state: { prove: () => new Promise(() => undefined) } })
    const { client, peer } = await honestClient()
    const request = { blockHash: hash, address: new Uint8Array(20), slots: [] }
    const answer = requestProof(client, peer, request)
    await eventually(() => expect(clock.pending).toBe(1))
    await server.stop()
    await expect(answer).rejects.toMatchObject({ code: 'reset' })
    await expect(requestProof(client, peer, request)).rejects.toMatchObject({ code: 'unsupported' })
    await expectNothingLeft()
  })
})

it('any bytes on any protocol get an answer or an end, and leave nothing behind', async () => {
  await serve()
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 100 }),
    fc.uint8Array({ maxLength: 100 }).map(requestFrame),
    fc.constantFrom(...REQUESTS).map(([, request]) => requestFrame(request)),
  )
  const protocol = fc.constantFrom(...REQUESTS).map(([name]) => name)
  await fc.assert(
    fc.asyncProperty(protocol, bytes, async (name, said) => {
      // Its share grows back.
      clock.advance(5_000)
      const outcome = await adversary.say(ours, name, said)
      if (outcome.ending === 'closed') expect(frames(outcome).length).toBeGreaterThan(0)
    }),
    { numRuns: 200 },
  )
  expect(errors).toEqual([])
  await expectNothingLeft()
})
