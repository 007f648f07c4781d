import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { DeepReorgReport } from './deep-reorg-run.ts'
import { mib } from './measure.ts'
import type { Scenario } from './scenario.ts'

const PROGRAM = join(import.meta.dirname, 'deep-reorg-run.ts')
/** Blocks that are left and transactions in each. The long form takes some minutes; as objects its blocks would need a gigabyte. */
const LONG = { depth: 400, perBlock: 700 }
const QUICK = { depth: 40, perBlock: 100 }
const HEAP_MIB = 400
/** Most of it is what comes back into the pool: 65,536 transactions. */
const MAX_GROWTH_MIB = 250
/** The slowest single thing is to decode or write one full block. */
const MAX_STALL_MS = 250

export const deepReorg: Scenario = {
  name: 'deep-reorg',
  claim: 'a reorg of hundreds of full blocks needs no more memory than one of a few, and leaves the thread to others',
  async run({ quick }) {
    const { depth, perBlock } = quick ? QUICK : LONG
    const args = [`--max-old-space-size=${HEAP_MIB}`, PROGRAM, `${depth}`, `${perBlock}`]
    const { stdout } = await promisify(execFile)(process.execPath, args)
    const report = JSON.parse(stdout) as DeepReorgReport
    const { left, joined, beforeMib, mostMib, longestStallMs, cpuMs, faults } = report
    const growth = mostMib - beforeMib
    return [
      { name: 'blocks left, joined', value: `${left}, ${joined}`, bar: `${depth} left`, pass: left === depth },
      { name: 'transactions a block', value: `${perBlock}` },
      { name: 'memory before, most', value: `${mib(beforeMib)}, ${mib(mostMib)}` },
      { name: 'grown by', value: mib(growth), bar: `at most ${MAX_GROWTH_MIB} MiB`, pass: growth <= MAX_GROWTH_MIB },
      { name: 'processor time', value: `${Math.round(cpuMs)} ms` },
      {
        name: 'longest time without the thread',
        value: `${Math.round(longestStallMs)} ms`,
        // On a machine that others use as well it says nothing.
        bar: `${MAX_STALL_MS} ms on a quiet machine`,
      },
      { name: 'faults', value: faults.join('; ') || 'none', bar: 'none', pass: faults.length === 0 },
    ]
  },
}
