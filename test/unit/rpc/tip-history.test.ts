import { expect, test } from 'vitest'
import type { ChainBlock } from '../../../src/rpc/backend.ts'
import { TipHistory } from '../../../src/rpc/tip-history.ts'
import { fakeBackends, GWEI } from './fake-backends.ts'
import { signedByViem } from './signed.ts'

const TO = `0x${'0b'.repeat(20)}` as const

/** Blocks of transfers at these tips, gwei, and what is read of them. */
async function history(tips: readonly (readonly number[])[], maxTips: number) {
  const blocks = await Promise.all(
    tips.map(async (ofBlock) => ({
      transactions: await Promise.all(
        ofBlock.map((tip, nonce) =>
          signedByViem({ to: TO, nonce, maxFeePerGas: 99n * GWEI, maxPriorityFeePerGas: BigInt(tip) * GWEI }),
        ),
      ),
    })),
  )
  const { chain, blocks: chainBlocks } = fakeBackends({ blocks })
  const target = new TipHistory({ maxTips }, { chain })
  const read: number[] = []
  const ask = async (number: number, percentiles: readonly number[] = [0, 50, 100]) => {
    const paid = await target.percentiles(chainBlocks[number] as ChainBlock, percentiles, (count) => read.push(count))
    return paid?.map((tip) => Number(tip / GWEI))
  }
  return { ask, read }
}

test('tips are weighed by gas, equal ones counted together, whatever their order in the block', async () => {
  const { ask } = await history([[5, 1, 5, 3], []], 100)
  expect(await ask(1, [0, 25, 26, 50, 51, 100])).toEqual([1, 1, 3, 3, 5, 5])
  expect(await ask(2)).toBeUndefined()
})

test('a block is read once; which is read again when others have taken its place is bounded by what they hold', async () => {
  const { ask, read } = await history([[1], [2, 2, 2, 2], [], [1, 2, 3, 4]], 5)
  for (let i = 0; i < 3; i++) expect(await ask(1)).toEqual([1, 1, 1])
  expect(await ask(2)).toEqual([2, 2, 2])
  expect(await ask(3)).toBeUndefined()
  expect(read.splice(0)).toEqual([1, 4, 0])
  // Two tips of two blocks and three blocks are five; asked for last, 1 stays longest.
  for (const number of [3, 2, 1]) await ask(number)
  expect(read).toEqual([])
  expect(await ask(4)).toEqual([1, 2, 4])
  await ask(4)
  expect(read.splice(0)).toEqual([4])
  for (const number of [1, 3, 2]) await ask(number)
  expect(read).toEqual([1, 0, 4])
})
