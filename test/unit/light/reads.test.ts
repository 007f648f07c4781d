import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createPow } from '../../../src/consensus/pow.ts'
import { hashHeader, transactionHash } from '../../../src/crypto/hashes.ts'
import { keccak256 } from '../../../src/crypto/keccak.ts'
import type { LightClientComponents, LightClientOptions } from '../../../src/light/client.ts'
import type { Block } from '../../../src/primitives/block.ts'
import { bigintToBytes, equalBytes } from '../../../src/primitives/bytes.ts'
import { COIN } from '../../../src/primitives/limits.ts'
import type { Transaction } from '../../../src/primitives/transaction.ts'
import { makeBlock, sealed, withHeader } from '../../support/block-maker.ts'
import { startClient } from '../../support/light-clients.ts'
import { fullPeer, NoAnswer, type PeerAnswers, withhold } from '../../support/light-peers.ts'
import type { ManualClock } from '../../support/manual-clock.ts'
import { MINED_PARAMS } from '../../support/mined-chain.ts'
import { sequentialNonceSearch } from '../../support/sequential-nonce-search.ts'
import { openTestChain, type TestChain } from '../../support/test-chain.ts'
import { account, keyAddress, testGenesis } from '../../support/test-genesis.ts'
import { signedTransfer, testKey } from '../../support/transactions.ts'

const BLOCKS = 30
const CODE = Uint8Array.of(0x60, 0x01)
const CONTRACT = new Uint8Array(20).fill(0xc0)
const SLOT = bigintToBytes(1n, 32)
const engine = createPow(MINED_PARAMS, { nonceSearch: sequentialNonceSearch })
const genesis = testGenesis({
  header: { difficulty: MINED_PARAMS.genesisDifficulty },
  accounts: [account(CONTRACT, { code: CODE, storage: [[SLOT, 77n]] })],
})

let test: TestChain
let full: PeerAnswers
const blocks: Block[] = []
beforeAll(async () => {
  test = await openTestChain({ genesis }, engine)
  const { chain } = test
  blocks.push(chain.store.block(chain.head.hash)!)
  let nonce = 0n
  for (let number = 1; number <= BLOCKS; number++) {
    const transactions = Array.from({ length: number % 3 }, () =>
      signedTransfer({ nonce: nonce++, to: keyAddress(20), value: 3n }),
    )
    blocks.push(await makeBlock(chain, engine, chain.head, { transactions }))
    await chain.import(blocks[number]!)
  }
  full = fullPeer(test)
})
afterAll(() => test.remove())

type Maker = (clock: ManualClock) => PeerAnswers

/** A client that has the head, with two honest peers unless told. */
async function clientOf(
  peers: Readonly<Record<string, PeerAnswers | Maker>> = { a: full, b: full },
  changes: Partial<LightClientOptions> & Partial<LightClientComponents> = {},
) {
  const options = {
    params: genesis.params,
    rules: { name: 'pow', ...MINED_PARAMS } as const,
    genesis: hashHeader(blocks[0]!.header),
    ...changes,
  }
  const nowSec = blocks.at(-1)!.header.timestamp + 60
  const genesisCode = (hash: Uint8Array) => (equalBytes(hash, keccak256(CODE)) ? CODE : undefined)
  const started = startClient(options, { engine, genesisCode, ...changes }, nowSec)
  for (const [name, answers] of Object.entries(peers)) {
    started.peers.set(name, typeof answers === 'function' ? answers(started.clock) : answers)
    started.client.addPeer(name)
  }
  await started.until(() => started.client.status().stage === 'following')
  return {
    ...started,
    /** Lets time pass until an answer is there. */
    async answer<T>(promise: Promise<T>): Promise<T> {
      let done = false
      const settled = promise.finally(() => {
        done = true
      })
      settled.catch(() => undefined)
      await started.until(() => done)
      return settled
    },
  }
}

const aTransaction = () => blocks[5]!.transactions[1]!

