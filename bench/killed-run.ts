import { openLedger } from '../src/node/ledger.ts'
import { silentLogger } from '../src/node/logger.ts'
import { systemClock } from '../src/node/system.ts'
import { decodeFixtureBlock, fixtureBlocks, fixtureGenesis, prepareFixture } from './support/fixture.ts'

/**
 * Imports a fixture's blocks into a node's data directory, from its head on, and prints the number of each that is done;
 * to be killed meanwhile.
 * Usage: node killed-run.ts ACCOUNTS BLOCKS TRANSFERS DATADIR.
 */
const [accounts, blocks, transfers, datadir] = process.argv.slice(2)
const shape = { accounts: Number(accounts), blocks: Number(blocks), transfers: Number(transfers) }
const fixture = await prepareFixture(shape, () => {})
const { chain, close } = await openLedger(
  { datadir: datadir!, genesis: fixtureGenesis(shape), dev: false },
  { clock: systemClock, logger: silentLogger },
)

/** As in import-run.ts: whatever is under way at a time is under way when the kill comes. */
const IN_FLIGHT = 4
const running = new Set<Promise<void>>()
for (const read of fixtureBlocks(fixture).slice(chain.head.header.number)) {
  const block = decodeFixtureBlock(read())
  const task = chain.import(block).then(() => {
    running.delete(task)
    console.log(block.header.number)
  })
  running.add(task)
  if (running.size >= IN_FLIGHT) await Promise.race(running)
}
await Promise.all(running)
await close()
