import { rmSync } from 'node:fs'
import type { monitorEventLoopDelay } from 'node:perf_hooks'
import type { FullNode } from '../../src/node/full.ts'

/** What a node's process tells of the time since it was asked before. */
export interface NodeReport {
  /** 0 where it is not watched, which wakes the process a hundred times a second. */
  readonly delayP99Ms: number
  /** Of the main thread, and of all of them. */
  readonly mainCpuMicros: number
  readonly cpuMicros: number
  /** As it stood, and after a collection of garbage. */
  readonly rssBytes: number
  readonly collectedRssBytes: number
}

/**
 * Tells the process that has started this one where the node serves RPC, and then, whenever it asks, how it stands; stops the
 * node when that process hangs up.
 */
export function serveReports(node: FullNode, datadir: string, delay?: ReturnType<typeof monitorEventLoopDelay>): void {
  let mainCpu = process.threadCpuUsage()
  let cpu = process.cpuUsage()
  process.on('message', () => {
    const main = process.threadCpuUsage(mainCpu)
    const all = process.cpuUsage(cpu)
    const rssBytes = process.memoryUsage.rss()
    gc!()
    const report: NodeReport = {
      delayP99Ms: (delay?.percentile(99) ?? 0) / 1e6,
      mainCpuMicros: main.user + main.system,
      cpuMicros: all.user + all.system,
      rssBytes,
      collectedRssBytes: process.memoryUsage.rss(),
    }
    process.send!(report)
    delay?.reset()
    mainCpu = process.threadCpuUsage()
    cpu = process.cpuUsage()
  })
  process.on('disconnect', async () => {
    await node.stop()
    rmSync(datadir, { recursive: true })
  })
  process.send!(node.rpcUrl)
}
