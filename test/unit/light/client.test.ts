import { beforeAll, describe, expect, it } from 'vitest'
import { createPow } from '../../../src/consensus/pow.ts'
import type { LightClientOptions } from '../../../src/light/client.ts'
import { EMPTY_TRIE_ROOT } from '../../../src/primitives/account.ts'
import { equalBytes } from '../../../src/primitives/bytes.ts'
import { MAX_GAS_LIMIT } from '../../../src/primitives/limits.ts'
import { memoryStore, startClient } from '../../support/light-clients.ts'
import { headerPeer, NoAnswer, type PeerAnswers, withhold } from '../../support/light-peers.ts'
import type { ManualClock } from '../../support/manual-clock.ts'
import { MINED_CHAIN_ID, MINED_PARAMS, MinedChain } from '../../support/mined-chain.ts'

const engine = createPow(MINED_PARAMS, {})
const LENGTH = 1_500
/** The honest chain; never grown, so that each test can fork it. */
const chain = new MinedChain()
beforeAll(() => {
  for (let i = 0; i < LENGTH; i++) chain.mine(10)
})

const options: LightClientOptions = {
  params: {
    chainId: MINED_CHAIN_ID,
    maxGasLimit: MAX_GAS_LIMIT,
    gasLimitTarget: 30_000_000n,
    maxBlockBytes: undefined,
  },
  rules: { name: 'pow', ...MINED_PARAMS },
  genesis: chain.genesis,
}

/** A client whose clock shows the time of a chain's tip, with peers by name. */
function clientOf(
  peers: Readonly<Record<string, PeerAnswers | ((clock: ManualClock) => PeerAnswers)>>,
  { store, ...changes }: Partial<LightClientOptions> & { store?: ReturnType<typeof memoryStore> } = {},
) {
  const test = startClient({ ...options, ...changes }, { engine, store }, chain.tip.header.timestamp)
  for (const [name, answers] of Object.entries(peers)) {
    test.peers.set(name, typeof answers === 'function' ? answers(test.clock) : answers)
    test.client.addPeer(name)
  }
  return test
}

/** The honest chain up to a block, with more on top. */
function fork(upTo: number, blocks: number, intervalSec = 11): MinedChain {
  const forked = new MinedChain({ chain, upTo })
  for (let i = 0; i < blocks; i++) forked.mine(intervalSec)
  return forked
}

const isAt =
  (test: ReturnType<typeof clientOf>, { tip }: MinedChain) =>
  () =>
    equalBytes(test.client.head.hash, tip.hash)
const numbers = (headers: readonly { readonly header: { readonly number: number } }[]) =>
  headers.map(({ header }) => header.number)

