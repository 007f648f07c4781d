import { afterEach, describe, expect, it } from 'vitest'
import { nextBaseFee } from '../../../src/chain/header-rules.ts'
import { createPoa, type PoaParams } from '../../../src/consensus/poa.ts'
import { hashHeader } from '../../../src/crypto/hashes.ts'
import type { LightClientComponents } from '../../../src/light/client.ts'
import { equalBytes } from '../../../src/primitives/bytes.ts'
import type { HashedHeader } from '../../../src/primitives/header.ts'
import { MAX_GAS_LIMIT } from '../../../src/primitives/limits.ts'
import { makeBlock } from '../../support/block-maker.ts'
import { recoverTestSigner, testSigner } from '../../support/block-signers.ts'
import { headerWith } from '../../support/header-chain.ts'
import { HeaderList } from '../../support/header-list.ts'
import { memoryStore, startClient } from '../../support/light-clients.ts'
import { fullPeer, headerPeer, type PeerAnswers } from '../../support/light-peers.ts'
import { londonEngine } from '../../support/london-engine.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { openTestChain, type TestChain } from '../../support/test-chain.ts'
import { keyAddress, testGenesis } from '../../support/test-genesis.ts'
import { signedTransfer } from '../../support/transactions.ts'

const CHAIN_ID = 77n
const signers = [1, 2, 3, 4].map(testSigner)
const params: PoaParams = { signers: signers.map(({ address }) => address), periodSec: 5, maxFutureSeconds: 15 }
const clock = new ManualClock(2_000_000_000_000)

const genesis = headerWith({ extraData: new Uint8Array(32), difficulty: 1n })

/** A chain of signed headers, with signers who have sealed nothing else. */
function signedChain(from: readonly HashedHeader[] = [hashHeader(genesis)]) {
  const list = new HeaderList(from)
  const engines = signers.map((signer) => createPoa(params, { clock, recoverSigner: recoverTestSigner, signer }))
  return {
    list,
    /** Has blocks sealed on top, each by the signer in turn. */
    async seal(blocks: number, intervalSec = 5) {
      for (let i = 0; i < blocks; i++) {
        const { hash, header: parent } = list.tip
        const number = parent.number + 1
        const place = number % signers.length
        const ancestors = list.headers.slice(-16)
        const ancestry = {
          header: (wanted: Uint8Array) => ancestors.find((known) => equalBytes(known.hash, wanted))?.header,
          historyRoot: () => list.commitment(CHAIN_ID),
        }
        const timestamp = parent.timestamp + intervalSec
        const prepared = headerWith({
          parentHash: hash,
          number,
          timestamp,
          miner: signers[place]!.address,
          baseFeePerGas: nextBaseFee(parent),
          ...engines[place]!.prepare(parent, timestamp, ancestry),
        })
        const header = await engines[place]!.seal(prepared, parent, ancestry, new AbortController().signal)
        list.push(hashHeader(header!))
      }
    },
  }
}

function clientOf(
  list: HeaderList,
  peers: Readonly<Record<string, PeerAnswers>>,
  components: Partial<LightClientComponents> = {},
) {
  const options = {
    params: { chainId: CHAIN_ID, maxGasLimit: MAX_GAS_LIMIT, gasLimitTarget: 30_000_000n, maxBlockBytes: undefined },
    rules: { name: 'poa', signers: params.signers } as const,
    genesis: list.genesis,
  }
  const engine = createPoa(params, { clock, recoverSigner: recoverTestSigner })
  const test = startClient(options, { engine, ...components }, list.tip.header.timestamp)
  for (const [name, answers] of Object.entries(peers)) {
    test.peers.set(name, answers)
    test.client.addPeer(name)
  }
  return test
}

