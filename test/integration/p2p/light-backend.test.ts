import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createPow } from '../../../src/consensus/pow.ts'
import { transactionHash } from '../../../src/crypto/hashes.ts'
import { verifyAncestors } from '../../../src/light/ancestors.ts'
import { verifyChainProof } from '../../../src/light/flyclient.ts'
import { verifyInclusion } from '../../../src/light/inclusion.ts'
import { lightBackend } from '../../../src/node/light-backend.ts'
import { createPacer, systemClock } from '../../../src/node/system.ts'
import { RequestClient } from '../../../src/p2p/reqresp/client.ts'
import { connectionsOf } from '../../../src/p2p/reqresp/connections.ts'
import { requestAncestors } from '../../../src/p2p/reqresp/protocols/ancestors.ts'
import { requestHistory } from '../../../src/p2p/reqresp/protocols/history.ts'
import { requestInclusion } from '../../../src/p2p/reqresp/protocols/inclusion.ts'
import { RequestServer } from '../../../src/p2p/reqresp/server.ts'
import type { Block } from '../../../src/primitives/block.ts'
import { makeBlock } from '../../support/block-maker.ts'
import { MINED_PARAMS } from '../../support/mined-chain.ts'
import { PREFIX, startHost } from '../../support/p2p-hosts.ts'
import { sequentialNonceSearch } from '../../support/sequential-nonce-search.ts'
import { openTestChain, type TestChain } from '../../support/test-chain.ts'
import { testGenesis } from '../../support/test-genesis.ts'
import { signedTransfer, TEST_CHAIN_ID } from '../../support/transactions.ts'

const BLOCKS = 160
const engine = createPow(MINED_PARAMS, { nonceSearch: sequentialNonceSearch })
const genesis = testGenesis({ header: { difficulty: MINED_PARAMS.genesisDifficulty } })

let test: TestChain
const blocks: Block[] = []
/** What the server's own time is, so that no test waits for it. */
let nowMs = 0
/** What each look at it takes. */
let stepMs = 1

beforeAll(async () => {
  test = await openTestChain({ genesis }, engine)
  const { chain } = test
  blocks.push(chain.store.block(chain.head.hash)!)
  let nonce = 0n
  for (let number = 1; number <= BLOCKS; number++) {
    const transactions = Array.from({ length: number % 3 }, () => signedTransfer({ nonce: nonce++ }))
    blocks.push(await makeBlock(chain, engine, chain.head, { transactions, seconds: 1 + (number % 20) }))
    expect(await chain.import(blocks[number]!)).toBe('head')
  }
})
afterAll(() => test.remove())

let client: RequestClient
let peer: string
const complaints: unknown[] = []
afterEach(() => expect(complaints.splice(0)).toEqual([]))

beforeEach(async () => {
  const [server, asking] = [await startHost(), await startHost()]
  await asking.dial(server.getMultiaddrs())
  const light = lightBackend({
    chain: test.chain,
    provesWork: true,
    pacer: createPacer(),
    monotonicMs: () => (nowMs += stepMs),
  })
  stepMs = 1
  const requests = new RequestServer(
    { prefix: PREFIX },
    {
      host: server,
      backend: { light, status: () => expect.unreachable(), peerRecords: async () => [] },
      clock: systemClock,
      onOffence: (_, offence) => complaints.push(offence),
      onError: (error) => complaints.push(error),
    },
  )
  await requests.start()
  client = new RequestClient({ prefix: PREFIX }, { clock: systemClock, connectionTo: connectionsOf(asking) })
  peer = server.peerId.toString()
})

const anchorAt = (number: number) => test.chain.store.header(blocks[number]!.hash)!
const contextFrom = (number: number) => ({ chainId: TEST_CHAIN_ID, params: MINED_PARAMS, anchor: anchorAt(number) })

