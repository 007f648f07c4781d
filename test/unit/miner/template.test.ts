import { describe, expect, it } from 'vitest'
import { MAX_MISFITS, OFFERED_TOGETHER } from '../../../src/miner/limits.ts'
import { Template, type TransactionSource } from '../../../src/miner/template.ts'
import { blockLength, encodeTransactions } from '../../../src/primitives/block.ts'
import type { Header } from '../../../src/primitives/header.ts'
import type { RecoveredTransaction } from '../../../src/primitives/transaction.ts'
import { ModelChain } from '../../support/model-chain.ts'
import { times } from '../../support/pool-fixture.ts'
import { GWEI, transfer } from '../../support/pool-transfers.ts'

/** Gives `transactions` in order, but none of a sender after it was skipped. */
function sourceOf(transactions: readonly RecoveredTransaction[]): TransactionSource {
  const skipped = new Set<string>()
  let at = -1
  return {
    next() {
      do at++
      while (at < transactions.length && skipped.has(transactions[at]!.senderKey))
      return transactions[at]
    },
    skipSender: () => skipped.add(transactions[at]!.senderKey),
  }
}

function header(gasLimit = 30_000_000n): Header {
  return { ...new ModelChain({ gasLimit }).head.header, gasUsed: 0n, extraData: new Uint8Array(97) }
}

/** What ends up in the block if all that is offered applies. */
function fill(template: Template, gasLimit: bigint): RecoveredTransaction[] {
  const taken: RecoveredTransaction[] = []
  for (;;) {
    const offered = template.next(gasLimit - 21_000n * BigInt(taken.length))
    if (offered.length === 0) return taken
    for (const transaction of offered) {
      template.taken(transaction)
      taken.push(transaction)
    }
  }
}

describe('a template', () => {
  it('takes transactions in the order of their source until the gas is used up', () => {
    const offers = times(10, (from) => transfer({ from }))
    for (const [gasLimit, count] of [
      [21_000n * 4n, 4],
      [21_000n * 4n - 1n, 3],
    ] as const) {
      const template = new Template({ header: header(gasLimit), maxBlockBytes: undefined }, sourceOf(offers))
      expect(fill(template, gasLimit)).toEqual(offers.slice(0, count))
    }
  })

  it('takes no more than it may, however often it is asked', () => {
    const offers = times(5, (from) => transfer({ from }))
    for (const maxTransactions of [0, 1, 3]) {
      const options = { header: header(), maxBlockBytes: undefined, maxTransactions }
      expect(fill(new Template(options, sourceOf(offers)), 30_000_000n)).toEqual(offers.slice(0, maxTransactions))
    }
  })

  it('leaves out what asks for more gas than is left, with the rest of its sender, and goes on with others', () => {
    const greedy = transfer({ from: 0, nonce: 1, gasLimit: 42_001n })
    const offers = [transfer({ from: 0 }), greedy, transfer({ from: 0, nonce: 2 }), transfer({ from: 1 })]
    const template = new Template({ header: header(63_000n), maxBlockBytes: undefined }, sourceOf(offers))
    expect(fill(template, 63_000n)).toEqual([offers[0], offers[3]])
  })

  it('counts the gas that a transaction uses, not the limit it sets', () => {
    const offers = times(4, (from) => transfer({ from, gasLimit: 60_000n }))
    const template = new Template({ header: header(84_000n), maxBlockBytes: undefined }, sourceOf(offers))
    expect(fill(template, 84_000n)).toEqual(offers.slice(0, 2))
  })

  it.each([0, 1, 2] as const)('fills a block to the byte with transactions of type %i', (type) => {
    for (const count of [1, 3, 700]) {
      const offers = times(count + 5, (from) => transfer({ from, type, value: 1n }))
      const inside = offers.slice(0, count)
      // The gas used takes as many bytes as the limit here: the bound is exact.
      const sealed = { ...header(), gasUsed: 29_000_000n }
      const maxBlockBytes = blockLength(sealed, encodeTransactions(inside.map(({ tx }) => tx)))
      const exact = new Template({ header: header(), maxBlockBytes }, sourceOf(offers))
      expect(fill(exact, header().gasLimit)).toEqual(inside)
      const short = new Template({ header: header(), maxBlockBytes: maxBlockBytes - 1 }, sourceOf(offers))
      expect(fill(short, header().gasLimit)).toEqual(inside.slice(0, -1))
    }
  })

  it('offers a few at once, and nothing more of a sender whose transaction did not apply', () => {
    const count = OFFERED_TOGETHER + 10
    const offers = [...times(count, (from) => transfer({ from })), transfer({ from: 0, nonce: 1 })]
    const template = new Template({ header: header(), maxBlockBytes: undefined }, sourceOf(offers))
    const first = template.next(30_000_000n)
    expect(first).toEqual(offers.slice(0, OFFERED_TOGETHER))
    for (const transaction of first) template.refused(transaction)
    expect(template.next(30_000_000n)).toEqual(offers.slice(OFFERED_TOGETHER, count))
    expect(template.next(30_000_000n)).toEqual([])
  })

  it('gives up after a while of misfits instead of going through the whole pool', () => {
    const large = times(MAX_MISFITS, (from) => transfer({ from, gasLimit: 50_000n }))
    const small = transfer({ from: 5_000 })
    const full = new Template({ header: header(42_000n), maxBlockBytes: undefined }, sourceOf([...large, small]))
    expect(full.next(42_000n)).toEqual([])
    const other = new Template(
      { header: header(42_000n), maxBlockBytes: undefined },
      sourceOf([...large.slice(1), small]),
    )
    expect(other.next(42_000n)).toEqual([small])
  })

  it('wants what would have had a place: anything while there is room, what pays more when it is full', () => {
    const offers = [transfer({ from: 0, gwei: 5 }), transfer({ from: 1, gwei: 3 })]
    const roomy = new Template({ header: header(63_000n), maxBlockBytes: undefined }, sourceOf(offers))
    fill(roomy, 63_000n)
    expect(roomy.wants(transfer({ from: 2, gwei: 1 }))).toBe(true)
    const full = new Template({ header: header(42_000n), maxBlockBytes: undefined }, sourceOf(offers))
    fill(full, 42_000n)
    expect(full.wants(transfer({ from: 2, gwei: 3 }))).toBe(false)
    expect(full.wants(transfer({ from: 2, maxPriorityFeePerGas: 3n * GWEI + 1n, maxFeePerGas: 9n * GWEI }))).toBe(true)
  })
})
