import type { Command } from 'commander'
import type { Flags, NodeConfig } from '../node/config.ts'
import { loadConfig } from '../node/config-file.ts'
import { loadGenesis } from '../node/genesis-file.ts'
import { openLedger } from '../node/ledger.ts'
import { checkDatabase, type RepairOutcome, repairDatabase } from '../node/repair.ts'
import { systemClock } from '../node/system.ts'
import { StoreError } from '../primitives/errors.ts'
import { createLog, type Log } from './log.ts'
import { addExamples, addJsonOption, addOptions } from './options.ts'
import { printJson } from './output.ts'
import { createProgress, type Progress } from './progress.ts'

export function build(command: Command): void {
  const check = command
    .command('check')
    .description('read everything and say what is damaged; changes nothing')
    .action(async (flags: Flags) => runCheck(await loadConfig(flags, process.env), flags.json === true))
  addExamples(check, 'idobata db check --datadir /srv/idobata')
  const repair = command
    .command('repair')
    .description('go back to the last intact block and make anew what follows from the blocks')
    .action(async (flags: Flags) => runRepair(await loadConfig(flags, process.env), flags.json === true))
  addExamples(repair, 'idobata db repair --datadir /srv/idobata')
  for (const subcommand of [check, repair]) {
    addOptions(subcommand, ['datadir', 'config', 'genesis', 'dev', 'verbosity'])
    addJsonOption(subcommand)
  }
}

/** In the order in which they are checked. */
const PARTS = ['records', 'state', 'blocks', 'canonical chain', 'indexes', 'pool']

async function runCheck(config: NodeConfig, json: boolean): Promise<void> {
  // What is wrong with the genesis file is said here, not by another process.
  await loadGenesis(config)
  const log = createLog(config.verbosity, json ? process.stderr : process.stdout, systemClock.nowMs)
  const { datadir, dev, genesis } = config
  const { tally, findings } = await withProgress((onProgress) =>
    checkDatabase({ datadir, genesis: { dev, genesis } }, onProgress),
  )
  for (const part of PARTS) {
    const found = findings.find((finding) => finding.part === part)
    if (found === undefined) log.info(`${part}: intact`)
    else log.error(`${part}: ${found.first}${found.count > 1 ? ` (and ${found.count - 1} more)` : ''}`)
  }
  const { records, accounts, blocks } = tally
  log.info(findings.length === 0 ? 'no damage found' : 'damage found', { records, accounts, blocks })
  log.close()
  if (json) printJson({ intact: findings.length === 0, findings, records, accounts, blocks })
  if (findings.length > 0) {
    const parts = findings.map(({ part }) => part).join(', ')
    throw new StoreError(`the database in ${config.datadir} is damaged (${parts})`, 'run `idobata db repair`')
  }
}

async function runRepair(config: NodeConfig, json: boolean): Promise<void> {
  const genesis = await loadGenesis(config)
  const { datadir, dev } = config
  const log = createLog(config.verbosity, json ? process.stderr : process.stdout, systemClock.nowMs)
  const outcome = await withProgress((onProgress) =>
    repairDatabase({ datadir, genesis: { dev, genesis: config.genesis } }, onProgress),
  )
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
  if (json) printJson(repairSummary(outcome))
}

function repairSummary(outcome: RepairOutcome): unknown {
  if (outcome.kind === 'nothing-to-repair') return { repaired: false }
  const { dropped, lostBlocks, head, headBefore } = outcome.repaired
  return { repaired: true, dropped: Object.fromEntries(dropped), lostBlocks, head, headBefore: headBefore ?? null }
}

function tellRepair(log: Log, { repaired, salvaged }: Extract<RepairOutcome, { kind: 'repaired' }>): void {
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
