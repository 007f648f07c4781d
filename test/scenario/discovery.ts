import { within } from './linked-nodes.ts'
import { minedGenesis } from './mined-genesis.ts'
import { NodeProcesses, peersOf } from './processes.ts'
import type { Finding, Scenario, ScenarioOptions } from './scenario.ts'

const FULL = { nodes: 12, peers: 8 }
const QUICK = { nodes: 4, peers: 3 }
const SECONDS = 30

/** Nodes as processes that are told of one other, and nothing else. */
export const discovery: Scenario = {
  name: 'discovery',
  claim: 'given one bootnode a node has 8 peers within 30 s; with the bootnode gone a restarted node still joins',
  async run({ quick, log }: ScenarioOptions): Promise<readonly Finding[]> {
    const { nodes, peers } = quick ? QUICK : FULL
    const processes = new NodeProcesses()
    const genesis = minedGenesis()
    try {
      const bootnode = await processes.start({ genesis })
      const settings = { genesis, bootnodes: [bootnode.address] }
      const others = await processes.startAll(nodes - 1, () => settings)
      const allHave = seconds(async () => {
        const counts = await Promise.all(others.map(async (node) => (await peersOf(node)).length))
        log(`peers: ${counts.join(' ')}`)
        return counts.every((count) => count >= peers)
      })
      const found = await allHave
      const last = others.at(-1)!
      // It writes down whom it knew as it ends.
      last.process.signal('SIGTERM')
      await last.process.ended()
      await bootnode.process.kill()
      const again = await processes.start({ ...settings, home: last.home })
      const joined = await seconds(async () => (await peersOf(again)).length >= peers - 1)
      return [
        {
          name: `each of ${nodes - 1} nodes has ${peers} peers after, s`,
          value: found?.toFixed(1) ?? 'never',
          bar: `< ${SECONDS}, from the last one's start`,
          pass: found !== undefined,
        },
        {
          name: `without the bootnode a restarted one has ${peers - 1} after, s`,
          value: joined?.toFixed(1) ?? 'never',
          bar: `< ${SECONDS}`,
          pass: joined !== undefined,
        },
      ]
    } finally {
      await processes.stop()
    }
  },
}

/** Seconds until it is so; undefined: not in time. */
async function seconds(isSo: () => Promise<boolean>): Promise<number | undefined> {
  const startMs = performance.now()
  return within(SECONDS, async () => ((await isSo()) ? (performance.now() - startMs) / 1000 : undefined))
}