describe('a light node that asks a full node', () => {
  it('is shown the work behind its head', async () => {
    const proof = await requestHistory(client, peer, { anchorHash: blocks[0]!.hash, tipHash: undefined })
    const proven = verifyChainProof(proof, contextFrom(0))
    expect(proven.hash).toEqual(test.chain.head.hash)
    expect(proven.totalDifficulty).toBe(test.chain.head.totalDifficulty)
  })

  it('is shown the work from a block on that it has, behind one that it names', async () => {
    const request = { anchorHash: blocks[40]!.hash, tipHash: blocks[155]!.hash }
    const proven = verifyChainProof(await requestHistory(client, peer, request), contextFrom(40))
    expect(proven.hash).toEqual(blocks[155]!.hash)
    expect(proven.totalDifficulty).toBe(anchorAt(155).totalDifficulty)
  })

  it('is told where there is nothing to prove', async () => {
    const unknown = new Uint8Array(32).fill(7)
    const ask = (anchorHash: Uint8Array, tipHash?: Uint8Array) => requestHistory(client, peer, { anchorHash, tipHash })
    await expect(ask(unknown)).rejects.toThrow('unavailable')
    await expect(ask(blocks[0]!.hash, unknown)).rejects.toThrow('unavailable')
    await expect(ask(blocks[50]!.hash, blocks[50]!.hash)).rejects.toThrow('unavailable')
    await expect(requestInclusion(client, peer, unknown)).rejects.toThrow('unavailable')
    await expect(requestAncestors(client, peer, { tipHash: blocks[9]!.hash, numbers: [9] })).rejects.toThrow(
      'unavailable',
    )
  })

  it('has to wait when light nodes have had their share, but not for what is at hand', async () => {
    const from = (number: number) =>
      requestHistory(client, peer, { anchorHash: blocks[number]!.hash, tipHash: undefined })
    stepMs = 1_000
    await from(64)
    await from(1)
    await expect(from(2)).rejects.toThrow('others ask too')
    await expect(from(128)).rejects.toThrow('others ask too')
    // Somebody has asked for it before; it is one for all.
    await from(64)
    await from(0)
    nowMs += 100_000
    await from(2)
    await from(128)
  })

  it('need not wait for earlier headers because others want proofs of work', async () => {
    stepMs = 1_000
    await requestHistory(client, peer, { anchorHash: blocks[1]!.hash, tipHash: undefined })
    const request = { tipHash: blocks[160]!.hash, numbers: [3] }
    await requestAncestors(client, peer, request)
    await expect(requestAncestors(client, peer, request)).rejects.toThrow('others ask too')
  })

  it('is told to come again while a proof is being made', async () => {
    const light = lightBackend({ chain: test.chain, provesWork: true, pacer: createPacer(), monotonicMs: () => nowMs })
    const hash = transactionHash(blocks[80]!.transactions[0]!)
    const first = light.inclusion(hash)
    await expect(light.inclusion(hash)).rejects.toMatchObject({ code: 'rate-limited', retryAfterMs: 0 })
    expect(await first).toMatchObject({ number: 80 })
    // The block's tries are at hand from now on.
    const second = transactionHash(blocks[80]!.transactions[1]!)
    const both = [light.inclusion(hash), light.inclusion(second)]
    expect(await Promise.all(both)).toMatchObject([{ index: 0 }, { index: 1 }])
  })

  it('is shown earlier headers', async () => {
    const numbers = [0, 3, 4, 77, 158, 159]
    const proof = await requestAncestors(client, peer, { tipHash: blocks[160]!.hash, numbers })
    const tip = { number: 160, commitment: blocks[160]!.header.extraData }
    const { headers } = verifyAncestors(TEST_CHAIN_ID, tip, numbers, proof)
    expect(headers.map(({ hash }) => hash)).toEqual(numbers.map((number) => blocks[number]!.hash))
  })

  it.each([0, 1])('is shown the transaction at place %i of a block, with its receipt', async (index) => {
    const block = blocks[80]!
    const hash = transactionHash(block.transactions[index]!)
    const inclusion = await requestInclusion(client, peer, hash)
    expect(inclusion).toMatchObject({ number: 80, index })
    const { transaction, receipt, gasUsed } = verifyInclusion(block.header, hash, inclusion)
    expect(transaction.raw).toEqual(block.transactions[index]!.raw)
    expect({ ...receipt, gasUsed }).toEqual({
      type: 2,
      status: 1,
      cumulativeGasUsed: 21_000n * BigInt(index + 1),
      logs: [],
      gasUsed: 21_000n,
    })
  })
})
