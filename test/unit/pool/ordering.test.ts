import { describe, expect, it } from 'vitest'
import type { BestTransactions } from '../../../src/pool/ordering.ts'
import type { RecoveredTransaction } from '../../../src/primitives/transaction.ts'
import { PoolFixture, times } from '../../support/pool-fixture.ts'
import { address, GWEI, transfer } from '../../support/pool-transfers.ts'

function drain(best: BestTransactions): RecoveredTransaction[] {
  const all: RecoveredTransaction[] = []
  for (let next = best.next(); next !== undefined; next = best.next()) all.push(next)
  return all
}

describe('best transactions', () => {
  it('come by tip, each sender’s in nonce order, equal ones by arrival', async () => {
    const fixture = await PoolFixture.create()
    const a0 = transfer({ from: 0, gwei: 3 })
    const a1 = transfer({ from: 0, nonce: 1, gwei: 9 })
    const b0 = transfer({ from: 1, gwei: 5 })
    const b1 = transfer({ from: 1, nonce: 1, gwei: 2 })
    const c0 = transfer({ from: 2, gwei: 5 })
    await fixture.add(a0, a1, b0, b1, c0)
    expect(drain(fixture.pool.best(0n))).toEqual([b0, c0, a0, a1, b1])
  })

  it('come by what is left of the fee cap above the base fee', async () => {
    const fixture = await PoolFixture.create()
    const capped = transfer({ from: 0, maxPriorityFeePerGas: 9n * GWEI, maxFeePerGas: 12n * GWEI })
    const plain = transfer({ from: 1, maxPriorityFeePerGas: 3n * GWEI, maxFeePerGas: 30n * GWEI })
    await fixture.add(capped, plain)
    expect(drain(fixture.pool.best(GWEI))).toEqual([capped, plain])
    expect(drain(fixture.pool.best(10n * GWEI))).toEqual([plain, capped])
  })

  it('leave out what brings less than the floor, to the wei, and what comes after it', async () => {
    const fixture = await PoolFixture.create()
    const fees = { maxPriorityFeePerGas: 2n * GWEI, maxFeePerGas: 10n * GWEI }
    const exact = transfer({ from: 0, ...fees })
    const behind = transfer({ from: 0, nonce: 1, gwei: 50 })
    await fixture.add(exact, behind)
    expect(drain(fixture.pool.best(9n * GWEI))).toEqual([exact, behind])
    expect(drain(fixture.pool.best(9n * GWEI + 1n))).toEqual([])
  })

  it('leave out the rest of a sender once it is skipped', async () => {
    const fixture = await PoolFixture.create()
    const [a0, , b0] = [transfer({ from: 0, gwei: 9 }), transfer({ from: 0, nonce: 1, gwei: 8 }), transfer({ from: 1 })]
    await fixture.add(a0, transfer({ from: 0, nonce: 1, gwei: 8 }), b0)
    const best = fixture.pool.best(0n)
    expect(best.next()).toEqual(a0)
    best.skipSender()
    expect(drain(best)).toEqual([b0])
  })

  it('go on while the pool changes under them', async () => {
    const fixture = await PoolFixture.create()
    const line = times(4, (nonce) => transfer({ from: 0, nonce, gwei: 5 }))
    const late = transfer({ from: 1, gwei: 2 })
    await fixture.add(...line, late)
    const best = fixture.pool.best(0n)
    expect(best.next()).toEqual(line[0])
    fixture.chain.mine(line.slice(0, 3))
    await fixture.pool.settled()
    const replacement = transfer({ from: 0, nonce: 3, gwei: 7 })
    await fixture.add(replacement)
    // The next of the sender has left; another template will go on there.
    expect(drain(best)).toEqual([late])
    expect(drain(fixture.pool.best(0n))).toEqual([replacement, late])
  })
})

describe('contents', () => {
  it('are grouped by sender, in nonce order', async () => {
    const fixture = await PoolFixture.create()
    const [one, gapped] = [transfer({ from: 0 }), transfer({ from: 0, nonce: 2 })]
    const other = transfer({ from: 1 })
    await fixture.add(gapped, one, other)
    expect([...fixture.pool.content()]).toEqual([
      { sender: address(0), pending: [one], queued: [gapped] },
      { sender: address(1), pending: [other], queued: [] },
    ])
    expect(fixture.pool.contentFrom(address(9))).toEqual({ sender: address(9), pending: [], queued: [] })
  })

  it('do not lower the nonce of an account that has moved on', async () => {
    const fixture = await PoolFixture.create()
    expect(fixture.pool.pendingNonce(address(0), 4n)).toBe(4n)
    await fixture.add(transfer({ from: 0 }))
    expect(fixture.pool.pendingNonce(address(0), 0n)).toBe(1n)
    expect(fixture.pool.pendingNonce(address(0), 4n)).toBe(4n)
  })
})