describe('what a light client reads', () => {
  it('is what a full node has', async () => {
    const { client, answer } = await clientOf()
    const { head } = client
    expect(head.hash).toEqual(test.chain.head.hash)
    expect(head.totalDifficulty).toBe(test.chain.head.totalDifficulty)
    const sender = await answer(client.prove(keyAddress(1), [], head))
    expect(sender.account?.nonce).toBe(30n)
    expect((await answer(client.prove(keyAddress(39), [], head))).account).toBeUndefined()
    const contract = await answer(client.prove(CONTRACT, [SLOT, bigintToBytes(2n, 32)], head))
    expect(contract.storage.map(({ value }) => value)).toEqual([77n, 0n])
    expect(await answer(client.code(CONTRACT, head))).toEqual(CODE)
    expect(await answer(client.code(keyAddress(1), head))).toHaveLength(0)
    const earlier = (await answer(client.header(8)))!
    expect((await answer(client.prove(keyAddress(1), [], earlier))).account?.nonce).toBe(9n)
    const body = await answer(client.body(earlier))
    expect(body.encoded).toEqual(blocks[8]!.body)
    expect((await answer(client.receipts(earlier, body.transactions))).map(({ status }) => status)).toEqual([1, 1])
    expect(await answer(client.place(transactionHash(aTransaction())))).toMatchObject({ index: 1, gasUsed: 21_000n })
  })

  it('is not there where nobody shows it', async () => {
    const { client, answer } = await clientOf()
    expect(await answer(client.place(new Uint8Array(32)))).toBeUndefined()
    expect(await answer(client.headerByHash(new Uint8Array(32)))).toBeUndefined()
    const none = async (): Promise<never> => {
      throw new NoAnswer('unavailable')
    }
    const pruned = await clientOf({ a: { ...full, proof: none }, b: { ...full, proof: none } })
    await expect(pruned.answer(pruned.client.prove(keyAddress(1), [], hashHeader(blocks[0]!.header)))).rejects.toThrow(
      'no peer gave an answer',
    )
  })
})

/** Peers that lie in an answer, and what a client asks that shows it. */
const LIES: Readonly<
  Record<string, readonly [fault: string, Maker, ask: 'balance' | 'receipt' | 'body' | 'receipts']>
> = {
  'forges a balance': [
    'bad-proof',
    () => ({
      ...full,
      proof: async (request, signal) => {
        const { account: nodes, slots } = await full.proof(request, signal)
        const leaf = nodes.at(-1)!
        return { account: [...nodes.slice(0, -1), leaf.with(leaf.length - 70, 0xff)], slots }
      },
    }),
    'balance',
  ],
  "proves another account's": [
    'bad-proof',
    () => ({ ...full, proof: (request, signal) => full.proof({ ...request, address: keyAddress(2) }, signal) }),
    'balance',
  ],
  'proves an older balance': [
    'bad-proof',
    () => ({ ...full, proof: (request, signal) => full.proof({ ...request, blockHash: blocks[2]!.hash }, signal) }),
    'balance',
  ],
  'withholds a proof': ['withheld', (clock) => ({ ...full, proof: () => withhold(clock) }), 'balance'],
  'denies the state of its own head': [
    'withheld',
    () => ({
      ...full,
      proof: async () => {
        throw new NoAnswer('unavailable')
      },
    }),
    'balance',
  ],
  'answers with bytes that are none': [
    'bad-proof',
    () => ({
      ...full,
      proof: async () => {
        throw new NoAnswer('bad-answer')
      },
    }),
    'balance',
  ],
  'fakes a receipt': [
    'bad-proof',
    () => ({
      ...full,
      inclusion: async (hash, signal) => {
        const inclusion = await full.inclusion(hash, signal)
        const node = inclusion.receipt.at(-1)!
        return { ...inclusion, receipt: inclusion.receipt.with(-1, node.with(10, node[10]! ^ 1)) }
      },
    }),
    'receipt',
  ],
  'shows another transaction': [
    'bad-proof',
    () => ({
      ...full,
      inclusion: (_hash, signal) => full.inclusion(transactionHash(blocks[8]!.transactions[0]!), signal),
    }),
    'receipt',
  ],
  'leaves a transaction out': [
    'bad-proof',
    () => ({
      ...full,
      body: async (hash, signal) => {
        const { transactions, encoded } = await full.body(hash, signal)
        return { transactions: transactions.slice(1), encoded }
      },
    }),
    'body',
  ],
  'changes the receipts of a block': [
    'bad-proof',
    () => ({
      ...full,
      receipts: async (hash, types, signal) =>
        (await full.receipts(hash, types, signal)).map((receipt) => ({ ...receipt, status: 0 as const })),
    }),
    'receipts',
  ],
}

