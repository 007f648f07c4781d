import { Command } from 'commander'
import { type Flags, type NodeConfig, resolveConfig } from '../node/config.ts'
import { loadGenesis } from '../node/genesis-file.ts'
import { openLedger } from '../node/ledger.ts'
import { checkDatabase, repairDatabase } from '../node/repair.ts'
import { systemClock } from '../node/system.ts'
import { StoreError } from '../primitives/errors.ts'
import { createLog, type Log } from './log.ts'
import { addOptions } from './options.ts'
import { createProgress, type Progress } from './progress.ts'

export function dbCommand(): Command {
  const command = new Command('db').description('look after the database of a data directory')
  const check = new Command('check')
    .description('read everything and say what is damaged; changes nothing')
    .addHelpText('after', '\nExample:\n  $ idobata db check --datadir /srv/idobata')
    .action((flags: Flags) => runCheck(resolveConfig(flags, process.env)))
  const repair = new Command('repair')
    .description('go back to the last intact block and make anew what follows from the blocks')
    .addHelpText('after', '\nExample:\n  $ idobata db repair --datadir /srv/idobata')
    .action((flags: Flags) => runRepair(resolveConfig(flags, process.env)))
  for (const subcommand of [check, repair]) {
    command.addCommand(addOptions(subcommand, ['datadir', 'genesis', 'dev', 'verbosity']))
  }
  return command
}

/** In the order in which they are checked. */
const PARTS = ['records', 'state', 'blocks', 'canonical chain', 'indexes', 'pool']

async function runCheck(config: NodeConfig): Promise<void> {
  // What is wrong with the genesis file is said here, not by another process.
  await loadGenesis(config)
  const log = createLog(config.verbosity, process.stdout, systemClock.nowMs)
  const { tally, findings } = await withProgress((onProgress) =>
    checkDatabase({ datadir: config.datadir, genesis: config }, onProgress),
  )
  for (const part of PARTS) {
    const found = findings.find((finding) => finding.part === part)
    if (found === undefined) log.info(`${part}: intact`)
    else log.error(`${part}: ${found.first}${found.count > 1 ? ` (and ${found.count - 1} more)` : ''}`)
  }
  const { records, accounts, blocks } = tally
  log.info(findings.length === 0 ? 'no damage found' : 'damage found', { records, accounts, blocks })
  log.close()
  if (findings.length > 0) {
    const parts = findings.map(({ part }) => part).join(', ')
    throw new StoreError(`the database in ${config.datadir} is damaged (${parts})`, 'run `idobata db repair`')
  }
}

async function runRepair(config: NodeConfig): Promise<void> {
  const genesis = await loadGenesis(config)
  const { datadir, dev } = config
  const log = createLog(config.verbosity, process.stdout, systemClock.nowMs)
  const outcome = await withProgress((onProgress) => repairDatabase({ datadir, genesis: config }, onProgress))
  if (outcome.kind === 'nothing-to-repair') {
    log.info('nothing to repair')
  } else {
    tellRepair(log, outcome)
    if (outcome.stateReset) log.info('building the state anew, from genesis on', { blocks: outcome.repaired.head })
    // Opening it does that, and shows that it can be opened.
    const ledger = await openLedger({ datadir, genesis, dev }, { clock: systemClock, logger: log })
    await ledger.close()
    log.info('repaired')
  }
  log.close()
}

function tellRepair(
  log: Log,
  { repaired, salvaged }: Extract<Awaited<ReturnType<typeof repairDatabase>>, { kind: 'repaired' }>,
) {
  const { dropped, lostBlocks, head, headBefore } = repaired
  if (salvaged) log.warn('LevelDB could not read its files; what it could not read is lost')
  for (const [table, count] of dropped) log.warn(`records lost: ${count} of the table ${table}`)
  if (lostBlocks > 0) log.warn(`blocks lost: ${lostBlocks}; sync or import them again`)
  if (head !== headBefore) log.warn(`the head is block ${head} now; it was ${headBefore ?? 'unknown'}`)
}

/** Draws how far the parts have come, one after the other. */
async function withProgress<T>(
  work: (onProgress: (part: string, done: number, total: number) => void) => Promise<T>,
): Promise<T> {
  let shown: { part: string; progress: Progress } | undefined
  try {
    return await work((part, done, total) => {
      if (total === 0) return
      if (shown?.part !== part) {
        shown?.progress.stop()
        shown = { part, progress: createProgress(total, part === 'records' ? 'bytes' : part) }
      }
      shown.progress.update(Math.min(done, total), '')
    })
  } finally {
    shown?.progress.stop()
  }
}
