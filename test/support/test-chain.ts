import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Chain, type ChainOptions } from '../../src/chain/chain.ts'
import type { RecoverSenders } from '../../src/chain/importer.ts'
import type { Engine } from '../../src/consensus/engine.ts'
import { loadRecovery } from '../../src/crypto/load-recovery.ts'
import { recoverTransaction } from '../../src/crypto/sender.ts'
import { createPacer, systemClock } from '../../src/node/system.ts'
import type { Clock } from '../../src/primitives/clock.ts'
import { TxError } from '../../src/primitives/errors.ts'
import { Database } from '../../src/store/database.ts'
import type { Pacer } from '../../src/trie/update.ts'

const recovery = await loadRecovery()

/** Sender recovery on this thread. */
export const recoverHere: RecoverSenders = async (transactions) =>
  transactions.map((tx) => {
    try {
      return recoverTransaction(recovery, tx)
    } catch (error) {
      if (error instanceof TxError) return error
      throw error
    }
  })

export interface TestChain {
  readonly chain: Chain
  readonly database: Database
  readonly directory: string
  /** Closes it and removes its directory. */
  remove(): Promise<void>
}

/** A directory of its own under the system's temporary one. */
export function temporaryDirectory(): string {
  return mkdtempSync(join(tmpdir(), 'idobata-test-'))
}

/** A chain on a real database in a temporary directory. */
export async function openTestChain(
  options: ChainOptions,
  engine: Engine,
  {
    clock = systemClock,
    directory = temporaryDirectory(),
    pacer = createPacer(),
    recover = recoverHere,
  }: { clock?: Clock; directory?: string; pacer?: Pacer; recover?: RecoverSenders } = {},
): Promise<TestChain> {
  const database = await Database.open(directory)
  const chain = await Chain.open(options, { database, engine, clock, pacer, recover })
  return {
    chain,
    database,
    directory,
    remove: async () => {
      await chain.close()
      await database.close()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
