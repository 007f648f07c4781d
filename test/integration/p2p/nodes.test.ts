import { expect, test } from 'vitest'
import { clientOf, startNode, walletOf } from '../../support/network-nodes.ts'
import { eventually } from '../../support/p2p-hosts.ts'

const NOBODY = `0x${'ee'.repeat(20)}` as const

test('a transaction handed to one node is mined by another and seen by all', async () => {
  const miner = await startNode({ mine: true })
  const [near, far] = await Promise.all([
    startNode({ network: { bootnodes: miner.addresses } }),
    startNode({ network: { bootnodes: miner.addresses } }),
  ])
  await eventually(() => expect(near.status().peers + far.status().peers).toBe(2))
  const hash = await walletOf(near).sendTransaction({ to: NOBODY, value: 5n })
  const { blockHash } = await clientOf(far).waitForTransactionReceipt({ hash })
  expect(await clientOf(miner).getTransactionReceipt({ hash })).toMatchObject({ blockHash })
  expect(await clientOf(far).getBalance({ address: NOBODY })).toBe(5n)
  await eventually(async () => expect((await clientOf(near).getBlock()).hash).toBe(blockHash))
})
