import { beforeEach, describe, expect, it } from 'vitest'
import { RequestClient } from '../../../src/p2p/reqresp/client.ts'
import { connectionsOf } from '../../../src/p2p/reqresp/connections.ts'
import { REQUEST_TIMEOUT_MS } from '../../../src/p2p/reqresp/limits.ts'
import { requestBodies } from '../../../src/p2p/reqresp/protocols/bodies.ts'
import { RequestError } from '../../../src/p2p/reqresp/request-error.ts'
import { RequestServer } from '../../../src/p2p/reqresp/server.ts'
import { encodeHashes } from '../../../src/p2p/wire/hashes.ts'
import { FULL_RESPONSE_BYTES } from '../../../src/p2p/wire/limits.ts'
import { encodeTransactions } from '../../../src/primitives/block.ts'
import { type Adversary, answerOf, outcomeOf, requestFrame } from '../../support/adversary.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { eventually, LISTEN, PREFIX, startAdversary, startHost } from '../../support/p2p-hosts.ts'
import { signedTransfer } from '../../support/transactions.ts'

const hash = new Uint8Array(32).fill(9)
const large = signedTransfer({ data: new Uint8Array(124_000) })
/** A body just short of filling an answer, and the longest that there is. */
const [almostFull, longest] = [4, 12].map((count) => encodeTransactions(Array(count).fill(large))) as [
  Uint8Array,
  Uint8Array,
]

/** What a stream does at its end is each transport's own affair; what a request says of it must be the same. */
describe.each(Object.entries(LISTEN))('over %s', (_, listen) => {
  let ours: Awaited<ReturnType<typeof startHost>>
  let adversary: Adversary
  let client: RequestClient
  let clientClock: ManualClock
  let serverClock: ManualClock
  let offences: string[]

  beforeEach(async () => {
    ours = await startHost({ listen: [listen] })
    adversary = await startAdversary({ listen: [listen] })
    await adversary.host.dial(ours.getMultiaddrs())
    await eventually(() => expect(ours.getConnections()).toHaveLength(1))
    clientClock = new ManualClock(0)
    client = new RequestClient({ prefix: PREFIX }, { clock: clientClock, connectionTo: connectionsOf(ours) })
    serverClock = new ManualClock(0)
    offences = []
    const bodies = [almostFull, longest]
    const server = new RequestServer(
      { prefix: PREFIX },
      {
        host: ours,
        backend: {
          status: () => {
            throw new Error('not asked for here')
          },
          blocks: {
            headers: async () => [],
            body: async ([first]) => bodies[first!],
            receipts: async () => undefined,
            transactions: async () => undefined,
          },
          peerRecords: async () => [],
        },
        clock: serverClock,
        onOffence: (_peer, offence) => offences.push(offence),
        onError: (error) => offences.push(String(error)),
      },
    )
    await server.start()
  })

  const ask = () => requestBodies(client, adversary.peer, [hash, hash])
  const failure = () =>
    ask().then(
      () => 'none',
      (error) => (error instanceof RequestError ? error.code : error),
    )

  it('the longest answer comes whole', async () => {
    expect(almostFull.length).toBeLessThan(FULL_RESPONSE_BYTES)
    const asking = new RequestClient(
      { prefix: PREFIX },
      { clock: new ManualClock(0), connectionTo: connectionsOf(adversary.host) },
    )
    const hashes = [0, 1, 0].map((first) => Uint8Array.of(first, ...new Uint8Array(31)))
    const bodies = await requestBodies(asking, ours.peerId.toString(), hashes)
    expect(bodies.map(({ encoded }) => encoded.length)).toEqual([almostFull.length, longest.length])
    expect(Buffer.compare(bodies[1]!.encoded, longest)).toBe(0)
    await eventually(() => expect(serverClock.pending).toBe(0))
    expect(offences).toEqual([])
  })

  it('an answer that breaks off, by being closed or cut, is not taken for a whole one', async () => {
    const part = answerOf(almostFull).subarray(0, -1)
    await adversary.answer('bodies', (stream) => stream.abort(new Error('no')))
    expect(await failure()).toBe('reset')
    await adversary.answer('bodies', async (stream) => {
      stream.send(part)
      await stream.close()
    })
    expect(await failure()).toBe('reset')
    expect(clientClock.pending).toBe(0)
  })

  it('a connection that is lost on the way is no lie of the peer', async () => {
    await adversary.answer('bodies', async (stream) => {
      stream.send(answerOf(almostFull).subarray(0, 100_000))
      await adversary.host.stop()
    })
    expect(['reset', 'disconnected']).toContain(await failure())
    await eventually(() => expect(ours.getConnections()).toEqual([]))
    expect(await failure()).toBe('disconnected')
    expect(clientClock.pending).toBe(0)
  })

  it('a requester that does not read is cut off', async () => {
    const stream = await adversary.open(ours, 'bodies')
    stream.pause()
    stream.send(requestFrame(encodeHashes(Array(8).fill(Uint8Array.of(1, ...new Uint8Array(31))))))
    await stream.close()
    await eventually(() => expect(serverClock.pending).toBe(1))
    serverClock.advance(REQUEST_TIMEOUT_MS)
    await eventually(() => expect(serverClock.pending).toBe(0))
    stream.resume()
    expect((await outcomeOf(stream)).bytes.length).toBeLessThan(longest.length + 10)
  })
})