describe('a light client', () => {
  it('takes all headers of a short chain', async () => {
    const short = fork(300, 0)
    const test = clientOf({ a: headerPeer(short), b: headerPeer(short) })
    await test.until(isAt(test, short))
    expect(test.client.head.totalDifficulty).toBe(short.totalDifficulty)
    expect(test.peers.asked.some(({ what }) => what === 'history')).toBe(false)
  })

  it('has a long one proven, once, whoever else has it', async () => {
    const test = clientOf({ a: headerPeer(chain), b: headerPeer(chain), c: headerPeer(chain) })
    expect(test.client.status().stage).toBe('connecting')
    const synced = test.client.waitUntilSynced()
    await test.until(isAt(test, chain))
    expect(test.client.head.totalDifficulty).toBe(chain.totalDifficulty)
    expect(test.peers.asked.filter(({ what }) => what === 'history')).toHaveLength(1)
    expect(test.client.status()).toMatchObject({ stage: 'following', peers: 3, vouching: 3, faults: {} })
    expect(test.client.status().samples).toBeGreaterThan(50)
    await synced
  })

  it('believes one peer alone only what has been built on', async () => {
    const test = clientOf({ a: headerPeer(chain) })
    await test.until(() => test.client.status().stage === 'following')
    expect(test.client.head.header.number).toBe(LENGTH - MINED_PARAMS.safeDepth)
    expect(test.client.status().tip.header.number).toBe(LENGTH)
  })

  it('believes one peer its head where told to', async () => {
    const test = clientOf({ a: headerPeer(chain) }, { vouchers: 1 })
    await test.until(isAt(test, chain))
  })

  it('follows a header that it is told of once the peers have its block', async () => {
    const growing = fork(LENGTH, 0)
    const slow = fork(LENGTH, 0)
    const test = clientOf({ a: headerPeer(growing), b: headerPeer(slow) })
    await test.until(isAt(test, growing))
    growing.mine(10)
    expect(test.client.announce('a', growing.tip)).toBe('accept')
    expect(test.client.announce('b', growing.tip)).toBe('ignore')
    await test.pass(3)
    expect(test.client.status().tip.hash).toEqual(growing.tip.hash)
    expect(test.client.head.header.number).toBe(LENGTH)
    slow.headers.push(growing.tip)
    await test.until(isAt(test, growing))
    expect(numbers(test.events.at(-1)!.connected)).toEqual([LENGTH + 1])
  })

  it('tells its subscribers of a reorg', async () => {
    const ours = fork(LENGTH - 3, 2)
    const theirs = fork(LENGTH - 3, 4, 12)
    const a = { ...headerPeer(ours) }
    const test = clientOf({ a, b: headerPeer(ours) })
    await test.until(isAt(test, ours))
    test.peers.set('a', headerPeer(theirs))
    test.peers.set('b', headerPeer(theirs))
    await test.until(isAt(test, theirs))
    const { connected, disconnected } = test.events.at(-1)!
    expect(disconnected.map(({ hash }) => hash)).toEqual(
      ours.headers
        .slice(-2)
        .reverse()
        .map(({ hash }) => hash),
    )
    expect(connected.map(({ hash }) => hash)).toEqual(theirs.headers.slice(-4).map(({ hash }) => hash))
    expect(test.reports).toEqual([])
  })

  it('goes over to a heavier chain that leaves its own below all it holds', async () => {
    const ours = fork(600, 880, 9)
    const test = clientOf({ a: headerPeer(ours), b: headerPeer(ours) })
    await test.until(isAt(test, ours))
    test.peers.set('a', headerPeer(chain))
    test.peers.set('b', headerPeer(chain))
    await test.until(isAt(test, chain))
    expect(test.events.some(({ disconnected }) => disconnected.length > 50)).toBe(true)
  })

  it('goes back to a chain that it left below all it holds, once that is heavier again', async () => {
    const ours = fork(600, 880, 9)
    const test = clientOf({ a: headerPeer(ours), b: headerPeer(ours) })
    await test.until(isAt(test, ours))
    test.peers.set('a', headerPeer(chain))
    test.peers.set('b', headerPeer(chain))
    await test.until(isAt(test, chain))
    test.peers.set('a', headerPeer(ours))
    test.peers.set('b', headerPeer(ours))
    while (ours.tip.header.number <= LENGTH + 3) {
      ours.mine(9)
      test.client.announce('a', ours.tip)
    }
    await test.until(isAt(test, ours))
    expect(test.reports).toEqual([])
  })

  it('reads no header of a chain that it has left', async () => {
    const ours = fork(600, 880, 9)
    const test = clientOf({ a: headerPeer(ours), b: headerPeer(ours) })
    await test.until(isAt(test, ours))
    expect((await test.client.header(700))!.hash).toEqual(ours.header(700).hash)
    // This one is asked for before and answered after the chain has been left.
    let leave = () => {}
    const left = new Promise<void>((resolve) => {
      leave = resolve
    })
    const late = headerPeer(ours)
    for (const name of ['a', 'b']) {
      test.peers.set(name, {
        ...headerPeer(chain),
        ancestors: async (tipHash, wanted, signal) => {
          if (ours.headers.slice(0, -1).every(({ hash }) => !equalBytes(hash, tipHash))) {
            return headerPeer(chain).ancestors(tipHash, wanted, signal)
          }
          await left
          return late.ancestors(tipHash, wanted, signal)
        },
      })
    }
    const asked = test.client.header(701)
    await test.until(isAt(test, chain))
    leave()
    expect((await asked)!.hash).toEqual(chain.header(701).hash)
    expect((await test.client.header(700))!.hash).toEqual(chain.header(700).hash)
  })

  it('waits for the time of a header from the future', async () => {
    const early = fork(LENGTH, 0)
    const test = clientOf({ a: headerPeer(early), b: headerPeer(early) })
    await test.until(isAt(test, early))
    early.mine(60)
    expect(test.client.announce('a', early.tip)).toBe('ignore')
    await test.pass(40)
    expect(test.client.head.header.number).toBe(LENGTH)
    await test.until(isAt(test, early))
    expect(test.reports).toEqual([])
  })

  it('goes on after a restart with a short proof from what it had', async () => {
    const store = memoryStore()
    const before = fork(1_200, 0)
    const first = clientOf({ a: headerPeer(before), b: headerPeer(before) }, { store })
    await first.client.start()
    await first.until(isAt(first, before))
    await first.client.stop()
    const second = clientOf({}, { store })
    await second.client.start()
    expect(second.client.head.hash).toEqual(before.tip.hash)
    expect(second.client.head.totalDifficulty).toBe(before.totalDifficulty)
    const anchors: Uint8Array[] = []
    const honest = headerPeer(chain)
    const watched: PeerAnswers = {
      ...honest,
      history: (anchor, signal) => {
        anchors.push(anchor)
        return honest.history(anchor, signal)
      },
    }
    for (const name of ['a', 'b']) {
      second.peers.set(name, watched)
      second.client.addPeer(name)
    }
    await second.until(isAt(second, chain))
    expect(anchors).toHaveLength(1)
    expect(before.headers.slice(-200).map(({ hash }) => hash)).toContainEqual(anchors[0])
  })

  it('begins at genesis where what it had saved is damaged or of another network', async () => {
    const store = memoryStore()
    const first = clientOf({ a: headerPeer(chain), b: headerPeer(chain) }, { store })
    await first.until(isAt(first, chain))
    await first.client.stop()
    const saved = store.saved!
    for (const [at, changes] of [
      [40, {}],
      [undefined, { genesis: chain.header(1) }],
    ] as const) {
      store.saved = at === undefined ? saved : saved.with(at, saved[at]! ^ 1)
      const second = clientOf({}, { store, ...changes })
      await second.client.start()
      expect(second.client.head.header.number).toBe(changes.genesis ? 1 : 0)
    }
  })

  it('reads a header below all it holds, with the work behind it, by number and by hash', async () => {
    const test = clientOf({ a: headerPeer(chain), b: headerPeer(chain) })
    await test.until(isAt(test, chain))
    const expected = { ...chain.header(77), totalDifficulty: new MinedChain({ chain, upTo: 77 }).totalDifficulty }
    expect(await test.client.header(77)).toEqual(expected)
    expect(await test.client.headerByHash(expected.hash)).toEqual(expected)
    expect(await test.client.header(LENGTH + 1)).toBeUndefined()
    expect(await test.client.headerByHash(EMPTY_TRIE_ROOT)).toBeUndefined()
  })
})