describe('a light client under proof of authority', () => {
  it('takes all headers of a short chain, and believes one peer what most signers have built on', async () => {
    const { list, seal } = signedChain()
    await seal(40)
    const test = clientOf(list, { a: headerPeer(list) })
    await test.until(() => test.client.status().stage === 'following')
    expect(test.client.status().tip.hash).toEqual(list.tip.hash)
    // Three of four have sealed this block or one on top of it.
    expect(test.client.head.header.number).toBe(38)
    expect(test.client.finality().finalized).toBe(36)
  })

  it('finds the head of a long chain by the seals of the last rounds, and reads what lies below', async () => {
    const { list, seal } = signedChain()
    await seal(1_010)
    const test = clientOf(list, { a: headerPeer(list), b: headerPeer(list) })
    await test.until(() => test.client.head.header.number === 1_010)
    expect(test.client.head.totalDifficulty).toBe(list.totalDifficulty)
    expect(test.peers.asked.filter(({ what }) => what === 'headers')).toHaveLength(1)
    const old = await test.client.header(5)
    expect(old!.hash).toEqual(list.header(5).hash)
    await seal(1)
    expect(test.client.announce('a', list.tip)).toBe('accept')
    await test.until(() => test.client.head.header.number === 1_011)
    expect(test.reports).toEqual([])

    // Every signer breaks the rules, and seals a longer chain beside what is final: nobody follows that.
    const beside = signedChain(list.headers.slice(0, 951))
    await beside.seal(250, 6)
    for (const name of ['a', 'b']) test.peers.set(name, headerPeer(beside.list))
    test.clock.advance(2_000_000)
    await test.until(() => test.reports.length === 2)
    expect(test.client.status().tip.hash).toEqual(list.tip.hash)

    // As many headers as are asked for reach down to a genesis that is not this client's.
    const foreign = signedChain()
    await foreign.seal(60)
    const mine = new HeaderList([hashHeader({ ...genesis, gasLimit: 30_000_001n })])
    const claim = { number: 2_000 }
    const replayed = clientOf(mine, { a: headerPeer(foreign.list, claim), b: headerPeer(foreign.list, claim) })
    replayed.clock.advance(1_000_000)
    await replayed.pass(30)
    expect(replayed.reports.map(({ fault }) => fault)).toEqual(['false-claim', 'false-claim'])
    expect(replayed.client.status().tip.header.number).toBe(0)

    const other = new HeaderList([hashHeader({ ...genesis, gasLimit: 30_000_001n })])
    const misled = clientOf(other, { a: headerPeer(list) })
    await misled.until(() => misled.reports.length > 0)
    expect(misled.reports[0]!.fault).toBe('bad-proof')
    expect(misled.client.head.header.number).toBe(0)
  })
})

describe('a light client that comes back to a network of signers', () => {
  it.each([
    ['fewer', 30],
    ['more', 90],
  ])('begins anew where that has begun anew and has %s blocks, and says so', async (_, blocks) => {
    const before = signedChain()
    await before.seal(60)
    const store = memoryStore()
    const first = clientOf(before.list, { a: headerPeer(before.list), b: headerPeer(before.list) }, { store })
    await first.until(() => first.client.head.header.number === 60)
    await first.client.stop()

    const anew = signedChain()
    await anew.seal(blocks, 6)
    const errors: unknown[] = []
    const onError = (error: unknown) => errors.push(error)
    const second = clientOf(anew.list, {}, { store, onError })
    await second.client.start()
    expect(second.client.head.header.number).toBe(60)
    for (const name of ['a', 'b']) {
      second.peers.set(name, headerPeer(anew.list))
      second.client.addPeer(name)
    }
    await second.until(() => equalBytes(second.client.head.hash, anew.list.tip.hash))
    expect(second.reports).toEqual([])
    expect(errors.map(String)).toEqual([expect.stringContaining('up to block 60: beginning anew at genesis')])
  })

  it('goes on where one peer has the chain, whatever the others show', async () => {
    const { list, seal } = signedChain()
    await seal(60)
    const store = memoryStore()
    const first = clientOf(list, { a: headerPeer(list), b: headerPeer(list) }, { store })
    await first.until(() => first.client.head.header.number === 60)
    await first.client.stop()

    const other = signedChain()
    await other.seal(50, 6)
    const second = clientOf(list, {}, { store })
    await second.client.start()
    for (const [name, shown] of [
      ['other', other.list],
      ['a', list],
    ] as const) {
      second.peers.set(name, headerPeer(shown))
      second.client.addPeer(name)
    }
    await second.pass(30)
    expect(second.client.status().tip.hash).toEqual(list.tip.hash)
    expect(second.client.head.header.number).toBe(60)
  })
})

describe('a light client of an engine that proves nothing', () => {
  let test: TestChain
  afterEach(() => test.remove())

  it('takes all headers, reads old ones and accounts, and follows', async () => {
    const source = testGenesis()
    test = await openTestChain({ genesis: source }, londonEngine)
    const { chain } = test
    for (let number = 1; number <= 30; number++) {
      const transactions = number === 2 ? [signedTransfer({ to: keyAddress(30), value: 9n })] : []
      await chain.import(await makeBlock(chain, londonEngine, chain.head, { transactions }))
    }
    const first = hashHeader(chain.store.header(chain.store.canonicalHash(0)!)!.header)
    const nowSec = chain.head.header.timestamp + 60
    const client = startClient(
      { params: source.params, rules: undefined, genesis: first },
      { engine: londonEngine },
      nowSec,
    )
    client.peers.set('a', fullPeer(test, false))
    client.client.addPeer('a')
    // Its engine calls every block safe.
    await client.until(() => client.client.head.header.number === 30)
    const { account } = await client.client.prove(keyAddress(30), [], client.client.head)
    expect(account?.balance).toBe(9n)
    const block = await makeBlock(chain, londonEngine, chain.head)
    await chain.import(block)
    expect(client.client.announce('a', block)).toBe('accept')
    expect(client.client.head.hash).toEqual(block.hash)
    expect(client.client.head.totalDifficulty).toBe(chain.head.totalDifficulty)
  })
})
