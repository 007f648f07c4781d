import { readFileSync } from 'node:fs'
import { hashBlock } from '../../src/crypto/hashes.ts'
import { keccak256Key } from '../../src/crypto/keccak.ts'
import { openLedger } from '../../src/node/ledger.ts'
import { silentLogger } from '../../src/node/logger.ts'
import { systemClock } from '../../src/node/system.ts'
import { decodeBlock } from '../../src/primitives/block.ts'
import { fromHex, toHex } from '../../src/primitives/bytes.ts'
import { RlpReader } from '../../src/primitives/rlp.ts'
import { chaosGenesis, TINY_STATE } from './network.ts'

/**
 * The process that is killed: opens the ledger as a node does, with hardly any state in memory, and imports a file of blocks
 * several at a time. Says on stdout what it has acknowledged. Arguments: data directory, file of blocks, file of addresses.
 */
const [datadir, blocksFile, addressesFile] = process.argv.slice(2) as [string, string, string]
const IN_FLIGHT = 8

const say = (...words: (string | number)[]) => process.stdout.write(`${words.join(' ')}\n`)

const ledger = await openLedger(
  { datadir, genesis: chaosGenesis(), dev: false, stateKeeping: TINY_STATE },
  { clock: systemClock, logger: silentLogger },
)
const { chain } = ledger
const keys = readFileSync(addressesFile, 'utf8')
  .split('\n')
  .map((address) => keccak256Key(fromHex(address)))

/** Every balance at the head, so that it can be compared with that of a chain that never crashed. */
const tellState = async () => {
  const { hash } = chain.head
  const accounts = await chain.accounts(keys, hash)
  say('state', toHex(hash), accounts.map((account) => `${account?.nonce ?? 0}:${account?.balance ?? 0}`).join(','))
}
// What can be told at once, and what is there once the state is.
await tellState()
await chain.recovered()
await tellState()

const reader = new RlpReader(new Uint8Array(readFileSync(blocksFile)))
const running: Promise<void>[] = []
while (!reader.done()) {
  const block = hashBlock(decodeBlock(reader.raw()))
  const imported = chain.import(block).then((outcome) => {
    say(outcome, toHex(block.hash))
  })
  running.push(imported)
  if (running.length >= IN_FLIGHT) await running.shift()
}
await Promise.all(running)
await tellState()
say('done')
await ledger.close()
say('closed')
