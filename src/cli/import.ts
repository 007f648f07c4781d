import { stat } from 'node:fs/promises'
import type { Command } from 'commander'
import { type ImportCounts, importBlocks } from '../node/block-import.ts'
import { ConfigError, type Flags, type NodeConfig } from '../node/config.ts'
import { loadConfig } from '../node/config-file.ts'
import { loadGenesis } from '../node/genesis-file.ts'
import { openLedger } from '../node/ledger.ts'
import { systemClock } from '../node/system.ts'
import { createLog } from './log.ts'
import { addExamples, addJsonOption, addOptions } from './options.ts'
import { printJson } from './output.ts'
import { createProgress } from './progress.ts'

export function build(command: Command): void {
  command
    .argument('<file>', 'blocks in RLP, one after the other; those that are known are skipped, so it can be run again')
    .action(async (file: string, flags: Flags) => run(file, await loadConfig(flags, process.env), flags.json === true))
  addExamples(command, 'idobata import blocks.rlp --datadir /srv/idobata')
  addOptions(command, ['datadir', 'config', 'genesis', 'dev', 'verbosity'])
  addJsonOption(command)
}

async function run(file: string, config: NodeConfig, json: boolean): Promise<void> {
  const stats = await stat(file).catch((error: NodeJS.ErrnoException) => {
    throw new ConfigError(`${file}: cannot be read (${error.code})`)
  })
  if (stats.isDirectory()) throw new ConfigError(`${file}: is a directory, not a file of blocks`)
  const logger = createLog(config.verbosity, json ? process.stderr : process.stdout, systemClock.nowMs)
  const ledger = await openLedger(
    { datadir: config.datadir, genesis: await loadGenesis(config), dev: config.dev },
    { clock: systemClock, logger },
  )
  const interrupt = new AbortController()
  const onSignal = () => interrupt.abort()
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal)
  const progress = createProgress(stats.size, 'bytes')
  let outcome = 'stopped'
  let counts: ImportCounts = { imported: 0, skipped: 0, future: 0 }
  try {
    await importBlocks(ledger.chain, file, {
      signal: interrupt.signal,
      onProgress: ({ bytes, ...latest }) => {
        counts = latest
        progress.update(bytes, `${latest.imported} blocks`)
      },
    })
    outcome = interrupt.signal.aborted ? 'interrupted; run it again to go on' : 'done'
  } finally {
    progress.stop()
    const facts = { ...counts, head: ledger.chain.head.header.number }
    logger.info(outcome, facts)
    if (json) printJson(facts)
    await ledger.close()
    logger.close()
  }
}
