import { rmSync } from 'node:fs'
import { afterEach } from 'vitest'
import { createLightNode, type FullNode, type LightNode, parseGenesis } from '../../src/index.ts'
import { devGenesis } from '../../src/node/dev.ts'
import { temporaryDirectory } from './test-chain.ts'

const started = new Set<{ readonly node: LightNode; readonly datadir: string }>()

afterEach(async () => {
  await Promise.all([...started].map(({ node }) => node.stop()))
  for (const { datadir } of started) rmSync(datadir, { recursive: true, force: true })
  started.clear()
})

/** A light node that knows these full ones, and is at their head; stopped after the test. */
export async function startLightNode(
  peers: readonly FullNode[],
  { genesis = devGenesis(), datadir = temporaryDirectory(), vouchers = 1 } = {},
): Promise<LightNode> {
  const node = createLightNode({
    datadir,
    genesis: parseGenesis(genesis),
    bootnodes: peers.map(({ addresses }) => addresses[0]!),
    vouchers,
  })
  started.add({ node, datadir })
  await node.start()
  await node.waitUntilSynced(AbortSignal.timeout(120_000))
  return node
}
