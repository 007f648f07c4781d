import { StoreError } from '../primitives/errors.ts'
import { isLocked } from '../store/database.ts'
import { whenFree } from './data-directory.ts'
import type { GenesisSource } from './genesis-file.ts'
import { inspect } from './inspection.ts'
import type { Answers } from './inspection-process.ts'
import type { Finding, OnProgress } from './inspection-tasks.ts'

export interface RepairOptions {
  readonly datadir: string
  readonly genesis: GenesisSource
}

/** What a repair came to. */
export type RepairOutcome =
  | { readonly kind: 'nothing-to-repair' }
  | ({ readonly kind: 'repaired'; readonly salvaged: boolean } & Answers['repair'])

/** Reads everything in a data directory. @throws StoreError if it cannot be opened. */
export function checkDatabase({ datadir, genesis }: RepairOptions, onProgress: OnProgress): Promise<Answers['check']> {
  return whenFree(datadir, () => inspect({ task: 'check', datadir, genesis }, onProgress))
}

/**
 * Brings a data directory back to the last state that can be vouched for. Whoever opens the ledger next builds the state
 * anew where that has to be. May be run again, also after it was cut short.
 * @throws StoreError if nothing can be made of it.
 */
export async function repairDatabase(
  { datadir, genesis }: RepairOptions,
  onProgress: OnProgress,
): Promise<RepairOutcome> {
  const findings = await checkForRepair({ datadir, genesis }, onProgress)
  if (findings !== 'unreadable' && findings.length === 0) return { kind: 'nothing-to-repair' }
  const salvaged = findings === 'unreadable'
  if (salvaged) await inspect({ task: 'salvage', datadir })
  const resetState = salvaged || findings.some(({ part }) => part === 'state' || part === 'blocks')
  const answer = await inspect({ task: 'repair', datadir, genesis, resetState }, onProgress)
  return { kind: 'repaired', salvaged, ...answer }
}

/** What is damaged; `unreadable` where LevelDB itself cannot go on. */
async function checkForRepair(
  options: RepairOptions,
  onProgress: OnProgress,
): Promise<readonly Finding[] | 'unreadable'> {
  try {
    const { tally, findings } = await checkDatabase(options, onProgress)
    return tally.readable ? findings : 'unreadable'
  } catch (error) {
    if (!(error instanceof StoreError) || isLocked(error)) throw error
    return 'unreadable'
  }
}
