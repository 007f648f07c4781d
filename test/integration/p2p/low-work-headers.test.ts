import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { appendLeaf, historyLeaf, NO_PEAKS } from '../../../src/chain/history.ts'
import { createPow } from '../../../src/consensus/pow.ts'
import { SyncDriver } from '../../../src/p2p/sync/driver.ts'
import type { HashedHeader } from '../../../src/primitives/header.ts'
import { GENESIS_TIMESTAMP } from '../../support/header-chain.ts'
import { CHEAP_POW, HeaderMaker } from '../../support/header-maker.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { SimulatedPeers } from '../../support/simulated-peers.ts'
import { openTestChain } from '../../support/test-chain.ts'
import { testGenesis } from '../../support/test-genesis.ts'

/** Headers of as little work as the rules allow; LOW_WORK_HEADERS=1000000 is the long form, ten minutes or so. */
const HEADERS = Number(process.env.LOW_WORK_HEADERS ?? 10_000)
const MAX_GROWTH_BYTES = 20 * 1024 * 1024

const pow = { ...CHEAP_POW, genesisDifficulty: 1n }
const engine = createPow(pow, {})
const genesis = testGenesis({ header: { difficulty: 1n } })

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

function usedBytes(): number {
  collectGarbage()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

function diskBytes(directory: string): number {
  return readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0)
}

it(`${HEADERS} valid headers of little work take no memory worth naming, nothing on disk, and cost their sender the connection`, {
  timeout: 3_600_000,
}, async () => {
  const clock = new ManualClock((GENESIS_TIMESTAMP + 20 * HEADERS) * 1000)
  const { chain, directory, remove } = await openTestChain({ genesis }, engine, { clock })
  const { tip } = chain.branch(chain.genesisHash)!
  const peaks = appendLeaf(NO_PEAKS, historyLeaf(tip.hash, tip.header)).peaks
  const maker = new HeaderMaker({ ...tip, peaks }, { chainId: chain.params.chainId, pow })
  const peers = new SimulatedPeers(clock)
  // One after the other, as they are asked for; nobody asks twice for a chain that has not shown its work.
  const headers = (number: number): HashedHeader | undefined => {
    if (number > HEADERS) return undefined
    expect(number).toBe(maker.tip.header.number + 1)
    return maker.next()
  }
  const claim = { number: HEADERS, totalDifficulty: 10n ** 15n }
  peers.set('attacker', { blocks: [], totalDifficulty: 1n, claim, headers })
  const reports: string[] = []
  const driver = new SyncDriver(
    { minimumWork: 0n, maxFutureSeconds: 15 },
    {
      chain,
      requests: peers,
      clock,
      pacer: { pause: () => undefined },
      secret: () => crypto.getRandomValues(new Uint8Array(32)),
      report: (peer, fault) => {
        reports.push(`${peer}: ${fault.message}`)
        driver.disconnected(peer)
      },
      onChange: () => undefined,
      onFailure: (error) => reports.push(error.message),
    },
  )
  const [memoryBefore, diskBefore] = [usedBytes(), diskBytes(directory)]
  let peak = 0
  let measuredAt = 0
  driver.start()
  driver.connected('attacker', true)
  while (reports.length === 0) {
    await setImmediate()
    clock.advance(5)
    const { number } = maker.tip.header
    if (number - measuredAt < HEADERS / 20) continue
    measuredAt = number
    peak = Math.max(peak, usedBytes())
  }
  expect(reports).toEqual(['attacker: false-claim'])
  expect(maker.tip.header.number).toBe(HEADERS)
  expect(peak).toBeGreaterThan(0)
  expect(peak - memoryBefore).toBeLessThan(MAX_GROWTH_BYTES)
  expect(diskBytes(directory) - diskBefore).toBe(0)
  expect(chain.head.header.number).toBe(0)
  console.log(`${HEADERS} headers: memory +${((peak - memoryBefore) / 2 ** 20).toFixed(1)} MiB, disk +0`)
  await driver.stop()
  await remove()
})
