import { Chain } from '../../src/chain/chain.ts'
import type { Genesis } from '../../src/chain/genesis.ts'
import { createPacer, systemClock } from '../../src/node/system.ts'
import { Database } from '../../src/store/database.ts'
import type { ServedChain } from '../../test/support/serving-host.ts'
import { benchEngine } from './network.ts'

/** A chain of the bench network, to be read alone. */
export async function openServedChain(directory: string, genesis: Genesis): Promise<ServedChain> {
  const database = await Database.open(directory)
  const chain = await Chain.open(
    { genesis },
    { database, engine: benchEngine(), clock: systemClock, pacer: createPacer(), recover: async () => [] },
  )
  return { chain, database }
}