/** A chain with more work than the honest one, that forked off below what a client holds. */
const heavier = () => fork(1_300, LENGTH - 1_300 + 1, 9)

/** Peers that lie about the chain, and what each is reported for. */
const LIARS: Readonly<Record<string, readonly [fault: string, (clock: ManualClock) => PeerAnswers]>> = {
  'claims work that it does not show': [
    'false-claim',
    () => headerPeer(fork(1_400, 0), { totalDifficulty: 10n ** 9n, number: 3_000, hash: EMPTY_TRIE_ROOT }),
  ],
  'claims more work for its head than there is': [
    'false-claim',
    () => headerPeer(chain, { totalDifficulty: chain.totalDifficulty + 1n }),
  ],
  'has headers without work': [
    'bad-proof',
    () => {
      const forged = fork(1_400, 0)
      for (let i = 0; i < 150; i++) forged.mine(10, { unmined: true })
      return headerPeer(forged)
    },
  ],
  'has a header that breaks a rule': [
    'bad-proof',
    () => {
      const forged = fork(LENGTH, 0)
      forged.mine(10, { fields: { baseFeePerGas: 9n } })
      return headerPeer(forged)
    },
  ],
  'raised its difficulty against the schedule, and did the work': [
    'bad-proof',
    () => {
      const forged = fork(1_300, 0)
      for (let i = 0; i < 140; i++) forged.mine(10, { difficulty: 100n })
      return headerPeer(forged)
    },
  ],
  'shows other samples than the tip selects': [
    'bad-proof',
    () => {
      const honest = headerPeer(heavier())
      return {
        ...honest,
        history: async (anchor, signal) => {
          const proof = await honest.history(anchor, signal)
          return { ...proof, samples: proof.samples.with(3, proof.samples[4]!) }
        },
      }
    },
  ],
  'keeps its proof to itself': ['withheld', (clock) => ({ ...headerPeer(heavier()), history: () => withhold(clock) })],
  'says that it has not got what it claims': [
    'false-claim',
    () => {
      const none = async (): Promise<never> => {
        throw new NoAnswer('unavailable')
      }
      return { ...headerPeer(heavier()), history: none, headers: none }
    },
  ],
  'says nothing at all': ['withheld', (clock) => ({ ...headerPeer(chain), status: () => withhold(clock) })],
  'hides the last blocks': ['stale-head', () => headerPeer(fork(1_400, 0))],
  'has a chain with less work that forked off long ago': ['stale-head', () => headerPeer(fork(300, 1_190, 9))],
}

