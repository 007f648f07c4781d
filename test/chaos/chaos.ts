import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { databaseDirectory } from '../../src/node/data-files.ts'
import { checkDatabase } from '../../src/node/repair.ts'
import { temporaryDirectory } from '../support/test-chain.ts'
import { ImportChaos } from './import-chaos.ts'
import { chaosGenesisJson } from './network.ts'
import { NodeChaos } from './node-chaos.ts'
import { Random } from './random.ts'

export interface ChaosOptions {
  readonly seed: number
  readonly kills: number
  /** Rounds between two checks of the databases. */
  readonly checkEvery: number
  readonly log: (line: string) => void
}

export interface ChaosResult {
  readonly kills: number
  readonly completedImports: number
  readonly minedBlocks: number
  readonly acknowledged: { readonly transactions: number; readonly blocks: number }
}

/**
 * Kills importing and mining processes again and again on directories of their own. The directory is kept when something
 * is found. @throws Error that says what was lost or wrong.
 */
export async function runChaos({ seed, kills, checkEvery, log }: ChaosOptions): Promise<ChaosResult> {
  const random = new Random(seed)
  const directory = temporaryDirectory()
  log(`seed ${seed}, directory ${directory}`)
  const genesis = join(directory, 'genesis.json')
  writeFileSync(genesis, JSON.stringify(chaosGenesisJson()))
  const importing = await ImportChaos.create(directory, random, 14)
  const mining = new NodeChaos(directory, random)
  const check = async (datadir: string) => {
    // An import that came to its end has begun anew; the next may be killed before it has a database.
    if (!existsSync(databaseDirectory(datadir))) return
    const { findings } = await checkDatabase({ datadir, genesis: { dev: false, genesis } }, () => {})
    if (findings.length > 0) throw new Error(`db check: ${JSON.stringify(findings)}`)
  }
  for (let round = 1; importing.kills + mining.kills < kills; round++) {
    const subject = random.chance(0.6) ? importing : mining
    await subject.round()
    if (round % checkEvery === 0) await check(subject.datadir)
    log(`round ${round}: ${importing.kills + mining.kills} kills`)
  }
  for (const { datadir } of [importing, mining]) await check(datadir)
  const minedBlocks = await mining.compareWithReference()
  await importing.stop()
  rmSync(directory, { recursive: true, force: true })
  const { acknowledged } = mining
  return { kills: importing.kills + mining.kills, completedImports: importing.completions, minedBlocks, acknowledged }
}
