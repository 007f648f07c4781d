import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import { parseGenesis } from '../../../src/chain/genesis.ts'
import type { Engine } from '../../../src/consensus/engine.ts'
import type { FullNode } from '../../../src/index.ts'
import { createEngine } from '../../../src/node/engine.ts'
import { peerBackend } from '../../../src/node/peer-backend.ts'
import { systemClock } from '../../../src/node/system.ts'
import { RequestServer } from '../../../src/p2p/reqresp/server.ts'
import { topicsOf } from '../../../src/p2p/topics.ts'
import { wirePrefix } from '../../../src/p2p/wire/names.ts'
import { WIRE_VERSION } from '../../../src/p2p/wire/status.ts'
import { makeBlock } from '../../support/block-maker.ts'
import { startNode } from '../../support/network-nodes.ts'
import { eventually, startHost } from '../../support/p2p-hosts.ts'
import { sequentialNonceSearch } from '../../support/sequential-nonce-search.ts'
import { openTestChain, type TestChain, temporaryDirectory } from '../../support/test-chain.ts'
import { keyAddress } from '../../support/test-genesis.ts'
import { signedTransfer, testKey } from '../../support/transactions.ts'

const BLOCKS = 300
const plain = JSON.parse(readFileSync(new URL('../../../genesis.json', import.meta.url), 'utf8'))
const genesis = {
  ...plain,
  timestamp: '0x6553f100',
  difficulty: '0x10',
  alloc: { [Buffer.from(keyAddress(1)).toString('hex')]: { balance: '0x3635c9adc5dea00000' } },
}

type Body = (hash: Uint8Array, body: () => Promise<Uint8Array | undefined>) => Promise<Uint8Array | undefined>

/** The chain that the servers share. */
let source: TestChain
let engine: Engine

beforeAll(async () => {
  const parsed = parseGenesis(genesis)
  engine = createEngine({ dev: false }, parsed, {
    clock: systemClock,
    recoverSigner: () => undefined,
    onEvidence: () => undefined,
    nonceSearch: sequentialNonceSearch,
  })
  source = await openTestChain({ genesis: parsed }, engine)
  const { chain } = source
  for (let i = 0; i < BLOCKS; i++) {
    const fields = { chainId: chain.params.chainId, nonce: BigInt(i), to: keyAddress(2), value: 1n }
    const transactions = [signedTransfer({ ...fields, maxFeePerGas: 10n ** 12n }, testKey(1))]
    await chain.import(await makeBlock(chain, engine, chain.head, { transactions }))
  }
})
afterAll(() => source.remove())

let addresses: string[]
/** Bodies that were served, by all. */
let served: number
beforeEach(() => {
  addresses = []
  served = 0
})

/** A host that serves the chain; `body` is what it makes of each request for a body. */
async function serve(body: Body = (_, right) => right()): Promise<{ stop(): Promise<void> }> {
  const { chain, database } = source
  const prefix = wirePrefix(chain.genesisHash)
  const host = await startHost({ prefix, topics: topicsOf(prefix) })
  const { blocks, pool, state } = peerBackend({ chain, database, lookup: () => undefined, arriving: () => undefined })
  const server = new RequestServer(
    { prefix },
    {
      host,
      backend: {
        blocks: {
          ...blocks,
          body: (hash) => {
            served++
            return body(hash, () => blocks.body(hash))
          },
        },
        pool,
        state,
        status: () => ({
          version: WIRE_VERSION,
          genesisHash: chain.genesisHash,
          headHash: chain.head.hash,
          number: chain.head.header.number,
          totalDifficulty: chain.head.totalDifficulty,
          oldestBody: 0,
          serves: { headers: true, bodies: true, txs: false, proof: false, history: false },
          agent: 'test',
        }),
        peerRecords: async () => [],
      },
      clock: systemClock,
      onOffence: () => undefined,
      onError: (error) => {
        throw error
      },
    },
  )
  await server.start()
  addresses.push(host.getMultiaddrs()[0]!.toString())
  return { stop: async () => void (await host.stop()) }
}

const join = (datadir?: string) =>
  startNode({ genesis, network: { bootnodes: addresses }, ...(datadir !== undefined && { datadir }) })

/** @returns what the node tells of `kind`, as it comes. */
async function subscribe(node: FullNode, kind: string): Promise<unknown[]> {
  const socket = new WebSocket(node.rpcUrl!.replace('http', 'ws'))
  const told: unknown[] = []
  const subscribed = Promise.withResolvers<void>()
  socket.on('error', subscribed.reject)
  socket.on('message', (text) => {
    const { id, params } = JSON.parse(String(text))
    if (id === undefined) told.push(params.result)
    else subscribed.resolve()
  })
  socket.on('open', () =>
    socket.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_subscribe', params: [kind] })),
  )
  await subscribed.promise
  return told
}

describe('a node that joins late', () => {
  it('has the chain of its peers, whose bodies come from all of them', async () => {
    const shares = [0, 0, 0]
    for (const i of shares.keys()) {
      await serve(async (_, right) => {
        shares[i]!++
        // Else two of them might have brought all before the third is connected.
        await eventually(() => expect(Math.min(...shares)).toBeGreaterThan(0))
        return right()
      })
    }
    const node = await join()
    await eventually(() => expect(node.status().hash).toEqual(source.chain.head.hash))
  })

  it('has it whatever one that lies, one that is silent and one that goes do', async () => {
    await serve()
    await serve(async () => new Uint8Array([0xc0]))
    await serve(() => new Promise(() => {}))
    const fourth = await serve((_, right) => {
      void fourth.stop()
      return right()
    })
    const node = await join()
    await eventually(() => expect(node.status().hash).toEqual(source.chain.head.hash))
  })

  it('goes on where it was stopped', async () => {
    const gate = Promise.withResolvers<void>()
    await serve(async (_, right) => {
      if (served > BLOCKS / 2) await gate.promise
      return right()
    })
    const datadir = temporaryDirectory()
    const first = await join(datadir)
    await eventually(() => expect(first.status().number).toBeGreaterThan(BLOCKS / 3))
    await first.stop()
    gate.resolve()
    served = 0
    const second = await join(datadir)
    await eventually(() => expect(second.status().hash).toEqual(source.chain.head.hash))
    expect(served).toBeLessThan(BLOCKS)
  })

  it('tells subscribers that it is behind, how far it has come, and when it has caught up', async () => {
    const [begun, half] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    await serve(async (hash, right) => {
      const { number } = source.chain.store.header(hash)!.header
      await (number > BLOCKS / 2 ? half : begun).promise
      return right()
    })
    const node = await startNode({ genesis })
    const told = await subscribe(node, 'syncing')
    await node.request({ method: 'admin_addPeer', params: addresses })
    const highestBlock = `0x${BLOCKS.toString(16)}`
    const stages = (block: string) => [
      { stage_name: 'headers', block_number: highestBlock },
      { stage_name: 'execution', block_number: block },
    ]
    const at = (currentBlock: string) => ({
      syncing: true,
      status: { startingBlock: '0x0', currentBlock, highestBlock, stages: stages(currentBlock) },
    })
    await eventually(() => expect(told).toEqual([at('0x0')]))
    begun.resolve()
    await eventually(() => expect(told.length).toBeGreaterThan(1))
    half.resolve()
    await eventually(() => expect(told.at(-1)).toBe(false))
    const { currentBlock } = (told[1] as ReturnType<typeof at>).status
    expect(Number(currentBlock)).toBeGreaterThan(0)
    expect(told[1]).toEqual(at(currentBlock))
    expect(await node.request({ method: 'eth_syncing' })).toBe(false)
  })
})