describe('a peer that', () => {
  for (const [lie, [fault, liar]] of Object.entries(LIARS)) {
    it(`${lie} is found out, whoever comes first`, async () => {
      for (const order of [
        ['liar', 'a', 'b'],
        ['a', 'b', 'liar'],
      ]) {
        const honest = headerPeer(chain)
        const test = clientOf(Object.fromEntries(order.map((name) => [name, name === 'liar' ? liar : honest])))
        await test.until(() => test.reports.length > 0)
        await test.until(isAt(test, chain))
        expect(new Set(test.reports.map(({ peer }) => peer))).toEqual(new Set(['liar']))
        expect(test.reports[0]!.fault).toBe(fault)
      }
    })
  }

  it('lies about everything leaves a client with nothing to say, and a reason', async () => {
    const liars = Object.entries(LIARS).slice(0, 8)
    const test = clientOf(Object.fromEntries(liars.map(([name, [, liar]]) => [name, liar])))
    await test.pass(120)
    expect(test.client.head.header.number).toBe(0)
    expect(test.client.status().stage).not.toBe('following')
    await expect((async () => test.client.prove(new Uint8Array(20), [], test.client.head))()).rejects.toThrow('peer')
  })

  it('vouches for a block that the others do not take is reported when the chain has left it', async () => {
    const forged = fork(LENGTH, 0)
    // Valid work, and a state that no execution leads to.
    forged.mine(10, { fields: { stateRoot: new Uint8Array(32).fill(7) } })
    const honest = fork(LENGTH, 0)
    const test = clientOf({ liar: headerPeer(forged), a: headerPeer(honest) })
    await test.until(() => equalBytes(test.client.status().tip.hash, forged.tip.hash))
    await test.pass(40)
    expect(test.client.head.hash).toEqual(honest.tip.hash)
    honest.mine(11)
    honest.mine(11)
    await test.until(() => test.reports.length > 0)
    expect(test.reports).toEqual([{ peer: 'liar', fault: 'unconfirmed-head' }])
    test.peers.set('b', headerPeer(honest))
    test.client.addPeer('b')
    await test.until(isAt(test, honest))
  })
})

describe('an honest peer', () => {
  it('is heard while it has more work and no time to prove it', async () => {
    const forged = fork(LENGTH - 200, 0)
    forged.mine(10, { fields: { stateRoot: new Uint8Array(32).fill(7) } })
    const busy: PeerAnswers = {
      ...headerPeer(chain),
      history: async () => {
        throw new NoAnswer('unhelpful')
      },
    }
    const test = clientOf({ liar: headerPeer(forged), accomplice: headerPeer(forged), honest: busy })
    await test.until(() => equalBytes(test.client.status().tip.hash, forged.tip.hash))
    await test.pass(60)
    expect(test.client.head.header.number).toBeLessThan(LENGTH - 200)
    test.peers.set('honest', headerPeer(chain))
    await test.until(() => equalBytes(test.client.status().tip.hash, chain.tip.hash))
    expect(test.client.head.header.number).toBe(LENGTH - MINED_PARAMS.safeDepth)
    expect(test.reports.filter(({ peer }) => peer === 'honest')).toEqual([])
  })

  it('is not reported for a block that another peer kept silent about and the chain has left since', async () => {
    const network = fork(LENGTH, 1)
    const overtaking = fork(LENGTH, 2, 12)
    const test = clientOf({ liar: headerPeer(fork(LENGTH, 0)), a: headerPeer(network), b: headerPeer(network) })
    await test.until(() => equalBytes(test.client.status().tip.hash, network.tip.hash))
    await test.pass(40)
    for (const name of ['liar', 'a', 'b']) test.peers.set(name, headerPeer(overtaking))
    await test.until(isAt(test, overtaking))
    await test.pass(60)
    expect(test.reports).toEqual([])
  })
})

describe('several stale peers', () => {
  it('are each reported once', async () => {
    const stale = headerPeer(fork(1_400, 0))
    const test = clientOf({ a: headerPeer(chain), b: headerPeer(chain), c: stale, d: stale, e: stale })
    await test.until(() => test.reports.length > 0)
    await test.pass(60)
    expect(test.reports.map(({ peer }) => peer).sort()).toEqual(['c', 'd', 'e'])
  })
})

