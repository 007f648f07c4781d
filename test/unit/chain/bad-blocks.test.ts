import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Chain } from '../../../src/chain/chain.ts'
import type { RecoverSenders } from '../../../src/chain/importer.ts'
import type { ChainEvent } from '../../../src/chain/types.ts'
import { encodeTransactions } from '../../../src/primitives/block.ts'
import { badFamily } from '../../support/bad-family.ts'
import { makeBlock, verdict } from '../../support/block-maker.ts'
import { londonEngine } from '../../support/london-engine.ts'
import { openTestChain, recoverHere, type TestChain } from '../../support/test-chain.ts'
import { testGenesis } from '../../support/test-genesis.ts'
import { signedTransfer } from '../../support/transactions.ts'

let test: TestChain
let chain: Chain
let events: ChainEvent[]

beforeEach(async () => {
  test = await openTestChain({ genesis: testGenesis() }, londonEngine)
  chain = test.chain
  events = []
  chain.subscribe((event) => events.push(event))
})
afterEach(() => test.remove())

describe('a bad block', () => {
  it('is remembered, and its descendants with it', async () => {
    const { right, family } = await badFamily(chain, 3)
    expect(await verdict(chain, family[0]!)).toBe('bad-state-root')
    for (const block of family) expect(await verdict(chain, block)).toBe('known-bad')
    expect(chain.head.header.number).toBe(0)
    expect(events).toEqual([])
    expect(await verdict(chain, right)).toBe('head')
  })

  it('takes descendants along that arrived with it', async () => {
    const { right, family } = await badFamily(chain, 3)
    const verdicts = await Promise.all([...family, right].map((block) => verdict(chain, block)))
    expect(verdicts).toEqual(['bad-state-root', 'known-bad', 'known-bad', 'known-bad', 'head'])
    expect(chain.head.hash).toEqual(right.hash)
    for (const block of family) expect(await verdict(chain, block)).toBe('known-bad')
  })

  it('leaves no trace in the store', async () => {
    const { family } = await badFamily(chain, 1)
    await verdict(chain, family[0]!)
    await verdict(chain, family[1]!)
    for (const { hash } of family) {
      expect(chain.store.header(hash)).toBeUndefined()
      expect(chain.store.isExecuted(hash)).toBe(false)
      expect(chain.ancestry(hash)).toBeUndefined()
    }
  })

  it('is one whose header is: a body that is not its own proves nothing against it', async () => {
    const transactions = [signedTransfer()]
    const right = await makeBlock(chain, londonEngine, chain.head, { transactions })
    const wrong = { ...right, transactions: [], body: encodeTransactions([]) }
    expect(await verdict(chain, wrong)).toBe('bad-transactions-root')
    expect(await verdict(chain, wrong)).toBe('bad-transactions-root')
    expect(await verdict(chain, right)).toBe('head')
  })

  it('is not one whose parent came with a body that is not its own', async () => {
    const right = await makeBlock(chain, londonEngine, chain.head, { transactions: [signedTransfer()] })
    const wrong = { ...right, transactions: [], body: encodeTransactions([]) }
    const maker = await openTestChain({ genesis: testGenesis() }, londonEngine)
    await maker.chain.import(right)
    const child = await makeBlock(maker.chain, londonEngine, right)
    await maker.remove()
    const verdicts = await Promise.all([wrong, child].map((block) => verdict(chain, block)))
    expect(verdicts).toEqual(['bad-transactions-root', 'unknown-parent'])
    expect(await verdict(chain, right)).toBe('head')
    expect(await verdict(chain, child)).toBe('head')
  })

  it('is judged by its own body, also while the same header is under way with another', async () => {
    const right = await makeBlock(chain, londonEngine, chain.head, { transactions: [signedTransfer()] })
    const wrong = { ...right, transactions: [], body: encodeTransactions([]) }
    const verdicts = await Promise.all([wrong, right].map((block) => verdict(chain, block)))
    expect(verdicts).toEqual(['bad-transactions-root', 'head'])
  })

  it('leaves no child behind that is stored without it, though the child has too little work to be run', async () => {
    const maker = await openTestChain({ genesis: testGenesis() }, londonEngine)
    const light = await makeBlock(maker.chain, londonEngine, maker.chain.head, { transactions: [signedTransfer()] })
    await maker.chain.import(light)
    const child = await makeBlock(maker.chain, londonEngine, light)
    await maker.remove()
    for (let i = 0; i < 3; i++) await chain.import(await makeBlock(chain, londonEngine, chain.head))
    const wrong = { ...light, transactions: [], body: encodeTransactions([]) }
    const verdicts = await Promise.all([wrong, child].map((block) => verdict(chain, block)))
    expect(verdicts).toEqual(['bad-transactions-root', 'unknown-parent'])
    expect(chain.store.header(child.hash)).toBeUndefined()
  })

  it('nor one that is judged while the block comes again, with its own body and to be refused for good', async () => {
    const gate = Promise.withResolvers<void>()
    let slow = false
    const recover: RecoverSenders = async (transactions) => {
      if (slow && transactions.length === 0) await gate.promise
      return recoverHere(transactions)
    }
    const gated = await openTestChain({ genesis: testGenesis() }, londonEngine, { recover })
    const { family } = await badFamily(gated.chain, 1)
    for (let i = 0; i < 3; i++) await gated.chain.import(await makeBlock(gated.chain, londonEngine, gated.chain.head))
    slow = true
    const [bad, child] = [family[0]!, family[1]!]
    const wrong = verdict(gated.chain, { ...bad, transactions: [], body: encodeTransactions([]) })
    const early = verdict(gated.chain, child)
    expect(await wrong).toBe('bad-transactions-root')
    const again = verdict(gated.chain, bad)
    gate.resolve()
    expect(await early).toBe('unknown-parent')
    expect(await again).toBe('bad-state-root')
    expect(gated.chain.store.header(child.hash)).toBeUndefined()
    await gated.remove()
  })
})

describe('a block', () => {
  it('that comes twice is known the second time, also while it is under way', async () => {
    const block = await makeBlock(chain, londonEngine, chain.head)
    const [one, two] = await Promise.all([verdict(chain, block), verdict(chain, block)])
    expect([one, two]).toEqual(['head', 'head'])
    expect(await verdict(chain, block)).toBe('known')
    expect(events).toHaveLength(1)
  })

  it('without a known parent is refused, and taken once the parent is there', async () => {
    const maker = await openTestChain({ genesis: testGenesis() }, londonEngine)
    const parent = await makeBlock(maker.chain, londonEngine, maker.chain.head)
    await maker.chain.import(parent)
    const child = await makeBlock(maker.chain, londonEngine, parent)
    await maker.remove()
    expect(await verdict(chain, child)).toBe('unknown-parent')
    expect(await verdict(chain, parent)).toBe('head')
    expect(await verdict(chain, child)).toBe('head')
  })
})
