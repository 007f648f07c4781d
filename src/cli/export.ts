import type { Command } from 'commander'
import { exportBlocks } from '../node/block-export.ts'
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
    .argument('<file>', 'file to write: RLP, one block after the other')
    .argument('[first]', 'first block (default: genesis)')
    .argument('[last]', 'last block (default: the head)')
    .action(async (file: string, first: string | undefined, last: string | undefined, flags: Flags) =>
      run(
        file,
        { first: height('first', first), last: height('last', last) },
        await loadConfig(flags, process.env),
        flags.json === true,
      ),
    )
  addExamples(command, 'idobata export blocks.rlp 1 1000')
  addOptions(command, ['datadir', 'config', 'genesis', 'dev', 'verbosity'])
  addJsonOption(command)
}

function height(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (!/^\d{1,15}$/.test(text)) throw new ConfigError(`${name}: "${text}" is no block number`)
  return Number(text)
}

interface Range {
  readonly first: number | undefined
  readonly last: number | undefined
}

async function run(file: string, range: Range, config: NodeConfig, json: boolean): Promise<void> {
  const logger = createLog(config.verbosity, json ? process.stderr : process.stdout, systemClock.nowMs)
  const ledger = await openLedger(
    { datadir: config.datadir, genesis: await loadGenesis(config), dev: config.dev },
    { clock: systemClock, logger },
  )
  try {
    const { first = 0, last = ledger.chain.head.header.number } = range
    if (first > last) throw new ConfigError(`there is nothing from block ${first} to block ${last}`)
    const head = ledger.chain.head.header.number
    if (last > head) throw new ConfigError(`last: ${last} is above the head, ${head}`)
    const blocks = last - first + 1
    const progress = createProgress(blocks, 'blocks')
    const bytes = await exportBlocks(ledger.chain, file, { first, last }, (done) => progress.update(done, ''))
      .catch(refuseFile(file))
      .finally(() => progress.stop())
    logger.info('done', { blocks, bytes, file })
    if (json) printJson({ blocks, bytes, file })
  } finally {
    await ledger.close()
    logger.close()
  }
}

function refuseFile(file: string): (error: NodeJS.ErrnoException) => never {
  return (error) => {
    if (error.syscall === 'open') throw new ConfigError(`${file}: cannot be written (${error.code})`)
    throw error
  }
}