describe('a peer whose chain changes while it is shown', () => {
  it('is asked again, and not blamed', async () => {
    // A thousand headers are two answers.
    const left = fork(980, 0)
    const kept = fork(500, 490, 9)
    let shown = left
    const changing = (): PeerAnswers => ({
      ...headerPeer(left),
      status: (signal) => headerPeer(shown).status(signal),
      headers: async (request, signal) => {
        const found = await headerPeer(shown).headers(request, signal)
        shown = kept
        return found
      },
    })
    const test = clientOf({ a: changing() }, { vouchers: 1 })
    await test.until(isAt(test, kept))
    expect(test.peers.asked.filter(({ what }) => what === 'headers').length).toBeGreaterThan(2)
    expect(test.reports).toEqual([])
  })
})

describe('a header that is told of while a peer is being asked', () => {
  it('is looked for as soon as that has been answered', async () => {
    const growing = fork(LENGTH, 0)
    const test = clientOf({ a: headerPeer(growing) }, { vouchers: 1 })
    await test.until(isAt(test, growing))
    const answer = Promise.withResolvers<void>()
    const late = await headerPeer(growing).status(new AbortController().signal)
    test.peers.set('a', {
      ...headerPeer(growing),
      status: async () => {
        await answer.promise
        test.peers.set('a', headerPeer(growing))
        return late
      },
    })
    const polls = () => test.peers.asked.filter(({ what }) => what === 'status').length
    const before = polls()
    await test.until(() => polls() > before)
    growing.mine(10)
    growing.mine(10)
    expect(test.client.announce('a', growing.tip)).toBe('ignore')
    await test.pass(1)
    answer.resolve()
    await test.pass(1)
    expect(test.client.head.hash).toEqual(growing.tip.hash)
  })
})

describe('headers in a row', () => {
  it('are asked for as a range where they are not held', async () => {
    const test = clientOf({ a: headerPeer(chain), b: headerPeer(chain) })
    await test.until(isAt(test, chain))
    const asked = test.peers.asked.length
    const branch = await test.client.branch(test.client.head, LENGTH + 5)
    expect(branch.map(({ hash }) => hash)).toEqual(chain.headers.map(({ hash }) => hash))
    expect(branch[77]!.totalDifficulty).toBe(new MinedChain({ chain, upTo: 77 }).totalDifficulty)
    expect(test.peers.asked.length - asked).toBeLessThan(6)
  })

  it('are only those that lead to the one that is known', async () => {
    const liar: PeerAnswers = {
      ...headerPeer(chain),
      headers: async (request, signal) => (await headerPeer(chain).headers(request, signal)).toSpliced(3, 1),
    }
    const test = clientOf({ liar, a: headerPeer(chain) })
    await test.until(() => test.client.status().stage === 'following')
    const branch = await test.client.branch(test.client.head, LENGTH)
    expect(branch.map(({ hash }) => hash)).toEqual(
      chain.headers
        .slice(1, test.client.head.header.number + 1)
        .map(({ hash }) => hash)
        .slice(-LENGTH),
    )
  })
})

describe('an old head', () => {
  it('is no reason to give up while another may come', async () => {
    const newcomer = headerPeer(fork(0, 0))
    const test = clientOf({ newcomer }, { maxHeadAgeSec: 600 })
    const synced = test.client.waitUntilSynced()
    await test.until(() => test.client.status().stage === 'following')
    await test.pass(5)
    test.peers.set('late', headerPeer(chain))
    test.peers.set('later', headerPeer(chain))
    test.client.addPeer('late')
    test.client.addPeer('later')
    await test.until(isAt(test, chain))
    expect((await synced).header.number).toBe(LENGTH)
  })

  it('is waited with no longer than whoever asks wants to', async () => {
    const test = clientOf({ newcomer: headerPeer(fork(0, 0)) }, { maxHeadAgeSec: 600 })
    const ending = new AbortController()
    const synced = test.client.waitUntilSynced(ending.signal)
    await test.until(() => test.client.status().stage === 'following')
    ending.abort(new Error('enough'))
    await expect(synced).rejects.toThrow('enough')
  })

  it('is nothing to be in step with', async () => {
    const test = clientOf({ a: headerPeer(chain), b: headerPeer(chain) }, { maxHeadAgeSec: 600 })
    test.clock.advance(700_000)
    const refused = expect(test.client.waitUntilSynced()).rejects.toThrow('old')
    await test.pass(30)
    await refused
  })

  it('is not answered from where that is the rule', async () => {
    const test = clientOf({ a: headerPeer(chain), b: headerPeer(chain) }, { maxHeadAgeSec: 600 })
    await test.until(isAt(test, chain))
    test.clock.advance(700_000)
    await expect((async () => test.client.prove(new Uint8Array(20), [], test.client.head))()).rejects.toThrow('old')
  })
})
