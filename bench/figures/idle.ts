import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { belowLimit } from '../support/figure.ts'
import { PeerProcess, untilAnswer } from '../support/peer-process.ts'
import { startChild } from '../support/session.ts'
import type { FigureGroup } from './group.ts'

/** What a node takes that has peers and nothing to do. */
export const idle: FigureGroup = {
  names: ['idle', 'idle-memory'],
  async measure({ plan: { rpc, idle: plan }, judged, log }) {
    const node = await PeerProcess.start(rpc.accounts, 'peer')
    const peers = startChild('idle-peers-run.ts', [rpc.accounts, plan.peers, node.address])
    const closed = once(peers, 'close')
    try {
      log(`idle with ${plan.peers} peers`)
      const { value: line } = await createInterface(peers.stdout)[Symbol.asyncIterator]().next()
      assert(line !== undefined, 'bench/idle-peers-run.ts ended before all were connected')
      await untilAnswer(
        () => node.peers(),
        (count) => count === plan.peers,
        'peers',
      )
      // Until all have said who they are, meshes are grafted and the first questions to the DHT are over.
      await sleep(plan.settleMs)
      await node.report()
      const startMs = performance.now()
      await sleep(plan.forMs)
      const elapsedMs = performance.now() - startMs
      const { cpuMicros, mainCpuMicros, rssBytes } = await node.report()
      const percent = (micros: number) => micros / 10 / elapsedMs
      log(`${percent(mainCpuMicros).toFixed(2)} % of a core on the main thread`)
      return [
        belowLimit({ name: 'idle', value: percent(cpuMicros), unit: '% of a core' }, 5, judged),
        belowLimit({ name: 'idle-memory', value: rssBytes / 2 ** 20, unit: 'MiB RSS' }, 250, judged),
      ]
    } finally {
      peers.stdin.end()
      await closed
      await node.stop()
    }
  },
}
