import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { appendLeaf, historyLeaf, NO_PEAKS } from '../../src/chain/history.ts'
import { createPow } from '../../src/consensus/pow.ts'
import { SyncDriver } from '../../src/p2p/sync/driver.ts'
import type { HashedHeader } from '../../src/primitives/header.ts'
import { GENESIS_TIMESTAMP } from '../support/header-chain.ts'
import { CHEAP_POW, HeaderMaker } from '../support/header-maker.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { SimulatedPeers } from '../support/simulated-peers.ts'
import { openTestChain } from '../support/test-chain.ts'
import { testGenesis } from '../support/test-genesis.ts'
import type { Scenario } from './scenario.ts'

/** Headers of as little work as the rules allow. The long form takes ten minutes or so. */
const HEADERS = 1_000_000
const QUICK_HEADERS = 10_000
const MAX_GROWTH_MIB = 20
const MIB = 2 ** 20

const pow = { ...CHEAP_POW, genesisDifficulty: 1n }
const engine = createPow(pow, {})
const genesis = testGenesis({ header: { difficulty: 1n } })

export const lowWork: Scenario = {
  name: 'low-work',
  claim: 'a million valid headers of little work take no memory, no disk, and cost their sender the connection',
  async run({ quick, log }) {
    setFlagsFromString('--expose-gc')
    const collectGarbage = runInNewContext('gc') as () => void
    const usedBytes = () => {
      collectGarbage()
      const { heapUsed, external } = process.memoryUsage()
      return heapUsed + external
    }
    const count = quick ? QUICK_HEADERS : HEADERS
    const clock = new ManualClock((GENESIS_TIMESTAMP + 20 * count) * 1000)
    const { chain, directory, remove } = await openTestChain({ genesis }, engine, { clock })
    const { tip } = chain.branch(chain.genesisHash)!
    const peaks = appendLeaf(NO_PEAKS, historyLeaf(tip.hash, tip.header)).peaks
    const maker = new HeaderMaker({ ...tip, peaks }, { chainId: chain.params.chainId, pow })
    const peers = new SimulatedPeers(clock)
    const reports: string[] = []
    // One after the other, as they are asked for; nobody asks twice for a chain that has not shown its work.
    const headers = (number: number): HashedHeader | undefined => {
      if (number > count) return undefined
      if (number !== maker.tip.header.number + 1) reports.push(`asked for ${number} out of turn`)
      return maker.next()
    }
    const claim = { number: count, totalDifficulty: 10n ** 15n }
    peers.set('attacker', { blocks: [], totalDifficulty: 1n, claim, headers })
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
      if (number - measuredAt < count / 20) continue
      measuredAt = number
      log(`${number} headers`)
      peak = Math.max(peak, usedBytes())
    }
    const growth = (peak - memoryBefore) / MIB
    const written = diskBytes(directory) - diskBefore
    const asked = maker.tip.header.number
    const { number } = chain.head.header
    await driver.stop()
    await remove()
    const dropped = reports.join() === 'attacker: false-claim'
    return [
      { name: 'headers that were verified', value: `${asked}`, bar: `${count}`, pass: asked === count },
      {
        name: 'memory at most',
        value: `+ ${growth.toFixed(1)} MiB`,
        bar: `< ${MAX_GROWTH_MIB} MiB`,
        pass: peak > 0 && growth < MAX_GROWTH_MIB,
      },
      { name: 'disk', value: `+ ${written} bytes`, bar: '0', pass: written === 0 },
      { name: 'head of the chain', value: `#${number}`, bar: '#0', pass: number === 0 },
      { name: 'what was reported', value: reports.join(), bar: 'attacker: false-claim', pass: dropped },
    ]
  },
}

function diskBytes(directory: string): number {
  return readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0)
}
