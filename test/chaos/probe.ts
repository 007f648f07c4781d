import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { describeFailure } from '../../src/cli/exit.ts'
import { keccak256Key } from '../../src/crypto/keccak.ts'
import { openLedger } from '../../src/node/ledger.ts'
import { silentLogger } from '../../src/node/logger.ts'
import { systemClock } from '../../src/node/system.ts'
import { fromHex, toHex } from '../../src/primitives/bytes.ts'
import { chaosGenesis, TINY_STATE } from './network.ts'

/**
 * Opens one data directory after the other, as they are named on stdin, and says for each in one line what a node would
 * answer there, or how it would refuse. A process of its own, since LevelDB may abort. Argument: file of addresses.
 */
const keys = readFileSync(process.argv[2]!, 'utf8')
  .split('\n')
  .map((address) => keccak256Key(fromHex(address)))

for await (const datadir of createInterface(process.stdin)) {
  process.stdout.write(`${JSON.stringify(await probe(datadir))}\n`)
}

async function probe(datadir: string): Promise<object> {
  try {
    const ledger = await openLedger(
      { datadir, genesis: chaosGenesis(), dev: false, stateKeeping: TINY_STATE },
      { clock: systemClock, logger: silentLogger },
    )
    try {
      const { chain } = ledger
      const digest = async () => {
        const accounts = await chain.accounts(keys, chain.head.hash)
        return accounts.map((account) => `${account?.nonce ?? 0}:${account?.balance ?? 0}`).join(',')
      }
      // What can be told before the state is there must be right too.
      const early = await digest()
      await chain.recovered()
      const late = await digest()
      return { headHex: toHex(chain.head.hash), digest: early === late ? late : `${late}, but before ${early}` }
    } finally {
      await ledger.close()
    }
  } catch (error) {
    return describeFailure(error)
  }
}
