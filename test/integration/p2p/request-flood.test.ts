import type { Stream } from '@libp2p/interface'
import { expect, it } from 'vitest'
import { peerBackend } from '../../../src/node/peer-backend.ts'
import { RequestClient } from '../../../src/p2p/reqresp/client.ts'
import { connectionsOf } from '../../../src/p2p/reqresp/connections.ts'
import { requestProtocols } from '../../../src/p2p/reqresp/protocols/all.ts'
import { requestBodies } from '../../../src/p2p/reqresp/protocols/bodies.ts'
import { requestHeaders } from '../../../src/p2p/reqresp/protocols/headers.ts'
import { RequestServer } from '../../../src/p2p/reqresp/server.ts'
import { requestHead } from '../../../src/p2p/wire/frame.ts'
import { encodeHashes } from '../../../src/p2p/wire/hashes.ts'
import { encodeHeadersRequest } from '../../../src/p2p/wire/headers.ts'
import type { RequestProtocol } from '../../../src/p2p/wire/names.ts'
import type { Block } from '../../../src/primitives/block.ts'
import { type Adversary, requestFrame } from '../../support/adversary.ts'
import { makeBlock } from '../../support/block-maker.ts'
import { londonEngine } from '../../support/london-engine.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { eventually, PREFIX, startAdversary, startHost } from '../../support/p2p-hosts.ts'
import { openTestChain } from '../../support/test-chain.ts'
import { testGenesis } from '../../support/test-genesis.ts'
import { signedTransfer } from '../../support/transactions.ts'

const ADVERSARIES = 4
const SECONDS = 11
const MAX_GROWTH_BYTES = 200 * 1024 * 1024

/** Bytes that this process, its adversaries among it, holds by itself. */
function heldBytes(): number {
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

it('four hostile peers on every protocol do not keep an honest one from being served, nor fill the memory', async () => {
  const genesis = testGenesis({ header: { gasLimit: 500_000_000n } })
  const test = await openTestChain({ genesis }, londonEngine)
  const blocks: Block[] = []
  let nonce = 0n
  for (let i = 0; i < 8; i++) {
    const transactions = Array.from({ length: 10 }, () =>
      signedTransfer({ nonce: nonce++, data: new Uint8Array(100_000), gasLimit: 1_000_000n, maxFeePerGas: 10n ** 11n }),
    )
    blocks.push(await makeBlock(test.chain, londonEngine, test.chain.head, { transactions }))
    await test.chain.import(blocks[i]!)
  }
  const hashes = blocks.map(({ hash }) => hash)
  const clock = new ManualClock(0)
  const ours = await startHost()
  const accused = new Set<string>()
  const errors: unknown[] = []
  const ledger = peerBackend({
    chain: test.chain,
    database: test.database,
    lookup: () => undefined,
    arriving: () => undefined,
  })
  const status = () => {
    throw new Error('not asked for here')
  }
  const server = new RequestServer(
    { prefix: PREFIX },
    {
      host: ours,
      backend: { ...ledger, status, peerRecords: async () => [] },
      clock,
      onOffence: (peer) => accused.add(peer),
      onError: (error) => errors.push(error),
    },
  )
  await server.start()
  const honest = await startHost()
  await honest.dial(ours.getMultiaddrs())
  const client = new RequestClient(
    { prefix: PREFIX },
    { clock: new ManualClock(0), connectionTo: connectionsOf(honest) },
  )
  const adversaries = await Promise.all(Array.from({ length: ADVERSARIES }, () => startAdversary()))

  /** Everything at once that one hostile peer can think of; what it is cut off from is no concern of its own. */
  async function attack(adversary: Adversary): Promise<void> {
    const open = async (protocol: RequestProtocol, act: (stream: Stream) => unknown) => {
      try {
        await act(await adversary.open(ours, protocol))
      } catch {
        // Cut off.
      }
    }
    const unread = (payload: Uint8Array) => async (stream: Stream) => {
      stream.pause()
      stream.send(requestFrame(payload))
      await stream.close()
    }
    for (const { name } of requestProtocols) {
      await open(name, (stream) => stream.send(requestHead(2 ** 27)))
      await open(name, (stream) => stream.send(new Uint8Array(200_000).fill(0x81)))
      await open(name, () => undefined)
    }
    for (let i = 0; i < 4; i++) {
      await open('bodies', unread(encodeHashes(hashes)))
      await open('headers', unread(encodeHeadersRequest({ start: 0, count: 512, skip: 0, reverse: false })))
    }
  }

  const before = heldBytes()
  let greatest = before
  for (let second = 0; second < SECONDS; second++) {
    await Promise.all(adversaries.map(attack))
    const headers = await requestHeaders(client, ours.peerId.toString(), {
      start: 1,
      count: blocks.length,
      skip: 0,
      reverse: false,
    })
    expect(headers).toHaveLength(blocks.length)
    const [body] = await requestBodies(client, ours.peerId.toString(), [hashes[second % hashes.length]!])
    expect(body!.transactions).toHaveLength(10)
    greatest = Math.max(greatest, heldBytes())
    clock.advance(1000)
  }
  expect(greatest - before).toBeLessThan(MAX_GROWTH_BYTES)
  expect([...accused].sort()).toEqual(adversaries.map(({ peer }) => peer).sort())
  expect(errors.filter((error) => String(error) !== 'Error: not asked for here')).toEqual([])
  await Promise.all(adversaries.map(({ host }) => host.stop()))
  await eventually(() => expect(clock.pending).toBe(0))
  await server.stop()
  await test.remove()
}, 300_000)
