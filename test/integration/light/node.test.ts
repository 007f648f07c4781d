import { expect, test } from 'vitest'
import type { FullNode, LightNode } from '../../../src/index.ts'
import { devAccounts } from '../../../src/node/dev.ts'
import { toHex } from '../../../src/primitives/bytes.ts'
import { startLightNode } from '../../support/light-nodes.ts'
import { startNode, walletOf } from '../../support/network-nodes.ts'
import { eventually } from '../../support/p2p-hosts.ts'

const [RICH, OTHER] = devAccounts().map(({ address }) => toHex(address)) as [`0x${string}`, `0x${string}`]

const ask = (node: LightNode | FullNode, method: string, ...params: unknown[]) => node.request({ method, params })

test('a light node shows what a full one has, and what it is asked to send is mined', async () => {
  const full = await startNode({ mine: true })
  const wallet = walletOf(full)
  await wallet.sendTransaction({ to: OTHER, value: 5n })
  const light = await startLightNode([full])
  expect(await ask(light, 'eth_blockNumber')).toBe('0x1')
  expect(await ask(light, 'eth_getBalance', RICH)).toBe(await ask(full, 'eth_getBalance', RICH))
  const raw = await wallet.signTransaction(await wallet.prepareTransactionRequest({ to: OTHER, value: 7n }))
  const hash = await ask(light, 'eth_sendRawTransaction', raw)
  const receipt = await eventually(async () => {
    const found = await ask(light, 'eth_getTransactionReceipt', hash)
    expect(found).not.toBeNull()
    return found
  })
  expect(receipt).toEqual(await ask(full, 'eth_getTransactionReceipt', hash))
})
