import { DemoWallet } from '../../demo/wallet.ts'
import { blockAt, type LinkedNode, LinkedNodes, within } from './linked-nodes.ts'
import type { Finding, Scenario, ScenarioOptions } from './scenario.ts'

const FULL = { half: 4, blocks: 6 }
const QUICK = { half: 1, blocks: 2 }
const LATENCY_MS = 50
/** Seconds in which something must have happened: two minutes until gossip has forgotten what it carried, on a machine that is busy. */
const PATIENCE = 300

/** Two halves of a network, as processes, with one miner each. The second half's stops first, so that the first half's chain is the heavier. */
export const partition: Scenario = {
  name: 'partition',
  claim: 'two halves mine apart and meet again: the heavier chain wins, transactions of the lighter are confirmed',
  async run({ quick, log }: ScenarioOptions): Promise<readonly Finding[]> {
    const { half, blocks } = quick ? QUICK : FULL
    const network = new LinkedNodes()
    try {
      await network.start(2 * half, new Set([0, half]))
      for (const number of [0, half]) await network.node(number).rpc.call('miner_stop')
      const across = await join(network, half)
      for (const pair of across) for (const link of pair.links) link.cut()
      if (half > 1) await within(PATIENCE, async () => ((await network.connected()) ? true : undefined))
      const numbered = network.all.toSorted((a, b) => a.number - b.number)
      const [heavy, light] = [numbered.slice(0, half), numbered.slice(half)]
      const [heavyMiner, lightMiner] = [heavy[0]!, light[0]!]

      const wallet = new DemoWallet(light.at(-1)!.rpc)
      await settled(light)
      await wallet.send()
      await lightMiner.rpc.call('miner_start', [1])
      await within(PATIENCE, async () => ((await wallet.confirmed()) === wallet.sent ? true : undefined))
      await reached(light, blocks)
      await lightMiner.rpc.call('miner_stop')
      const lost = (await settled(light))!
      log(`the lighter half: #${Number(lost.number)}, ${wallet.sent} transactions confirmed`)
      await heavyMiner.rpc.call('miner_start', [1])
      await reached(heavy, Number(lost.number) + blocks)
      const before = (await blockAt(heavyMiner, 'latest'))!
      log(`the heavier half: #${Number(before.number)}`)
      const apart = (await blockAt(lightMiner, 'latest'))!.hash === lost.hash

      network.restore(across)
      const merged = await within(PATIENCE, () => network.agreement())
      const kept = await Promise.all(
        network.all.map(async (node) => (await blockAt(node, Number(before.number)))?.hash),
      )
      const confirmed = await within(PATIENCE, async () => {
        const counts = await Promise.all(network.all.map(({ rpc }) => new DemoWallet(rpc).confirmed()))
        return counts.every((count) => count === wallet.sent) ? true : undefined
      })
      return [
        {
          name: 'while apart, the halves know nothing of each other',
          value: apart ? 'so' : 'they do',
          bar: 'so',
          pass: apart,
        },
        {
          name: 'all agree after healing',
          value: merged === undefined ? 'no' : `#${merged.number}`,
          bar: 'yes',
          pass: merged !== undefined,
        },
        {
          name: 'nodes on the heavier chain',
          value: `${kept.filter((hash) => hash === before.hash).length}`,
          bar: `all ${network.all.length}`,
          pass: kept.every((hash) => hash === before.hash),
        },
        {
          name: `the lighter chain's transactions confirmed everywhere`,
          value: confirmed ? `${wallet.sent} of ${wallet.sent}` : 'not all',
          bar: 'all',
          pass: confirmed ?? false,
        },
      ]
    } finally {
      await network.stop()
    }
  },
}

/** A ring in each half, and a cable from each node to its counterpart; returns those. */
async function join(network: LinkedNodes, half: number) {
  for (let i = 0; i < half; i++) {
    const next = (i + 1) % half
    if (next === i || (half === 2 && i === 1)) continue
    await network.join(i, next, LATENCY_MS)
    await network.join(half + i, half + next, LATENCY_MS)
  }
  const inside = network.pairs.length
  for (let i = 0; i < half; i++) await network.join(i, half + i, LATENCY_MS)
  return network.pairs.slice(inside)
}

async function reached(nodes: readonly LinkedNode[], height: number): Promise<void> {
  await within(PATIENCE, async () => {
    const heads = await Promise.all(nodes.map((node) => blockAt(node, 'latest')))
    return heads.every((head) => Number(head!.number) >= height) ? true : undefined
  })
}

/** The head that all have, once nobody mines. */
function settled(nodes: readonly LinkedNode[]) {
  return within(PATIENCE, async () => {
    const heads = await Promise.all(nodes.map((node) => blockAt(node, 'latest')))
    return new Set(heads.map((head) => head!.hash)).size === 1 ? heads[0] : undefined
  })
}