describe('a peer that', () => {
  const asking = {
    balance: ({ client }: Awaited<ReturnType<typeof clientOf>>) => client.prove(keyAddress(20), [], client.head),
    receipt: ({ client }: Awaited<ReturnType<typeof clientOf>>) => client.place(transactionHash(aTransaction())),
    body: ({ client }: Awaited<ReturnType<typeof clientOf>>) => client.body(blocks[5]!),
    receipts: ({ client }: Awaited<ReturnType<typeof clientOf>>) =>
      client.receipts(blocks[5]!, blocks[5]!.transactions),
  }
  for (const [lie, [fault, liar, ask]] of Object.entries(LIES)) {
    it(`${lie} is reported, and an honest one answers`, async () => {
      const honest = await clientOf()
      const expected = await honest.answer<unknown>(asking[ask](honest))
      // Whoever is asked first, by a chance that this decides.
      const lied = await clientOf({ liar, honest: full }, { random: alternating() })
      expect(await lied.answer<unknown>(asking[ask](lied))).toEqual(expected)
      await lied.until(() => lied.reports.length > 0)
      expect(lied.reports[0]).toEqual({ peer: 'liar', fault })
    })

    it(`${lie} gets no wrong answer taken where nobody is honest`, async () => {
      const lied = await clientOf({ liar, other: liar })
      await expect(lied.answer<unknown>(asking[ask](lied))).rejects.toThrow('no peer gave an answer that holds')
    })
  }

  it('has mined a block that cannot be executed is not believed, whatever its work', async () => {
    const rich = await makeBlock(test.chain, engine, test.chain.head, { transactions: [] })
    const forged = await sealed(
      test.chain,
      engine,
      test.chain.head,
      withHeader(rich, { stateRoot: keccak256(Uint8Array.of(1)) }),
    )
    const liar: PeerAnswers = {
      ...full,
      status: async () => ({
        hash: forged.hash,
        number: forged.header.number,
        totalDifficulty: test.chain.head.totalDifficulty + forged.header.difficulty,
      }),
      headers: async (request, signal) => {
        if (typeof request.start === 'number') {
          return [...(await full.headers({ ...request, count: request.count - 1 }, signal)), forged]
        }
        if (!equalBytes(request.start, forged.hash)) return full.headers(request, signal)
        const below = await full.headers(
          { ...request, start: forged.header.parentHash, count: request.count - 1 },
          signal,
        )
        return [forged, ...below]
      },
    }
    const alone = await clientOf({ liar })
    expect(alone.client.head.header.number).toBe(BLOCKS + 1 - MINED_PARAMS.safeDepth)
    const { client, answer } = await clientOf({ liar, accomplice: liar, honest: full })
    await answer(client.waitUntilSynced())
    expect(client.head.hash).toEqual(test.chain.head.hash)
    const { account: read } = await answer(client.prove(keyAddress(1), [], client.head))
    expect(read?.nonce).toBe(30n)
  })
})

/** 0, then nearly 1, and so on: whoever joined first is asked first. */
function alternating(): () => number {
  let next = 0
  return () => (next++ % 2) * 0.9
}

describe('a transaction', () => {
  const submit = async (tx: Transaction, changes: Partial<LightClientComponents> = {}) => {
    const sentRaw: Uint8Array[] = []
    const send = async (raw: Uint8Array) => sentRaw.push(raw)
    const started = await clientOf({ a: full, b: full }, { send, ...changes })
    return { ...started, sentRaw, hash: started.answer(started.client.submit(tx.raw)) }
  }

  it('is sent after its account was proven, and counts as pending', async () => {
    const tx = signedTransfer({ nonce: 30n })
    const { hash, client, answer, sentRaw } = await submit(tx)
    expect(await hash).toEqual(transactionHash(tx))
    expect(sentRaw).toEqual([tx.raw])
    expect(await answer(client.pendingNonce(keyAddress(1)))).toBe(31n)
    expect(client.sent(transactionHash(tx))?.sender).toEqual(keyAddress(1))
    await expect(answer(client.submit(tx.raw))).rejects.toThrow('already-known')
  })

  it.each([
    ['has a nonce that was used', { nonce: 29n }, 'nonce-too-low'],
    ['spends more than there is', { nonce: 30n, value: 10_000n * COIN }, 'insufficient-funds'],
    ['goes to an account with code', { nonce: 30n, to: CONTRACT }, 'recipient-has-code'],
  ])('that %s is refused', async (_, fields, code) => {
    const { hash, sentRaw } = await submit(signedTransfer(fields))
    await expect(hash).rejects.toThrow(code)
    expect(sentRaw).toEqual([])
  })

  it('of an account that does not exist is refused', async () => {
    const { hash } = await submit(signedTransfer({ nonce: 0n }, testKey(38)))
    await expect(hash).rejects.toThrow('insufficient-funds')
  })

  it('that nobody takes is not called sent', async () => {
    const { hash, client } = await submit(signedTransfer({ nonce: 30n }), { send: async () => 0 })
    await expect(hash).rejects.toThrow('no peer')
    expect(client.sentTransactions).toEqual([])
  })
})
