import type { Command } from 'commander'
import type { Flags } from '../node/config.ts'
import { loadConfig } from '../node/config-file.ts'
import { fromHex } from '../primitives/bytes.ts'
import { toChecksumAddress } from '../wallet/address.ts'
import { formatAmount } from '../wallet/amount.ts'
import { hexData, members, quantity } from './answers.ts'
import { argument, parseBlockTag, parseHash } from './arguments.ts'
import { addClientOptions, addExamples } from './options.ts'
import { formatTime, printJson, printTable } from './output.ts'
import { createRpcClient } from './rpc-client.ts'

export function build(command: Command): void {
  command
    .argument('[block]', 'number, hash or tag', 'latest')
    .action(async (block: string, flags: Flags) => run(block, flags))
  addExamples(command, 'idobata block', 'idobata block 1000 --json')
  addClientOptions(command)
}

async function run(which: string, flags: Flags): Promise<void> {
  const config = await loadConfig(flags, process.env)
  const byHash = which.length === 66
  const ref = argument('block', () => (byHash ? parseHash(which) : parseBlockTag(which)))
  const rpc = await createRpcClient(config)
  const block = await rpc.call(byHash ? 'eth_getBlockByHash' : 'eth_getBlockByNumber', [ref, false])
  if (block === null) throw new Error(`${rpc.url} has no block ${which}`)
  if (flags.json) printJson(block)
  else printTable(describeBlock(members(block, 'block')))
}

function describeBlock(block: Readonly<Record<string, unknown>>): string[][] {
  const number = (name: string) => quantity(block[name], name)
  const bytes = (name: string) => hexData(block[name], name)
  const transactions = Array.isArray(block.transactions) ? block.transactions.length : 0
  const baseFee =
    block.baseFeePerGas === undefined ? [] : [['base fee', `${formatAmount(number('baseFeePerGas'), 'gwei')} gwei`]]
  return [
    ['number', `${number('number')}`],
    ['hash', bytes('hash')],
    ['parent', bytes('parentHash')],
    ['time', formatTime(number('timestamp'))],
    ['miner', toChecksumAddress(fromHex(bytes('miner')))],
    ['transactions', `${transactions}`],
    ['gas used', `${number('gasUsed')} of ${number('gasLimit')}`],
    ...baseFee,
    ['difficulty', `${number('difficulty')}`],
    ['size', `${number('size')} bytes`],
    ['state root', bytes('stateRoot')],
  ]
}
