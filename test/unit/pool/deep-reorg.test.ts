import { expect, it } from 'vitest'
import { StoreError } from '../../../src/primitives/errors.ts'
import { fundedChain, PoolFixture, times } from '../../support/pool-fixture.ts'
import { transfer } from '../../support/pool-transfers.ts'

it('brings back what a long reorg left behind, block by block, but not what the new branch has too', async () => {
  const fixture = await PoolFixture.create({}, { chain: fundedChain() })
  const both = times(40, (nonce) => transfer({ from: 0, nonce }))
  const lost = times(40, (nonce) => transfer({ from: 1, nonce }))
  await fixture.addAs('local', ...both, ...lost)
  for (let i = 0; i < 40; i++) fixture.chain.mine([both[i]!, lost[i]!])
  await fixture.pool.settled()
  expect(fixture.pool.status()).toEqual({ pending: 0, queued: 0 })
  fixture.chain.reorg(40, [both.slice(0, 30), ...times(40, () => [])])
  await fixture.pool.settled()
  expect(fixture.nonces(0)).toEqual({ pending: times(10, (i) => 30 + i), queued: [] })
  expect(fixture.nonces(1)).toEqual({ pending: times(40, (i) => i), queued: [] })
  const restarted = await fixture.restart()
  expect(restarted.nonces(1)).toEqual({ pending: times(40, (i) => i), queued: [] })
})

it('that is undone before it has been followed brings nothing back that is mined', async () => {
  const fixture = await PoolFixture.create({}, { chain: fundedChain() })
  const mined = times(3, (nonce) => transfer({ from: 0, nonce }))
  await fixture.add(...mined)
  fixture.chain.mine(mined)
  await fixture.pool.settled()
  fixture.chain.reorg(1, [[], []])
  fixture.chain.reorg(2, [mined, [], []])
  await fixture.pool.settled()
  expect(fixture.pool.status()).toEqual({ pending: 0, queued: 0 })
})

it('with a block that cannot be read is followed all the same, by what the accounts are', async () => {
  const fixture = await PoolFixture.create({}, { chain: fundedChain() })
  const [first, second, back] = [transfer({ from: 0 }), transfer({ from: 0, nonce: 1 }), transfer({ from: 1 })]
  await fixture.add(first, second, back)
  fixture.chain.mine([back])
  await fixture.pool.settled()
  const damaged = new StoreError('a record is damaged', 'repair it')
  fixture.chain.unreadable = (number) => (number === 1 ? damaged : undefined)
  fixture.chain.reorg(1, [[first], []])
  await fixture.pool.settled()
  expect(fixture.errors).toEqual([damaged])
  expect(fixture.nonces(0)).toEqual({ pending: [1], queued: [] })
  expect(fixture.has(back)).toBe(true)
})

it('takes back no more than may be pending, so that memory holds no more than that', async () => {
  const fixture = await PoolFixture.create({ pendingBytes: 50_000 }, { chain: fundedChain() })
  const large = times(20, (from) => transfer({ from, data: new Uint8Array(10_000), gasLimit: 100_000n }))
  for (const mined of large) fixture.chain.mine([mined])
  await fixture.pool.settled()
  fixture.chain.reorg(
    large.length,
    times(large.length + 1, () => []),
  )
  await fixture.pool.settled()
  expect(fixture.pool.status()).toEqual({ pending: 4, queued: 0 })
  expect(large.filter((each) => fixture.dropReason(each) === 'evicted')).toHaveLength(1)
})
