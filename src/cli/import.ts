import { stat } from 'node:fs/promises'
import { Command } from 'commander'
import { type ImportCounts, importBlocks } from '../node/block-import.ts'
import { ConfigError, type Flags, type NodeConfig, resolveConfig } from '../node/config.ts'
import { loadGenesis } from '../node/genesis-file.ts'
import { openLedger } from '../node/ledger.ts'
import { systemClock } from '../node/system.ts'
import { createLog } from './log.ts'
import { addOptions } from './options.ts'
import { createProgress } from './progress.ts'

export function importCommand(): Command {
  const command = new Command('import')
    .argument('<file>', 'blocks in RLP, one after the other')
    .description('add the blocks of a file; those that are known are skipped, so it can be run again')
    .addHelpText('after', '\nExample:\n  $ idobata import blocks.rlp --datadir /srv/idobata')
    .action((file: string, flags: Flags) => run(file, resolveConfig(flags, process.env)))
  return addOptions(command, ['datadir', 'genesis', 'verbosity'])
}

async function run(file: string, config: NodeConfig): Promise<void> {
  const { size } = await stat(file).catch((error: NodeJS.ErrnoException) => {
    throw new ConfigError(`${file}: cannot be read (${error.code})`)
  })
  const logger = createLog(config.verbosity, process.stdout, systemClock.nowMs)
  const ledger = await openLedger(
    { datadir: config.datadir, genesis: await loadGenesis(config), dev: false },
    { clock: systemClock, logger },
  )
  const interrupt = new AbortController()
  const onSignal = () => interrupt.abort()
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal)
  const progress = createProgress(size, 'bytes')
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
    logger.info(outcome, { ...counts, head: ledger.chain.head.header.number })
    await ledger.close()
    logger.close()
  }
}
