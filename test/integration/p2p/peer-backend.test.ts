import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { hashBlock, transactionHash } from '../../../src/crypto/hashes.ts'
import { keccak256Key } from '../../../src/crypto/keccak.ts'
import { peerBackend } from '../../../src/node/peer-backend.ts'
import { systemClock } from '../../../src/node/system.ts'
import { RequestClient } from '../../../src/p2p/reqresp/client.ts'
import { connectionsOf } from '../../../src/p2p/reqresp/connections.ts'
import { requestBlockTransactions } from '../../../src/p2p/reqresp/protocols/blocktxs.ts'
import { requestBodies } from '../../../src/p2p/reqresp/protocols/bodies.ts'
import { requestHeaders } from '../../../src/p2p/reqresp/protocols/headers.ts'
import { requestProof } from '../../../src/p2p/reqresp/protocols/proof.ts'
import { requestReceipts } from '../../../src/p2p/reqresp/protocols/receipts.ts'
import { requestTransactions } from '../../../src/p2p/reqresp/protocols/txs.ts'
import { RequestServer } from '../../../src/p2p/reqresp/server.ts'
import type { HeadersRequest } from '../../../src/p2p/wire/headers.ts'
import { decodeAccount } from '../../../src/primitives/account.ts'
import type { Block } from '../../../src/primitives/block.ts'
import { type Key, toHex, toKey } from '../../../src/primitives/bytes.ts'
import { decodeRlp } from '../../../src/primitives/rlp.ts'
import type { RecoveredTransaction } from '../../../src/primitives/transaction.ts'
import { verifyProof } from '../../../src/trie/proof.ts'
import { makeBlock } from '../../support/block-maker.ts'
import { londonEngine } from '../../support/london-engine.ts'
import { PREFIX, startHost } from '../../support/p2p-hosts.ts'
import { openTestChain, recoverHere, type TestChain } from '../../support/test-chain.ts'
import { account, keyAddress, testGenesis } from '../../support/test-genesis.ts'
import { signedTransfer, testKey } from '../../support/transactions.ts'

const slot = new Uint8Array(32).fill(5)
const contract = account(new Uint8Array(20).fill(0xcc), { nonce: 1n, storage: [[slot, 77n]] })
const genesis = testGenesis({ accounts: [contract] })
const unknown = new Uint8Array(32).fill(0xee)

/** 20 blocks with a few transfers of all types each, and a side branch of three that leaves at block 5. */
let test: TestChain
let blocks: Block[]
let side: Block[]
let pooled: RecoveredTransaction
/** Came by gossip, and the chain has not got it. */
let arriving: Block

beforeAll(async () => {
  test = await openTestChain({ genesis }, londonEngine)
  const { chain } = test
  blocks = [{ ...chain.store.block(chain.head.hash)! }]
  let nonce = 0n
  for (let i = 1; i <= 20; i++) {
    const transactions = Array.from({ length: i % 4 }, (_, at) =>
      signedTransfer({
        type: at as 0 | 1 | 2,
        nonce: nonce++,
        ...(at < 2 && { maxPriorityFeePerGas: 2_000_000_000n }),
      }),
    )
    blocks.push(await makeBlock(chain, londonEngine, chain.head, { transactions }))
    expect(await chain.import(blocks[i]!)).toBe('head')
  }
  side = []
  for (let i = 0; i < 3; i++) {
    side.push(await makeBlock(chain, londonEngine, side[i - 1] ?? blocks[5]!, { seconds: 30 }))
    expect(await chain.import(side[i]!)).toBe('side')
  }
  const recovered = await recoverHere([signedTransfer({ nonce: 99n }, testKey(2))])
  pooled = recovered[0] as RecoveredTransaction
  arriving = hashBlock({ ...blocks[3]!, header: { ...blocks[3]!.header, gasLimit: 1n } })
})
afterAll(() => test.remove())

let client: RequestClient
let peer: string
/** Of the server: none are to be made. */
const complaints: unknown[] = []
afterEach(() => expect(complaints).toEqual([]))

beforeEach(async () => {
  const [server, asking] = [await startHost(), await startHost()]
  await asking.dial(server.getMultiaddrs())
  const ledger = peerBackend({
    chain: test.chain,
    database: test.database,
    lookup: (key: Key) => (key === toKey(pooled.hash) ? pooled : undefined),
    arriving: (hash) =>
      toKey(hash) === toKey(arriving.hash) ? arriving : toKey(hash) === toKey(slot) ? 'not-yet' : undefined,
  })
  const status = () => {
    throw new Error('not asked for here')
  }
  await new RequestServer(
    { prefix: PREFIX },
    {
      host: server,
      backend: { ...ledger, status, peerRecords: async () => [] },
      clock: systemClock,
      onOffence: (_, offence) => complaints.push(offence),
      onError: (error) => complaints.push(error),
    },
  ).start()
  client = new RequestClient({ prefix: PREFIX }, { clock: systemClock, connectionTo: connectionsOf(asking) })
  peer = server.peerId.toString()
})

