import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createPow } from '../../../src/consensus/pow.ts'
import { hashHeader, transactionHash } from '../../../src/crypto/hashes.ts'
import { nobleRecovery } from '../../../src/crypto/noble.ts'
import { LightClient } from '../../../src/light/client.ts'
import { lightBackend } from '../../../src/node/light-backend.ts'
import { peerBackend } from '../../../src/node/peer-backend.ts'
import { createPacer, systemClock } from '../../../src/node/system.ts'
import { lightRequests } from '../../../src/p2p/light-requests.ts'
import { RequestClient } from '../../../src/p2p/reqresp/client.ts'
import { connectionsOf } from '../../../src/p2p/reqresp/connections.ts'
import { RequestServer } from '../../../src/p2p/reqresp/server.ts'
import type { Status } from '../../../src/p2p/wire/status.ts'
import { makeBlock } from '../../support/block-maker.ts'
import { MINED_PARAMS } from '../../support/mined-chain.ts'
import { PREFIX, startHost } from '../../support/p2p-hosts.ts'
import { sequentialNonceSearch } from '../../support/sequential-nonce-search.ts'
import { openTestChain, type TestChain } from '../../support/test-chain.ts'
import { keyAddress, testGenesis } from '../../support/test-genesis.ts'
import { signedTransfer } from '../../support/transactions.ts'

const BLOCKS = 20
const engine = createPow(MINED_PARAMS, { nonceSearch: sequentialNonceSearch })
const genesis = testGenesis({ header: { difficulty: MINED_PARAMS.genesisDifficulty } })
const transfer = signedTransfer({ value: 5n, to: keyAddress(30) })

let test: TestChain
beforeAll(async () => {
  test = await openTestChain({ genesis }, engine)
  for (let number = 1; number <= BLOCKS; number++) {
    const transactions = number === 3 ? [transfer] : []
    await test.chain.import(await makeBlock(test.chain, engine, test.chain.head, { transactions }))
  }
})
afterAll(() => test.remove())

function status(): Status {
  const { hash, header, totalDifficulty } = test.chain.head
  return {
    version: 1,
    genesisHash: test.chain.store.canonicalHash(0)!,
    headHash: hash,
    number: header.number,
    totalDifficulty,
    oldestBody: 0,
    serves: { headers: true, bodies: true, txs: true, proof: true, history: true },
    agent: 'test',
  }
}

/** A full node's request server on the test's chain. */
async function startServer() {
  const host = await startHost()
  const { chain, database } = test
  let nowMs = 0
  const monotonicMs = () => {
    nowMs += 1_000
    return nowMs
  }
  const backend = {
    ...peerBackend({ chain, database, lookup: () => undefined, arriving: () => undefined }),
    light: lightBackend({ chain, provesWork: true, pacer: createPacer(), monotonicMs }),
    status,
    peerRecords: async () => [],
  }
  const onError = (error: unknown) => {
    throw error
  }
  const parts = { host, backend, clock: systemClock, onOffence: () => undefined, onError }
  await new RequestServer({ prefix: PREFIX }, parts).start()
  return host
}

describe('a light client on the network', () => {
  it('finds the head and proves a balance, a transaction and its receipt', async () => {
    const servers = [await startServer(), await startServer()]
    const asking = await startHost()
    for (const server of servers) await asking.dial(server.getMultiaddrs())
    let receivedBytes = 0
    const requestClient = new RequestClient(
      { prefix: PREFIX },
      {
        clock: systemClock,
        connectionTo: connectionsOf(asking),
        onReceived: (bytes) => {
          receivedBytes += bytes
        },
      },
    )
    const statuses: string[] = []
    const client = new LightClient(
      {
        params: genesis.params,
        rules: { name: 'pow', ...MINED_PARAMS },
        genesis: hashHeader(test.chain.store.header(test.chain.store.canonicalHash(0)!)!.header),
      },
      {
        engine,
        requests: lightRequests(requestClient, status, (peer) => statuses.push(peer)),
        clock: systemClock,
        random: () => 0,
        pacer: createPacer(),
        recovery: nobleRecovery(),
        report: (peer, fault) => expect.unreachable(`${peer}: ${fault}`),
        checkTransaction: () => undefined,
        send: async () => 0,
        genesisCode: () => undefined,
        onError: (error) => expect.unreachable(`${error}`),
      },
    )
    await client.start()
    const moved = new Promise<void>((resolve) => {
      client.subscribe(({ head }) => head.header.number === BLOCKS && resolve())
    })
    for (const server of servers) client.addPeer(server.peerId.toString())
    await client.waitUntilSynced()
    await moved
    expect(client.head.hash).toEqual(test.chain.head.hash)
    expect(client.head.totalDifficulty).toBe(test.chain.head.totalDifficulty)
    const { account } = await client.prove(keyAddress(30), [], client.head)
    expect(account).toMatchObject({ balance: 5n, nonce: 0n })
    const place = await client.place(transactionHash(transfer))
    expect(place).toMatchObject({ index: 0, gasUsed: 21_000n, header: { header: { number: 3 } } })
    const { transactions } = await client.body(place!.header)
    expect(await client.receipts(place!.header, transactions)).toEqual([place!.receipt])
    expect(new Set(statuses).size).toBe(2)
    expect(receivedBytes).toBeGreaterThan(0)
    await client.stop()
  })
})
