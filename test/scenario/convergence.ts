import { shuffled } from '../simulation/mesh.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { blockAt, LinkedNodes, within } from './linked-nodes.ts'
import type { Finding, Scenario, ScenarioOptions } from './scenario.ts'

const FULL = { nodes: 20, links: 6, blocks: 10 }
const QUICK = { nodes: 5, links: 3, blocks: 3 }
/** Node 0 is the one that all others begin at; these make blocks. */
const MINERS: readonly [number, number] = [1, 2]
const LATENCY_MS = { least: 20, most: 200 }
const CUT_SHARE = 0.05
const KILLED_SHARE = 0.3
/** Seconds in which something must have happened. */
const PATIENCE = 90
/** Choices of whom to kill. */
const MAX_DRAWS = 100

/** Full nodes as processes, on cables of random latency. */
export const convergence: Scenario = {
  name: 'convergence',
  claim: 'links of 20 to 200 ms, some cut, nodes killed, then the bootnode: the survivors agree on one chain',
  async run({ quick, seed, log }: ScenarioOptions): Promise<readonly Finding[]> {
    const shape = quick ? QUICK : FULL
    const random = seededRandom(seed)
    const network = new LinkedNodes()
    try {
      await network.start(shape.nodes, new Set(MINERS))
      for (const [a, b] of topology(shape.nodes, shape.links, random)) {
        await network.join(a, b, LATENCY_MS.least + random() * (LATENCY_MS.most - LATENCY_MS.least))
      }
      log(`${shape.nodes} nodes, ${network.pairs.length} links, 2 miners`)
      const findings: Finding[] = []
      let height = 0
      const agree = async (what: string) => {
        const startMs = performance.now()
        const least = height + shape.blocks
        const found = await within(PATIENCE, async () => {
          const agreement = await network.agreement()
          return agreement !== undefined && agreement.number >= least ? agreement : undefined
        })
        const took = ((performance.now() - startMs) / 1000).toFixed(0)
        if (found === undefined) {
          const heads = await Promise.all(network.all.map((node) => blockAt(node, 'latest')))
          log(
            `no agreement on #${least}: ${heads.map((head) => `#${Number(head!.number)} ${head!.hash.slice(0, 8)}`).join(', ')}`,
          )
        }
        const value = found === undefined ? 'no' : `#${found.number} after ${took} s, ${found.apart} apart`
        findings.push({
          name: what,
          value,
          bar: `${shape.blocks} more blocks, heads ≤ 2 apart`,
          pass: found !== undefined,
        })
        height = found?.number ?? height
      }
      await agree(`${network.all.length} nodes, mining`)

      const cut = shuffled(network.pairs, random).slice(0, Math.ceil(CUT_SHARE * network.pairs.length))
      for (const { links } of cut) for (const link of links) link.cut()
      log(`${cut.length} links cut: ${cut.map(({ between }) => between.join('–')).join(', ')}`)
      await agree(`${cut.length} of ${network.pairs.length} links cut`)
      network.restore(cut)

      const mortal = network.all.map(({ number }) => number).filter((number) => number !== 0 && number !== MINERS[0])
      const survivors = (some: readonly number[]) =>
        network.all.map(({ number }) => number).filter((number) => number !== 0 && !some.includes(number))
      const draw = () => shuffled(mortal, random).slice(0, Math.floor(KILLED_SHARE * shape.nodes))
      let doomed = draw()
      // Who is left with no way to the others cannot agree with them.
      for (let draws = 1; draws < MAX_DRAWS && !areConnected(survivors(doomed), network.pairs); draws++) doomed = draw()
      for (const number of doomed) await network.kill(number)
      log(`killed: ${doomed.join(', ')}`)
      await agree(`${doomed.length} of ${shape.nodes} nodes killed, links restored`)

      await network.kill(0)
      log('the bootnode killed')
      await agree('the bootnode killed too')
      for (const { number, rpc } of network.all) if (MINERS.includes(number)) await rpc.call('miner_stop')
      const still = await within(PATIENCE, async () => ((await network.agreement())?.apart === 0 ? true : undefined))
      findings.push({
        name: 'when nobody mines any more',
        value: still ? 'one head' : 'several',
        bar: 'one head',
        pass: still ?? false,
      })
      return findings
    } finally {
      await network.stop()
    }
  },
}

/** All with node 0, and with each other at random until each has so many links or more. */
function topology(nodes: number, links: number, random: () => number): (readonly [number, number])[] {
  const numbers = Array.from({ length: nodes }, (_, i) => i)
  const degree = new Map(numbers.map((number) => [number, number === 0 ? links : 1]))
  const pairs = numbers.slice(1).map((number): readonly [number, number] => [0, number])
  const possible = numbers.slice(1).flatMap((a) => numbers.slice(a + 1).map((b) => [a, b] as const))
  for (const [a, b] of shuffled(possible, random)) {
    if (degree.get(a)! >= links && degree.get(b)! >= links) continue
    pairs.push([a, b])
    degree.set(a, degree.get(a)! + 1)
    degree.set(b, degree.get(b)! + 1)
  }
  return pairs
}

/** Whether cables lead from each of `numbers` to each other one, by way of no others. */
function areConnected(numbers: readonly number[], pairs: LinkedNodes['pairs']): boolean {
  const reached = new Set(numbers.slice(0, 1))
  for (const from of reached) {
    for (const { between } of pairs) {
      const [a, b] = between
      const to = a === from ? b : b === from ? a : undefined
      if (to !== undefined && numbers.includes(to)) reached.add(to)
    }
  }
  return reached.size === numbers.length
}