describe('headers of a real chain', () => {
  const ask = async (request: Partial<HeadersRequest>) => {
    const headers = await requestHeaders(client, peer, { start: 0, count: 512, skip: 0, reverse: false, ...request })
    return headers.map(({ hash }) => toHex(hash))
  }
  const hashes = (...list: readonly Block[]) => list.map(({ hash }) => toHex(hash))
  const numbered = (...numbers: readonly number[]) => hashes(...numbers.map((number) => blocks[number]!))

  it('by number, up and down, all or every third', async () => {
    expect(await ask({})).toEqual(hashes(...blocks))
    expect(await ask({ start: 18 })).toEqual(numbered(18, 19, 20))
    expect(await ask({ start: 21 })).toEqual([])
    expect(await ask({ start: 4, count: 2 })).toEqual(numbered(4, 5))
    expect(await ask({ start: 4, reverse: true })).toEqual(numbered(4, 3, 2, 1, 0))
    expect(await ask({ start: 8, skip: 2, reverse: true })).toEqual(numbered(8, 5, 2))
    expect(await ask({ start: 12, skip: 2 })).toEqual(numbered(12, 15, 18))
    expect(await ask({ start: 0, skip: Number.MAX_SAFE_INTEGER })).toEqual(numbered(0))
    expect(await ask({ start: Number.MAX_SAFE_INTEGER })).toEqual([])
  })

  it('by hash', async () => {
    expect(await ask({ start: blocks[17]!.hash })).toEqual(numbered(17, 18, 19, 20))
    expect(await ask({ start: blocks[3]!.hash, reverse: true })).toEqual(numbered(3, 2, 1, 0))
    await expect(ask({ start: unknown })).rejects.toMatchObject({ code: 'unavailable' })
  })

  it('from a side branch: down to where it leaves and on; not up', async () => {
    const [a, b, c] = side as [Block, Block, Block]
    expect(await ask({ start: c.hash, reverse: true, count: 5 })).toEqual([...hashes(c, b, a), ...numbered(5, 4)])
    expect(await ask({ start: c.hash, reverse: true, count: 2 })).toEqual(hashes(c, b))
    expect(await ask({ start: c.hash, reverse: true, skip: 1 })).toEqual([...hashes(c, a), ...numbered(4, 2, 0)])
    expect(await ask({ start: c.hash, reverse: true, skip: 4 })).toEqual([...hashes(c), ...numbered(3)])
    expect(await ask({ start: b.hash })).toEqual(hashes(b))
  })
})

it('bodies of a real chain, of side blocks and of one on its way', async () => {
  const asked = [...blocks.slice(1), ...side, arriving]
  const bodies = await requestBodies(
    client,
    peer,
    asked.map(({ hash }) => hash),
  )
  expect(bodies.map(({ encoded }) => toHex(encoded))).toEqual(asked.map(({ body }) => toHex(body)))
  expect(bodies.map(({ transactions }) => transactions)).toEqual(asked.map(({ transactions }) => transactions))
  await expect(requestBodies(client, peer, [unknown])).rejects.toMatchObject({ code: 'unavailable' })
  await expect(requestBodies(client, peer, [blocks[1]!.hash, unknown])).rejects.toMatchObject({ code: 'short' })
})

it('receipts of a real chain', async () => {
  const asked = blocks.map(({ hash, transactions }) => ({
    blockHash: hash,
    types: transactions.map(({ type }) => type),
  }))
  const expected = blocks.map(({ hash }) => test.chain.store.executed(hash)!.receipts)
  expect(await requestReceipts(client, peer, asked)).toEqual(expected)
})

it('transactions of a real block by their places, legacy and typed', async () => {
  const { hash, transactions } = blocks[3]!
  const ask = (indexes: number[], blockHash = hash) => requestBlockTransactions(client, peer, { blockHash, indexes })
  expect(await ask([0, 1, 2])).toEqual(transactions)
  expect(await ask([1])).toEqual([transactions[1]])
  expect(await ask([0, 2], arriving.hash)).toEqual([transactions[0], transactions[2]])
  await expect(ask([2, 3])).rejects.toMatchObject({ code: 'unavailable' })
  await expect(ask([0], unknown)).rejects.toMatchObject({ code: 'unavailable' })
  await expect(ask([0], slot)).rejects.toMatchObject({ code: 'not-yet' })
})

it('transactions that the pool holds', async () => {
  const mined = transactionHash(blocks[1]!.transactions[0]!)
  expect(await requestTransactions(client, peer, [mined, pooled.hash])).toEqual([
    { hash: pooled.hash, transaction: pooled.tx },
  ])
})

it('proofs that lead from the state root to the account and from there to its storage', async () => {
  const { header, hash } = blocks[20]!
  const proof = await requestProof(client, peer, { blockHash: hash, address: contract.address, slots: [slot, unknown] })
  const value = verifyProof(toKey(header.stateRoot), keccak256Key(contract.address), proof.account)
  const { storageRoot } = decodeAccount(value!)
  expect(decodeRlp(verifyProof(toKey(storageRoot), keccak256Key(slot), proof.slots[0]!)!)).toEqual(Uint8Array.of(77))
  expect(verifyProof(toKey(storageRoot), keccak256Key(unknown), proof.slots[1]!)).toBeUndefined()

  const plain = await requestProof(client, peer, { blockHash: hash, address: keyAddress(1), slots: [] })
  const sender = decodeAccount(verifyProof(toKey(header.stateRoot), keccak256Key(keyAddress(1)), plain.account)!)
  expect(sender).toEqual(await test.chain.account(keccak256Key(keyAddress(1)), hash))

  const absent = await requestProof(client, peer, { blockHash: hash, address: keyAddress(40), slots: [slot] })
  expect(verifyProof(toKey(header.stateRoot), keccak256Key(keyAddress(40)), absent.account)).toBeUndefined()
  expect(absent.slots).toEqual([[]])

  const request = { blockHash: unknown, address: keyAddress(1), slots: [] }
  await expect(requestProof(client, peer, request)).rejects.toMatchObject({ code: 'unavailable' })
})
