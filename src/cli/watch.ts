import { setTimeout } from 'node:timers/promises'
import type { Command } from 'commander'
import type { Flags } from '../node/config.ts'
import { loadConfig } from '../node/config-file.ts'
import { wholeNumber } from '../node/setting-values.ts'
import { members } from './answers.ts'
import { argument } from './arguments.ts'
import { addClientOptions, addExamples } from './options.ts'
import { BlockWatch, describePropagation, describeStats, describeWave, type WatchedBlock } from './propagation.ts'
import { createRpcClient } from './rpc-client.ts'

/** Milliseconds between looks for a new block. */
const POLL_MS = 500
/** Blocks after which the percentiles are shown again. */
const STATS_EVERY = 20

export function build(command: Command): void {
  command.option('--blocks <count>', 'end after as many').action(run)
  addExamples(command, 'idobata watch', 'idobata watch --blocks 10 --json')
  addClientOptions(command)
}

async function run(flags: Flags): Promise<void> {
  const { blocks } = flags
  const most =
    blocks === undefined
      ? Number.POSITIVE_INFINITY
      : argument('--blocks', () => wholeNumber(1, Number.MAX_SAFE_INTEGER)(String(blocks)))
  const rpc = await createRpcClient(await loadConfig(flags, process.env))
  const watch = new BlockWatch(rpc)
  let shown = 0
  let last: WatchedBlock | undefined
  while (shown < most) {
    for (const block of await watch.next()) {
      if (shown++ === most) break
      // What others tell of a block comes seconds later: with the next one.
      const wave = last && !flags.json && describeWave(last, await rpc.call('idobata_propagation', [last.hash]))
      if (wave) process.stdout.write(`${wave}\n`)
      last = block
      process.stdout.write(flags.json ? `${JSON.stringify(block)}\n` : `${describePropagation(block)}\n`)
      if (flags.json || shown % STATS_EVERY !== 0) continue
      process.stdout.write(`${describeStats(members(await rpc.call('idobata_propagationStats'), 'statistics'))}\n`)
    }
    await setTimeout(POLL_MS)
  }
}
