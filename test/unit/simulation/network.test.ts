import { expect, test } from 'vitest'
import { RECORDED_COSTS } from '../../simulation/costs.ts'
import { SimulatedNetwork, type Wave } from '../../simulation/network.ts'

const LINK = { latencyMs: 50, uplink: 6_250 }

async function wave(seed: number, { costs = RECORDED_COSTS, empty = 0 } = {}): Promise<Wave> {
  const network = await SimulatedNetwork.create({ nodes: 12, senders: 6, seed, link: LINK, costs })
  try {
    await network.transfers(60, 5, 1_000)
    await network.pass(2_000)
    await network.emptyPools(empty)
    return await network.block(60)
  } finally {
    await network.close()
  }
}

test('the same seed brings the same wave, another one another', async () => {
  const [first, again, other] = [await wave(1), await wave(1), await wave(2)]
  expect(again).toEqual(first)
  expect(other.delaysMs).not.toEqual(first.delaysMs)
  expect(first).toMatchObject({ transactions: 60, alone: 11 })
})

test('a wave takes the latency of its links and the time that work takes', async () => {
  const slow = { ...RECORDED_COSTS, root: RECORDED_COSTS.root + 100 }
  const [quick, slowed] = [await wave(1), await wave(1, { costs: slow })]
  expect(Math.min(...quick.delaysMs)).toBeGreaterThan(LINK.latencyMs + RECORDED_COSTS.execution + RECORDED_COSTS.root)
  expect(Math.min(...slowed.delaysMs) - Math.min(...quick.delaysMs)).toBeCloseTo(100)
})

test('nodes that lack transactions ask for them, and have the block all the same', async () => {
  const { alone, delaysMs, transactions } = await wave(1, { empty: 4 })
  expect({ alone, transactions, whole: delaysMs.length }).toEqual({ alone: 7, transactions: 60, whole: 11 })
})
